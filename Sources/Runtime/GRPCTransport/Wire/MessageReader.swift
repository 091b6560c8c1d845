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

  init(sizeMax: Int) { self.sizeMax = sizeMax }

  /// How many bytes are kept.
  var pendingByteCount: Int { buffer.count - start }

  /// Keeps `bytes`.
  mutating func append(_ bytes: RawSpan) {
    if start > 0 {
      buffer.removeFirst(start)
      start = 0
    }
    buffer.append(bytes)
  }

  /// What the prefix of the next message says.
  borrowing func prefix() -> Prefix {
    buffer.withBytes { bytes in
      Self.size(of: bytes.extracting(start..<bytes.byteCount), max: sizeMax)
    }
  }

  /// The next message of what was kept.
  mutating func next() -> Step {
    var size = 0
    let step = buffer.withBytes { bytes -> Step? in
      let rest = bytes.extracting(start..<bytes.byteCount)
      switch Self.size(of: rest, max: sizeMax) {
      case .broken(let error): return .broken(error)
      case .incomplete: return .incomplete
      case .size(let found):
        size = found
        guard rest.byteCount >= Self.prefixSize + found else { return .incomplete }
        return .message(rest.extracting(Self.prefixSize..<(Self.prefixSize + found)).array())
      }
    }
    guard let step else { return .incomplete }
    if case .message = step {
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
  static func size(of bytes: RawSpan, max: Int) -> Prefix {
    guard bytes.byteCount >= 1 else { return .incomplete }
    switch bytes.byte(at: 0) {
    case 0: break
    case 1: return .broken(.compressedWithoutEncoding)
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
    for index in 0..<4 {
      let byte = UInt8(truncatingIfNeeded: size >> (24 - 8 * index))
      writer.replaceByte(at: start + 1 + index, with: byte)
    }
    return size
  }

  /// Appends a message's prefix.
  static func appendPrefix(of size: Int, to writer: inout ByteWriter) {
    writer.append(0)
    writer.append(UInt8(truncatingIfNeeded: size >> 24))
    writer.append(UInt8(truncatingIfNeeded: size >> 16))
    writer.append(UInt8(truncatingIfNeeded: size >> 8))
    writer.append(UInt8(truncatingIfNeeded: size))
  }
}

extension RPCError {
  static let compressedWithoutEncoding = RPCError(
    .internal, "A message is marked as compressed, but the call has no grpc-encoding.")
}
