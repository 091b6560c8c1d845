internal import Buffers
internal import Compression
internal import GRPC
internal import HTTP2

/// A call's compressed messages. On the loop only; a call without an encoding never comes here.
extension ServerCall {
  /// How a response message is compressed.
  struct ResponseFormat {
    let format: CompressionFormat
    /// Whether the handler asked for it, so that the size does not matter.
    let isForced: Bool
  }

  // MARK: What comes

  /// Starts a unary call's handler with what `message` stands for.
  func startInflated(_ message: RawSpan) {
    context?.noteRequest(isCompressed: true)
    var plain = ByteWriter()
    do throws(RPCError) {
      try inflate(message, into: &plain)
    } catch {
      return fail(error)
    }
    plain.withBytes { start($0) }
  }

  /// A message of a streaming call, once the handler takes it.
  func inflated(_ message: [UInt8]) -> Request {
    var plain = ByteWriter()
    do throws(RPCError) {
      try message.withBytes { (bytes) throws(RPCError) in try inflate(bytes, into: &plain) }
      return .message(plain.array(), isCompressed: true)
    } catch {
      return .failure(error)
    }
  }

  private func inflate(_ message: RawSpan, into plain: inout ByteWriter) throws(RPCError) {
    guard let format = compression.requests else { throw .compressedWithoutEncoding }
    let limits = InflationLimits(
      sizeMax: reader.sizeMax, ratioMax: connection.configuration.inflationRatioMax)
    try connection.owner.compressor.inflate(
      message: message, from: format, limits: limits, into: &plain)
  }

  // MARK: What goes

  /// The format that may be used on this call, which a streaming answer announces; `nil` is none.
  var announcedFormat: CompressionFormat? {
    guard let format = compression.responses,
      connection.configuration.responseCompression != .never
    else { return nil }
    return format
  }

  /// How the next message goes, given what its handler asks for; `nil` as it is.
  func responseFormat(_ format: CompressionFormat, _ wish: Bool?) -> ResponseFormat? {
    let policy = connection.configuration.responseCompression
    let isCompressed =
      switch policy {
      case .never: false
      case .asked: wish ?? false
      case .mirrored: wish ?? (compression.requests != nil)
      case .always: wish ?? true
      }
    return isCompressed ? ResponseFormat(format: format, isForced: wish == true) : nil
  }

  /// The headers of an answer whose messages may be in `format`.
  func responseHeaders(_ format: CompressionFormat?) -> HeaderPreset {
    compression.announcesEncodings ? StatusTrailers.response(format) : StatusTrailers.response
  }

  /// Appends a message; gives back its size on the wire.
  func append(_ message: RawSpan, _ response: ResponseFormat, to writer: inout ByteWriter) -> Int {
    connection.owner.compressor.append(
      message, as: response.format, sizeMin: connection.configuration.compressedSizeMin,
      isForced: response.isForced, to: &writer)
  }

  /// Appends what `serialize` appends as a message; gives back its size on the wire, or the whole
  /// size of one that is too large.
  func appendNegotiated(
    to writer: inout ByteWriter, _ response: ResponseFormat,
    _ serialize: (inout ByteWriter) -> Void
  ) -> Int {
    var plain = ByteWriter()
    serialize(&plain)
    guard plain.count <= connection.configuration.responseSizeMax else { return plain.count }
    return plain.withBytes { append($0, response, to: &writer) }
  }
}
