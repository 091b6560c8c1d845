internal import Buffers
internal import Compression
internal import EventLoops
internal import GRPC
internal import HTTP2
internal import Synchronization

/// A call's messages that are not in the wire format: compressed, or JSON. On the loop only; other
/// calls never come here.
extension ServerCall {
  /// How a response message is compressed.
  struct ResponseFormat {
    let format: CompressionFormat
    /// Whether the handler asked for it, so that the size does not matter.
    let isForced: Bool
  }

  // MARK: What comes

  /// How request messages are turned into the wire format.
  var conversion: RequestConversion {
    web?.conversion
      ?? RequestConversion(
        encoding: compression.requests,
        limits: InflationLimits(
          sizeMax: reader.sizeMax, ratioMax: connection.configuration.inflationRatioMax))
  }

  /// Starts a unary call's handler with the wire format of `message`: at once, or when another
  /// thread has made it.
  func startConverted(_ message: [UInt8], isCompressed: Bool) {
    context?.noteRequest(isCompressed: isCompressed)
    let conversion = conversion
    do throws(RPCError) {
      let wire = try conversion.wireAtOnce(
        of: message, isCompressed: isCompressed, with: connection.owner.compressor)
      guard let wire else { return startAside(message, isCompressed: isCompressed, conversion) }
      wire.withBytes { start($0) }
    } catch {
      fail(error)
    }
  }

  /// The call has its handler's slot meanwhile: a client that resets it waits for that, too.
  private func startAside(
    _ message: [UInt8], isCompressed: Bool, _ conversion: RequestConversion
  ) {
    if chargedByteCount < message.count { charge(message.count) }
    guard phase == .collecting, takesSlot() else { return }
    phase = .running
    let (converted, context) = (ConvertedRequest(), context)
    loop.doAside(of: connection.peer) {
      guard context?.cancellationCause == nil else { return }
      converted.convert(message, isCompressed: isCompressed, conversion)
    } _: {
      guard self.phase == .running, let result = converted.result else { return self.noteEnd() }
      switch result {
      case .success(let wire): wire.withBytes { self.runHandler(on: $0) }
      case .failure(let error): self.fail(error)
      }
    }
  }

  /// The wire format of a message that the handler of a streaming call has taken.
  func converted(
    _ message: [UInt8], isCompressed: Bool, _ conversion: RequestConversion
  ) async throws(RPCError) -> [UInt8] {
    let converted = ConvertedRequest()
    await aside { converted.convert(message, isCompressed: isCompressed, conversion) }
    guard let result = converted.result else {
      throw context?.cancellationError ?? .callIsOver
    }
    return try result.get()
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

/// Where a thread leaves the wire format of a message.
private final class ConvertedRequest: Sendable {
  private let state = Mutex<Result<[UInt8], RPCError>?>(nil)

  /// `nil` when it was not made.
  var result: Result<[UInt8], RPCError>? { state.withLock { $0 } }

  func convert(_ message: [UInt8], isCompressed: Bool, _ conversion: RequestConversion) {
    let result = Result { () throws(RPCError) in
      try conversion.wire(of: message, isCompressed: isCompressed, with: Compressor())
    }
    state.withLock { $0 = result }
  }
}
