import Buffers
import COpenSSL
import Synchronization
import TestKit
import Testing

@testable import TLS

@Suite struct TLSSessionTests {
  private let world = TLSWorld()

  @Test(arguments: [1, 7, Int.max])
  func handshakeAndBytesInPieces(size: Int) throws {
    let pair = TLSPair(client: try world.client(), server: try world.server())
    pair.carry(inPiecesOf: size)
    #expect(pair.client.openedCount == 1 && pair.server.openedCount == 1)
    let request = [UInt8](repeating: 7, count: 100_000)
    #expect(pair.client.write(request))
    #expect(pair.server.write([1, 2, 3]))
    pair.carry(inPiecesOf: size)
    #expect(pair.server.received == request)
    #expect(pair.client.received == [1, 2, 3])
    let security = try #require(pair.server.session.security)
    #expect(security.version == "TLSv1.3")
    #expect(security.applicationProtocol == "h2")
    #expect(security.resumption == .full)
    #expect(security.peer == nil)
    #expect(pair.client.session.security?.peer?.dnsNames == ["localhost"])
  }

  /// A close_notify in plaintext before the handshake is done, which takes no key to send: it
  /// ended the whole process once.
  @Test func anEndDuringTheHandshakeFailsItsSessionOnly() throws {
    let closeNotify: [UInt8] = [0x15, 3, 3, 0, 2, 1, 0]
    let pair = TLSPair(client: try world.client(), server: try world.server())
    let hello = pair.client.outbox
    pair.server.receive(hello)
    #expect(pair.server.outcome == nil)
    pair.server.receive(closeNotify)
    #expect(pair.server.failure != nil)
    pair.client.receive(closeNotify)
    #expect(pair.client.failure != nil)
  }

  @Test func oneWriteIsHandedOverAtOnce() throws {
    let pair = TLSPair(client: try world.client(), server: try world.server())
    pair.carry()
    let before = pair.server.producedCount
    #expect(pair.server.write([UInt8](repeating: 1, count: 64 << 10)))
    #expect(pair.server.producedCount == before + 1)
    // Four records of 16 KiB: 22 bytes of overhead each.
    #expect(pair.server.outbox.count == (64 << 10) + 4 * 22)
  }

  @Test func sessionsOfOneLoopShareBuffers() throws {
    let shared = TLSBuffers()
    let client = try world.client()
    let server = try world.server()
    let pairs = (0..<3).map { _ in
      TLSPair(client: client, server: server, buffers: (shared, shared))
    }
    for pair in pairs { pair.carry(inPiecesOf: 100) }
    for (index, pair) in pairs.enumerated() { #expect(pair.client.write([UInt8(index)])) }
    for (index, pair) in pairs.enumerated() {
      pair.carry()
      #expect(pair.server.received == [UInt8(index)])
    }
  }

  @Test func sessionsAreResumedOnce() throws {
    let client = try world.client(.client)
    let server = try world.server(clients: .require(authorities: world.authority.certificate))
    var expected: [TLSResumption] = [.full, .resumed, .resumed]
    for resumption in expected {
      let pair = TLSPair(client: client, server: server)
      pair.carry()
      #expect(pair.server.session.resumption == resumption)
      #expect(pair.client.session.resumption == resumption)
      #expect(pair.server.session.security?.peer?.spiffeID == "spiffe://example.org/caller")
    }
    expected.removeAll()
    // Two at once: the second has no ticket left.
    let pairs = (0..<2).map { _ in TLSPair(client: client, server: server) }
    for pair in pairs { pair.carry() }
    #expect(pairs.map(\.server.session.resumption) == [.resumed, .full])
  }

  @Test func aNewContextResumesNothing() throws {
    let client = try world.client()
    for _ in 0..<2 {
      let pair = TLSPair(client: client, server: try world.server())
      pair.carry()
      #expect(pair.server.session.resumption == .full)
    }
  }

  @Test func resumedSessionsEndWithTheirCertificate() throws {
    let client = try world.client(.client)
    let clock = Mutex<Int64>(0)
    let server = try TLSContext(
      server: .init(
        credentials: .init(world.authority.issue(.server)),
        clients: .require(authorities: world.authority.certificate))
    ) { clock.withLock { $0 } }
    let first = TLSPair(client: client, server: server)
    first.carry()
    #expect(first.server.openedCount == 1)
    let expiry = try #require(first.server.session.security?.peer?.expiry)
    clock.withLock { $0 = expiry + 1 }
    let second = TLSPair(client: client, server: server)
    second.carry()
    #expect(second.server.failure == .certificateExpired)
    #expect(second.server.openedCount == 0)
  }

  @Test func closeIsTold() throws {
    let pair = TLSPair(client: try world.client(), server: try world.server())
    pair.carry()
    pair.client.close()
    pair.carry()
    #expect(pair.server.outcome == .ended)
    #expect(!pair.client.write([1]))
    #expect(!pair.server.write([1]))
  }

  @Test func changedBytesEndTheSession() throws {
    let pair = TLSPair(client: try world.client(), server: try world.server())
    pair.carry()
    #expect(pair.client.write([1, 2, 3]))
    pair.client.outbox[10] ^= 1
    pair.carry()
    #expect(pair.server.failure == .decryptionFailed)
    #expect(pair.server.received.isEmpty)
    #expect(!pair.server.write([1]))
  }

  @Test func otherProtocolsAreRefused() throws {
    let context = try world.server()
    for (bytes, result) in [
      ("GET / HTTP/1.1\r\n\r\n", TLSHandshakeResult.unexpectedMessage),
      ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .protocolVersionUnsupported),
      ("\u{16}\u{3}\u{1}\u{0}\u{5}hello", .unexpectedMessage),
    ] {
      let end = TLSEnd(TLSSession(server: context, buffers: TLSBuffers()))
      end.receive(Array(bytes.utf8))
      #expect(end.failure == result, "\(bytes): \(String(describing: end.outcome))")
    }
  }

  @Test func aServerWithoutH2IsRefused() throws {
    let context = try world.server()
    unsafe SSL_CTX_set_alpn_select_cb(
      context.handle.raw, { _, _, _, _, _, _ in SSL_TLSEXT_ERR_NOACK }, nil)
    let pair = TLSPair(client: try world.client(), server: context)
    pair.carry()
    #expect(pair.client.failure == .noApplicationProtocol)
    #expect(pair.client.openedCount == 0)
  }

  @Test func keysThatChangeAllTheTimeEndTheSession() throws {
    let pair = TLSPair(client: try world.client(), server: try world.server())
    pair.carry()
    func update(_ count: Int) {
      for _ in 0..<count {
        pair.client.updateKeys()
        #expect(pair.client.write([1]))
      }
      pair.carry()
    }
    update(32)
    #expect(pair.server.outcome == nil)
    #expect(pair.server.received.count == 32)
    update(100)
    #expect(pair.server.failure == .unexpectedMessage)
  }

  @Test func plaintextEarnsKeyUpdates() {
    var guardian = HandshakeStepGuard()
    for _ in 0...HandshakeStepGuard.freeStepCountMax { guardian.stepped() }
    #expect(guardian.isExceeded)
    guardian.received(byteCount: HandshakeStepGuard.byteCountPerTenSteps)
    #expect(!guardian.isExceeded)
  }
}

extension TLSEnd {
  /// Changes the keys with the next write, and asks the other end to do so.
  fileprivate func updateKeys() {
    #expect(unsafe SSL_key_update(session.handle, SSL_KEY_UPDATE_REQUESTED) == 1)
  }
}
