import Buffers
import TestKit

@testable import TLS

/// One end of a session in memory.
final class TLSEnd: TLSSessionDelegate {
  let session: TLSSession
  private(set) var openedCount = 0
  private(set) var received: [UInt8] = []
  private(set) var outcome: TLSSession.Progress?
  /// What it has produced and the other end was not given yet.
  var outbox: [UInt8] = []
  /// How often ciphertext was handed over.
  var producedCount = 0

  init(_ session: TLSSession) { self.session = session }

  func sessionProduced(_ ciphertext: borrowing ByteWriter) {
    outbox += ciphertext.array()
    producedCount += 1
  }

  func sessionOpened() { openedCount += 1 }

  func sessionReceived(_ plaintext: RawSpan) {
    unsafe plaintext.withUnsafeBytes { received += unsafe Array($0) }
  }

  func start() { note(session.start(self)) }

  func receive(_ bytes: [UInt8]) {
    bytes.withBytes { note(session.receive($0, self)) }
  }

  func write(_ bytes: [UInt8]) -> Bool {
    var writer = ByteWriter()
    writer.append(bytes)
    return session.encrypt(writer, self) == .done
  }

  func close() { session.close(self) }

  private func note(_ progress: TLSSession.Progress) {
    if progress != .incomplete, outcome == nil { outcome = progress }
  }

  var failure: TLSHandshakeResult? {
    if case .failed(let failure) = outcome { failure.result } else { nil }
  }
}

/// A client and a server in memory.
struct TLSPair {
  let client: TLSEnd
  let server: TLSEnd

  init(
    client: TLSContext, server: TLSContext, host: String = "localhost",
    buffers: (TLSBuffers, TLSBuffers) = (TLSBuffers(), TLSBuffers())
  ) {
    self.client = TLSEnd(TLSSession(client: client, host: host, buffers: buffers.0))
    self.server = TLSEnd(TLSSession(server: server, buffers: buffers.1))
    self.client.start()
  }

  /// Carries bytes, in pieces of `size`, until neither end has any. An end that failed gets none.
  func carry(inPiecesOf size: Int = .max) {
    while !client.outbox.isEmpty || !server.outbox.isEmpty {
      move(from: client, to: server, size)
      move(from: server, to: client, size)
    }
  }

  private func move(from: TLSEnd, to: TLSEnd, _ size: Int) {
    let bytes = from.outbox
    from.outbox = []
    var rest = bytes[...]
    while !rest.isEmpty, to.outcome == nil {
      to.receive(Array(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
  }
}

/// Contexts under one authority.
struct TLSWorld {
  let authority = TestAuthority()

  func server(
    _ request: TestAuthority.Request = .server, clients: ClientVerification = .none
  ) throws -> TLSContext {
    try TLSContext(
      server: .init(credentials: .init(authority.issue(request)), clients: clients))
  }

  func client(_ request: TestAuthority.Request? = nil) throws -> TLSContext {
    try TLSContext(
      client: .init(
        trust: .authorities(authority.certificate),
        credentials: request.map { .init(authority.issue($0)) }))
  }
}
