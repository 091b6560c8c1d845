import TestKit
import Testing

@testable import TLS

/// Who is let in, and what is told of those who are not.
@Suite struct TLSVerificationTests {
  private let world = TLSWorld()

  private var authorities: [UInt8] { world.authority.certificate }

  @Test func clientsAreNotAskedRequestedOrRequired() throws {
    let named = try world.client(.client)
    let unnamed = try world.client()
    func peer(_ clients: ClientVerification, _ client: TLSContext) throws -> (Bool, String?) {
      let pair = TLSPair(client: client, server: try world.server(clients: clients))
      pair.carry()
      return (pair.server.openedCount == 1, pair.server.session.security?.peer?.subject)
    }
    #expect(try peer(.none, named) == (true, nil))
    #expect(try peer(.request(authorities: authorities), named) == (true, "CN=client"))
    #expect(try peer(.request(authorities: authorities), unnamed) == (true, nil))
    #expect(try peer(.require(authorities: authorities), named) == (true, "CN=client"))
    #expect(try peer(.require(authorities: authorities), unnamed) == (false, nil))
  }

  /// What the server counts, and what the client sees of it.
  private func refusal(
    _ client: TLSContext, _ clients: ClientVerification
  ) throws -> (TLSHandshakeResult?, TLSHandshakeResult?) {
    let pair = TLSPair(client: client, server: try world.server(clients: clients))
    pair.carry()
    #expect(pair.server.openedCount == 0)
    return (pair.server.failure, pair.client.failure)
  }

  @Test func badClientsAreRefusedWithTheirReason() throws {
    let required = ClientVerification.require(authorities: authorities)
    #expect(
      try refusal(world.client(), required)
        == (.certificateVerificationFailed, .certificateVerificationFailed))
    var old = TestAuthority.Request.client
    old.notBefore = -7200
    old.notAfter = -3600
    #expect(try refusal(world.client(old), required) == (.certificateExpired, .certificateExpired))
    var early = TestAuthority.Request.client
    early.notBefore = 3600
    early.notAfter = 7200
    #expect(try refusal(world.client(early), required).0 == .certificateNotYetValid)
    let stranger = TestAuthority("another authority").issue(.client)
    let foreign = try TLSContext(
      client: .init(trust: .authorities(authorities), credentials: .init(stranger)))
    #expect(
      try refusal(foreign, required)
        == (.certificateAuthorityInvalid, .certificateAuthorityInvalid))
    #expect(
      try refusal(foreign, .request(authorities: authorities)).0 == .certificateAuthorityInvalid)
  }

  /// What a client says of a server.
  private func verdict(
    on request: TestAuthority.Request, host: String, client: TLSContext? = nil
  ) throws -> TLSHandshakeResult {
    let pair = TLSPair(
      client: try client ?? world.client(), server: try world.server(request), host: host)
    pair.carry()
    #expect((pair.client.openedCount == 1) == (pair.client.failure == nil))
    return pair.client.failure ?? .success
  }

  @Test func serversMustHaveTheNameThatIsCalled() throws {
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "::1"] {
      #expect(try verdict(on: .server, host: host) == .success)
    }
    for host in ["example.org", "127.0.0.2", "localhost.example", ""] {
      #expect(try verdict(on: .server, host: host) == .certificateHostnameMismatch, "\(host)")
    }
    var wild = TestAuthority.Request("wild")
    wild.dnsNames = ["*.example.org"]
    #expect(try verdict(on: wild, host: "a.example.org") == .success)
    #expect(try verdict(on: wild, host: "a.b.example.org") == .certificateHostnameMismatch)
    let other = try TLSContext(
      client: .init(trust: .authorities(authorities), serverName: "a.example.org"))
    #expect(try verdict(on: wild, host: "127.0.0.1", client: other) == .success)
  }

  @Test func serversMustBeTrusted() throws {
    var old = TestAuthority.Request.server
    old.notBefore = -7200
    old.notAfter = -3600
    #expect(try verdict(on: old, host: "localhost") == .certificateExpired)
    let system = try TLSContext(client: .init())
    #expect(
      try verdict(on: .server, host: "localhost", client: system) == .certificateAuthorityInvalid)
  }

  @Test func theServerIsToldWhyTheClientWentAway() throws {
    let pair = TLSPair(client: try world.client(), server: try world.server(), host: "example.org")
    pair.carry()
    // bad_certificate (42) is what OpenSSL sends for a wrong name.
    #expect(pair.server.failure == .certificateVerificationFailed)
  }

  @Test func alertsAndReasonsAreCountedAsTheGRFCNamesThem() {
    #expect(TLSHandshakeResult.allCases.count == 19)
    #expect(TLSHandshakeResult(alert: 70) == .protocolVersionUnsupported)
    #expect(TLSHandshakeResult(alert: 120) == .noApplicationProtocol)
    #expect(TLSHandshakeResult(alert: 86) == .inappropriateFallback)
    #expect(TLSHandshakeResult(alert: 99) == .unknownFailure)
    #expect(TLSHandshakeResult.success.rawValue == "SUCCESS")
    #expect(TLSResumption.resumed.rawValue == "RESUMED_HANDSHAKE")
  }
}
