internal import Buffers
internal import Compression
internal import EventLoops
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

  /// Starts a unary call's handler with what `message` stands for: at once, or after some ticks
  /// when that is large.
  func startInflated(_ message: RawSpan) {
    context?.noteRequest(isCompressed: true)
    var plain = ByteWriter()
    do throws(RPCError) {
      guard try inflate(message, into: &plain) else {
        guard keepMore(message.byteCount) else { return }
        return connection.inflations.add(self, message.array())
      }
    } catch {
      return fail(error)
    }
    plain.withBytes { start($0) }
  }

  /// A message of a streaming call, once the handler takes it.
  func inflated(_ message: [UInt8]) async throws(RPCError) -> [UInt8] {
    while true {
      if let plain = try await onLoop({ $0.inflateMore(message) }).get() { return plain }
      await loop.nextTick()
    }
  }

  /// What `message` stands for, once all of it is inflated.
  private func inflateMore(_ message: [UInt8]) -> Result<[UInt8]?, RPCError> {
    guard phase == .running else { return .failure(context?.cancellationError ?? .callIsOver) }
    do throws(RPCError) {
      if let inflation {
        guard try advance(inflation) else { return .success(nil) }
        self.inflation = nil
        return .success(inflation.withText { $0.array() })
      }
      var plain = ByteWriter()
      let isWhole = try message.withBytes { (bytes) throws(RPCError) in
        try inflate(bytes, into: &plain)
      }
      if isWhole { return .success(plain.array()) }
      inflation = try makeInflation(message)
      return .success(nil)
    } catch {
      inflation = nil
      return .failure(error)
    }
  }

  /// An inflation of `message` in slices.
  func makeInflation(_ message: [UInt8]) throws(RPCError) -> SlicedInflation {
    guard let format = compression.requests else { throw .compressedWithoutEncoding }
    return SlicedInflation(message, from: format, limits: inflationLimits)
  }

  /// One more slice; whether it was the last.
  func advance(_ inflation: SlicedInflation) throws(RPCError) -> Bool {
    do throws(InflationError) {
      return try inflation.advance()
    } catch {
      throw RPCError(error, size: inflation.message.count)
    }
  }

  private var inflationLimits: InflationLimits {
    InflationLimits(
      sizeMax: reader.sizeMax, ratioMax: connection.configuration.inflationRatioMax)
  }

  /// Inflates a message whose text is no more than a slice; `false` when it is.
  private func inflate(
    _ message: RawSpan, into plain: inout ByteWriter
  ) throws(RPCError) -> Bool {
    guard let format = compression.requests else { throw .compressedWithoutEncoding }
    // Some peers compress the empty message to nothing.
    guard message.byteCount > 0 else { return true }
    guard message.byteCount < SlicedInflation.sliceSize else { return false }
    var limits = inflationLimits
    limits.sizeMax = min(limits.sizeMax, SlicedInflation.sliceSize)
    do throws(InflationError) {
      try connection.owner.compressor.inflate(
        message, from: format, limits: limits, into: &plain)
      return true
    } catch {
      if case .tooLarge = error, limits.sizeMax < reader.sizeMax { return false }
      throw RPCError(error, size: message.byteCount)
    }
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
