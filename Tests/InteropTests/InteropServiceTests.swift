import EventLoops
import GRPC
import TestAPI
import Testing

@testable import Interop

/// What no case of gRPC's sees without accounts of a cloud.
@Suite struct InteropServiceTests {
  private typealias Messages = TestAPI.Grpc.Testing

  @Test func theUserIsWhomTheCertificateNames() async throws {
    let loop = EventLoop(name: "interop")
    let service = InteropService(id: "one", reports: LoadReports(), loop: loop)
    let identity = PeerIdentity(subject: "CN=caller", dnsNames: [], uris: [], spiffeID: nil)
    let method = Messages.TestServiceMethods.unaryCall
    for (peer, user) in [(identity, "CN=caller"), (nil, "")] as [(PeerIdentity?, String)] {
      let answer = try await service.unaryCall(
        Messages.SimpleRequest(fillUsername: true),
        context: ServerContext(method: method, peerIdentity: peer))
      #expect(answer.username == user)
    }
    loop.stop()
  }

  @Test(arguments: [-1, InteropService.payloadSizeMax + 1] as [Int32])
  func aPayloadThatCantBeIsRefused(_ size: Int32) {
    #expect(throws: RPCError.self) { try InteropService.payload(.compressable, size) }
    #expect(throws: RPCError.self) { try InteropService.payload(.unrecognized(7), 1) }
  }
}
