internal import Buffers
internal import TLS
internal import TestKit

/// TLS sessions without a socket. The first byte chooses what is fed: a server that asks for no
/// certificate, one that requires it, a client, or both ends of a handshake whose bytes are changed
/// on their way.
enum TLSTarget {
  /// The most that one input of a few KiB may be answered with before a session is open.
  private static let outputMax = 64 << 10
  private static let contexts = TLSContexts()

  @Sendable static func run(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let rest = Array(input.dropFirst())
    let piece = first & 4 == 0 ? Int.max : Int(first >> 3) + 1
    switch first & 3 {
    case 0: feed(TLSSession(server: contexts.open, buffers: TLSBuffers()), rest, piece)
    case 1: feed(TLSSession(server: contexts.strict, buffers: TLSBuffers()), rest, piece)
    case 2: feed(client(), rest, piece)
    default: exchange(rest, piece)
    }
  }

  private static func client() -> TLSSession {
    TLSSession(client: contexts.client, host: "localhost", buffers: TLSBuffers())
  }

  private static func feed(_ session: TLSSession, _ bytes: [UInt8], _ piece: Int) {
    let end = TLSPeer(session)
    end.start()
    end.receive(bytes[...], inPiecesOf: piece)
    precondition(end.producedCount <= outputMax, "\(end.producedCount) bytes of output")
    precondition(end.received.isEmpty, "plaintext of a peer that has no key")
    end.session.close(end)
  }

  /// Four bytes are one change: the direction in the highest bit, the place in the stream in the
  /// rest of two bytes, what is added, and whether the stream is cut there.
  private static func exchange(_ input: [UInt8], _ piece: Int) {
    var changes: [[TLSChange]] = [[], []]
    var rest = input[...]
    while rest.count >= 4 {
      let four = Array(rest.prefix(4))
      rest = rest.dropFirst(4)
      let change = TLSChange(
        offset: Int(four[0] & 0x7f) << 8 | Int(four[1]), difference: four[2], cuts: four[3] & 1 != 0
      )
      changes[Int(four[0] >> 7)].append(change)
    }
    let client = TLSPeer(client())
    let server = TLSPeer(
      TLSSession(server: contexts.strict, buffers: TLSBuffers()))
    client.start()
    var hasWritten = false
    while !client.outbox.isEmpty || !server.outbox.isEmpty {
      client.move(to: server, changes[0], piece)
      server.move(to: client, changes[1], piece)
      if !hasWritten, client.session.isOpen, server.session.isOpen {
        hasWritten = true
        client.write(Self.request)
        server.write(Self.response)
      }
    }
    precondition(Self.request.starts(with: server.received), "the server read what nobody wrote")
    precondition(Self.response.starts(with: client.received), "the client read what nobody wrote")
    if changes.allSatisfy(\.isEmpty) {
      precondition(server.received == Self.request, "a handshake that nobody touched failed")
      precondition(client.received == Self.response, "a handshake that nobody touched failed")
    }
  }

  private static let request = [UInt8](repeating: 1, count: 100)
  private static let response = [UInt8](repeating: 2, count: 2000)
}

/// A change of one byte of a stream.
private struct TLSChange {
  let offset: Int
  let difference: UInt8
  /// Whether nothing comes behind it.
  let cuts: Bool
}

/// Contexts under one authority, made once.
private struct TLSContexts: Sendable {
  let open: TLSContext
  let strict: TLSContext
  let client: TLSContext

  init() {
    let authority = TestAuthority()
    let own = TLSCredentials(authority.issue(.server))
    do throws(TLSError) {
      open = try TLSContext(server: .init(credentials: own))
      strict = try TLSContext(
        server: .init(
          credentials: own, clients: .require(authorities: authority.certificate)))
      client = try TLSContext(
        client: .init(
          trust: .authorities(authority.certificate),
          credentials: TLSCredentials(authority.issue(.client))))
    } catch {
      preconditionFailure("the test's own certificates are refused: \(error)")
    }
  }
}

extension TLSCredentials {
  fileprivate init(_ issued: TestAuthority.Issued) {
    self.init(certificateChain: issued.certificate, privateKey: issued.key)
  }
}

/// One end of a session in memory.
private final class TLSPeer: TLSSessionDelegate {
  let session: TLSSession
  private(set) var received: [UInt8] = []
  private(set) var outbox: [UInt8] = []
  private(set) var producedCount = 0
  private var isOver = false
  /// How much has been moved to the other end.
  private var movedCount = 0
  private var isCut = false

  init(_ session: TLSSession) { self.session = session }

  func sessionProduced(_ ciphertext: borrowing ByteWriter) {
    outbox += ciphertext.array()
    producedCount += ciphertext.count
  }

  func sessionOpened() { precondition(session.isOpen, "opened twice, or not at all") }

  func sessionReceived(_ plaintext: RawSpan) {
    precondition(!isOver, "plaintext behind the end")
    var writer = ByteWriter()
    writer.append(plaintext)
    received += writer.array()
  }

  func start() { note(session.start(self)) }

  func write(_ bytes: [UInt8]) {
    var writer = ByteWriter()
    writer.append(bytes)
    _ = session.encrypt(writer, self)
  }

  func receive(_ bytes: ArraySlice<UInt8>, inPiecesOf size: Int) {
    var rest = bytes
    while !rest.isEmpty, !isOver {
      Array(rest.prefix(size)).withBytes { note(session.receive($0, self)) }
      rest = rest.dropFirst(size)
    }
  }

  /// Hands what was produced to the other end, changed.
  func move(to other: TLSPeer, _ changes: [TLSChange], _ size: Int) {
    var bytes = outbox
    outbox = []
    guard !isCut else { return }
    let start = movedCount
    movedCount += bytes.count
    for change in changes where (start..<movedCount).contains(change.offset) {
      let index = change.offset - start
      guard index < bytes.count else { continue }
      bytes[index] ^= change.difference
      guard change.cuts else { continue }
      bytes.removeSubrange(index...)
      isCut = true
    }
    other.receive(bytes[...], inPiecesOf: size)
  }

  private func note(_ progress: TLSSession.Progress) {
    guard progress != .incomplete else { return }
    isOver = true
    precondition(!session.isOpen, "over and open")
  }
}
