import EventLoops
import GRPC
import HTTP2
import TestKit
import Testing

@testable import GRPCTransport

/// A call waits for the server's stream limit, or gets another connection (gRFC A105).
@Suite(.timeLimit(.minutes(1))) struct ConnectionScalingTests {
  /// Answers with the caller's address and waits for the end of the requests.
  private struct PeerService: Service {
    static let name = "trunkline.testing.Peer"
    static let fileDescriptorSet: [UInt8] = []
    static let ask = MethodDescriptor(
      service: name, method: "Ask", kind: .bidirectionalStreaming)

    func register(in router: inout Router) {
      router.bidirectionalStreaming(Self.ask, BytesMessage.self, BytesMessage.self) {
        requests, responses, context async throws(RPCError) in
        try await responses.write(BytesMessage(context.peer))
        while try await requests.next() != nil {}
      }
    }
  }

  /// Opens `count` calls at once, and gives the connections that they were on.
  private func peers(of count: Int, connectionsMax: Int) async throws -> [String] {
    let clientLoop = EventLoop(name: "client")
    let serverLoop = EventLoop(name: "server")
    var serverConfiguration = ServerConfiguration.defaults
    serverConfiguration.http2.concurrentStreamsMax = 2
    let server = GRPCServer(
      router: Router(services: [PeerService()]), configuration: serverConfiguration,
      loops: [serverLoop])
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    var configuration = ClientConfiguration.defaults
    configuration.connectionsPerAddressMax = connectionsMax
    let channel = GRPCChannel(
      target: ChannelTarget(addresses: [try await server.listen(at: any)]), loop: clientLoop,
      configuration: configuration)
    let answered = Pipe<String>(costMax: .max)
    let peers = await withTaskGroup(of: Void.self) { group in
      let ends = (0..<count).map { _ in Pipe<Void>(costMax: 1) }
      for end in ends {
        group.addTask {
          try? await channel.bidirectionalStreaming(PeerService.ask) {
            (requests: RequestWriter<BytesMessage>, responses: ResponseStream<BytesMessage>)
              async throws(RPCError) in
            answered.push(try await responses.next()?.text ?? "", cost: 0)
            _ = await end.receive()
            try await requests.finish()
            while try await responses.next() != nil {}
          }
        }
      }
      var peers: [String] = []
      for index in 0..<count {
        // Without room on a second connection the third call waits for the end of the first two.
        if index == 2, connectionsMax == 1 { for end in ends { end.end() } }
        if case .element(let peer) = await answered.receive() { peers.append(peer) }
      }
      for end in ends { end.end() }
      return peers
    }
    await channel.close()
    await server.shutdown(within: .seconds(5))
    clientLoop.stop()
    serverLoop.stop()
    return peers
  }

  @Test func callsBeyondTheStreamLimitGetAnotherConnection() async throws {
    let peers = try await peers(of: 5, connectionsMax: 3)
    #expect(peers.count == 5)
    #expect(Set(peers).count == 3)
    #expect(Dictionary(grouping: peers) { $0 }.values.allSatisfy { $0.count <= 2 })
  }

  @Test func callsWaitWhereThereMayBeOneConnection() async throws {
    let peers = try await peers(of: 3, connectionsMax: 1)
    #expect(peers.count == 3)
    #expect(Set(peers).count == 1)
  }
}
