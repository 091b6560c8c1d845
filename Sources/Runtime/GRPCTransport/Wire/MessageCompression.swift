internal import Buffers
internal import Compression
internal import GRPC

extension Compressor {
  /// Appends `message` with its prefix to `writer`, deflated, and gives back its size on the wire.
  ///
  /// Unless `isForced`, a message below `sizeMin` bytes, or one that deflating does not make
  /// smaller, goes as it is.
  func append(
    _ message: RawSpan, as format: CompressionFormat, sizeMin: Int, isForced: Bool,
    to writer: inout ByteWriter
  ) -> Int {
    guard isForced || message.byteCount >= sizeMin else {
      return Self.appendPlain(message, to: &writer)
    }
    var deflated = ByteWriter(capacity: message.byteCount / 4 + 64)
    deflate(message, as: format, into: &deflated)
    guard isForced || deflated.count < message.byteCount else {
      return Self.appendPlain(message, to: &writer)
    }
    let size = deflated.count
    writer.reserve(MessageReader.prefixSize + size)
    MessageReader.appendPrefix(of: size, isCompressed: true, to: &writer)
    deflated.withBytes { writer.append($0) }
    return size
  }

  private static func appendPlain(_ message: RawSpan, to writer: inout ByteWriter) -> Int {
    writer.reserve(MessageReader.prefixSize + message.byteCount)
    MessageReader.appendPrefix(of: message.byteCount, to: &writer)
    writer.append(message)
    return message.byteCount
  }

  /// Appends what the compressed `message` stands for to `writer`.
  ///
  /// More than `limits` allow is RESOURCE_EXHAUSTED; what can't be read is INTERNAL
  /// (doc/compression.md).
  func inflate(
    message: RawSpan, from format: CompressionFormat, limits: InflationLimits,
    into writer: inout ByteWriter
  ) throws(RPCError) {
    // Some peers compress the empty message to nothing.
    guard message.byteCount > 0 else { return }
    do throws(InflationError) {
      try inflate(message, from: format, limits: limits, into: &writer)
    } catch {
      throw RPCError(error, size: message.byteCount)
    }
  }
}

extension RPCError {
  /// Why a compressed message of `size` bytes can't be read.
  init(_ error: InflationError, size: Int) {
    switch error {
    case .tooLarge(let limit):
      self.init(
        .resourceExhausted,
        "Message of \(size) compressed bytes is larger once it is inflated than the limit of "
          + "\(limit) bytes.")
    case .ratioExceeded(_, let limit):
      self.init(
        .resourceExhausted,
        "Message of \(size) compressed bytes becomes more than \(limit) times as large when it is "
          + "inflated; that is the limit.")
    case .corrupt, .truncated, .trailingBytes:
      self.init(.internal, "A message can't be inflated. \(error)")
    }
  }
}
