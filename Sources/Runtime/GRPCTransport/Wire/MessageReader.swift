internal import Buffers
internal import GRPC

/// Cuts the payload of a stream into messages (PROTOCOL-HTTP2, Length-Prefixed-Message). DATA
/// frames mean nothing to it.
///
/// A message's size is checked as soon as its prefix is there, before anything is kept.
struct MessageReader: ~Copyable {
  static let prefixSize = 5

  /// What ``next()`` finds.
  enum Step {
    case message([UInt8])
    /// More bytes are needed.
    case incomplete
    case broken(RPCError)
  }

  private var buffer = ByteWriter()
  private var start = 0
  let sizeMax: Int
  /// Whether messages may be compressed: the call has an encoding other than identity.
  var acceptsCompressed = false
  /// Whether the message that ``next()`` gave last is compressed.
  private(set) var isCompressed = false

  init(sizeMax: Int) { self.sizeMax = sizeMax }

  /// Gives up what is kept to another reader, and is empty.
  mutating func take() -> MessageReader {
    var other = MessageReader(sizeMax: sizeMax)
    other.acceptsCompressed = acceptsCompressed
    swap(&self, &other)
    return other
  }

  /// How many bytes are kept.
  var pendingByteCount: Int { buffer.count - start }

  /// How much memory is held for them. It doubles with what has come, whatever size a prefix
  /// claims: a promise of 4 MiB costs nobody 4 MiB.
  var capacity: Int { buffer.capacity }

  /// Keeps `bytes`.
  mutating func append(_ bytes: RawSpan) {
    makeRoom()
    buffer.append(bytes)
  }

  /// Keeps what `write` appends, and gives back what it gives.
  mutating func append<R>(_ write: (inout ByteWriter) -> R) -> R {
    makeRoom()
    return write(&buffer)
  }

  /// What was taken goes when it is at least as much as what stays: however small the pieces and
  /// the messages are, a byte moves once for each byte that is taken.
  private mutating func makeRoom() {
    guard start > 0, start >= buffer.count - start else { return }
    buffer.removeFirst(start)
    start = 0
  }

  /// Lends what is kept when it is one whole message and nothing else; `nil` when it is not.
  borrowing func withOnlyMessage<R>(
    _ body: (RawSpan, _ isCompressed: Bool) -> R
  ) -> R? {
    buffer.withBytes { bytes in
      let rest = bytes.extracting(start..<bytes.byteCount)
      guard case .size(let size) = Self.size(of: rest, max: sizeMax, acceptsCompressed),
        rest.byteCount == Self.prefixSize + size
      else { return nil }
      return body(rest.extracting(Self.prefixSize..<rest.byteCount), rest.byte(at: 0) == 1)
    }
  }

  /// What the prefix of the next message says.
  borrowing func prefix() -> Prefix {
    buffer.withBytes { bytes in
      Self.size(of: bytes.extracting(start..<bytes.byteCount), max: sizeMax, acceptsCompressed)
    }
  }

  /// The next message of what was kept.
  mutating func next() -> Step {
    var size = 0
    var flag: UInt8 = 0
    let step = buffer.withBytes { bytes -> Step? in
      let rest = bytes.extracting(start..<bytes.byteCount)
      switch Self.size(of: rest, max: sizeMax, acceptsCompressed) {
      case .broken(let error): return .broken(error)
      case .incomplete: return .incomplete
      case .size(let found):
        size = found
        guard rest.byteCount >= Self.prefixSize + found else { return .incomplete }
        flag = rest.byte(at: 0)
        return .message(rest.extracting(Self.prefixSize..<(Self.prefixSize + found)).array())
      }
    }
    guard let step else { return .incomplete }
    if case .message = step {
      isCompressed = flag == 1
      start += Self.prefixSize + size
      if start == buffer.count {
        buffer.removeAll(keeping: 16 << 10)
        start = 0
      }
    }
    return step
  }

  /// What a prefix says.
  enum Prefix {
    case size(Int)
    case incomplete
    case broken(RPCError)
  }

  /// Reads the prefix at the start of `bytes`.
  static func size(
    of bytes: RawSpan, max: Int, _ acceptsCompressed: Bool = false
  ) -> Prefix {
    guard bytes.byteCount >= 1 else { return .incomplete }
    switch bytes.byte(at: 0) {
    case 0: break
    case 1:
      guard acceptsCompressed else { return .broken(.compressedWithoutEncoding) }
    default: return .broken(RPCError(.internal, "The first byte of a message is not 0 or 1."))
    }
    guard bytes.byteCount >= prefixSize else { return .incomplete }
    var size = 0
    for offset in 1..<prefixSize { size = size << 8 | Int(bytes.byte(at: offset)) }
    guard size <= max else { return .broken(.tooLarge(size: size, limit: max)) }
    return .size(size)
  }

  /// Appends a message: its prefix, and what `serialize` appends, whose size it gives back.
  static func append(
    to writer: inout ByteWriter, _ serialize: (inout ByteWriter) -> Void
  ) -> Int {
    let start = writer.count
    appendPrefix(of: 0, to: &writer)
    serialize(&writer)
    let size = writer.count - start - prefixSize
    writer.replace(at: start + 1, withBigEndian: UInt32(truncatingIfNeeded: size))
    return size
  }

  /// Appends a message's prefix.
  static func appendPrefix(
    of size: Int, isCompressed: Bool = false, to writer: inout ByteWriter
  ) {
    writer.append(isCompressed ? 1 : 0)
    writer.append(bigEndian: UInt32(truncatingIfNeeded: size))
  }
}

extension RPCError {
  static let compressedWithoutEncoding = RPCError(
    .internal, "A message is marked as compressed, but the call has no grpc-encoding.")
}
