internal import Buffers
internal import Compression
internal import GRPC

/// Turns the request messages of one call into the wire format, on whichever thread: inflates what
/// is compressed, and reads JSON.
struct RequestConversion: Sendable {
  /// `nil` when messages are in the wire format once they are inflated.
  var json: MessageJSON?
  /// Whether members of the JSON that are no field are passed over.
  var ignoresUnknown = false
  let encoding: CompressionFormat?
  let limits: InflationLimits
  /// Whether a message that can't be inflated is the client's mistake in the status, too.
  var isConnect = false

  /// A loop inflates no more than so much in one go, about a tenth of a millisecond.
  static let inflatedSizeMax = 64 << 10
  /// And reads no more JSON than so much.
  static let jsonSizeMax = 16 << 10

  /// The wire format of `message`; `nil` when finding out takes long. `compressor` is the caller's.
  func wireAtOnce(
    of message: [UInt8], isCompressed: Bool, with compressor: Compressor
  ) throws(RPCError) -> [UInt8]? {
    let atOnce = json == nil ? Self.inflatedSizeMax : Self.jsonSizeMax
    guard isCompressed else {
      return json == nil || message.count <= atOnce ? try wire(ofPlain: message) : nil
    }
    guard encoding != nil else { throw .compressedWithoutEncoding }
    guard message.count <= atOnce else { return nil }
    var bounds = limits
    bounds.sizeMax = min(limits.sizeMax, atOnce)
    let plain: [UInt8]
    do throws(InflationError) {
      plain = try inflated(message, bounds, with: compressor)
    } catch {
      if case .tooLarge = error, bounds.sizeMax < limits.sizeMax { return nil }
      throw failure(error, size: message.count)
    }
    return try wire(ofPlain: plain)
  }

  /// The wire format of `message`, however long that takes.
  func wire(
    of message: [UInt8], isCompressed: Bool, with compressor: Compressor
  ) throws(RPCError) -> [UInt8] {
    guard isCompressed else { return try wire(ofPlain: message) }
    guard encoding != nil else { throw .compressedWithoutEncoding }
    let plain: [UInt8]
    do throws(InflationError) {
      plain = try inflated(message, limits, with: compressor)
    } catch {
      throw failure(error, size: message.count)
    }
    return try wire(ofPlain: plain)
  }

  private func wire(ofPlain message: [UInt8]) throws(RPCError) -> [UInt8] {
    guard let json else { return message }
    let wire = try json.wire(ofRequest: message, ignoresUnknown: ignoresUnknown)
    // Numbers may take less room as text.
    guard wire.count <= limits.sizeMax else {
      throw .tooLarge(size: wire.count, limit: limits.sizeMax)
    }
    return wire
  }

  private func inflated(
    _ message: [UInt8], _ limits: InflationLimits, with compressor: Compressor
  ) throws(InflationError) -> [UInt8] {
    // Some peers compress the empty message to nothing.
    guard let encoding, !message.isEmpty else { return [] }
    var plain = ByteWriter()
    try message.withBytes { (bytes) throws(InflationError) in
      try compressor.inflate(bytes, from: encoding, limits: limits, into: &plain)
    }
    return plain.array()
  }

  private func failure(_ error: InflationError, size: Int) -> RPCError {
    let error = RPCError(error, size: size)
    // In gRPC bytes that can't be inflated are INTERNAL; HTTP would blame the server for them.
    guard isConnect, error.code == .internal else { return error }
    return RPCError(.invalidArgument, error.message)
  }
}
