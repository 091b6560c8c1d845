internal import Buffers
internal import Compression
internal import EventLoops
internal import GRPC
internal import HTTP2

/// A call's compressed messages. On the loop only; a call without an encoding never comes here.
extension ClientCall {
  func writeCompressed(_ message: OutgoingMessage, to connection: ClientConnection) {
    let format: CompressionFormat = options.compression == .deflate ? .deflate : .gzip
    var size = 0
    connection.session.write(to: stream) { writer in
      message.bytes.withBytes { bytes in
        size = core.compressor.append(
          bytes, as: format, sizeMin: core.configuration.compressedSizeMin,
          isForced: message.compress == true, to: &writer)
      }
    }
    record?.attempt?.sent.note(size, at: loop.tickNanoseconds)
  }

  /// A compressed response, once the caller takes it: what waits is never larger than what came.
  func inflated(_ message: [UInt8]) -> ResponsePart {
    guard let format = responseFormat else {
      return .status(.compressedWithoutEncoding, [:])
    }
    var plain = ByteWriter()
    let limits = InflationLimits(
      sizeMax: options.responseSizeMax, ratioMax: core.configuration.inflationRatioMax)
    do throws(RPCError) {
      try message.withBytes { (bytes) throws(RPCError) in
        try core.compressor.inflate(message: bytes, from: format, limits: limits, into: &plain)
      }
      return .compressedMessage(plain.array())
    } catch {
      giveUp(error)
      return .status(error, [:])
    }
  }
}
