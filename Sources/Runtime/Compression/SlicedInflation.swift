internal import Buffers

/// Inflates one large message a slice at a time: whoever has others to serve does so in between.
///
/// It belongs to the executor that made it.
package final class SlicedInflation {
  /// How many inflated bytes are a slice, roughly: zlib may give some more.
  package static let sliceSize = 64 << 10
  /// How many compressed bytes zlib gets at once, and how many where they grow much: each may
  /// become 1,032.
  private static let pieceSize = 256
  private static let densePieceSize = 64
  /// Bytes that grow more than this grow much.
  private static let plainRatio = 16

  /// What is inflated.
  package let message: [UInt8]
  private let limits: InflationLimits
  private var inflater: Inflater
  private var offset = 0
  private var text = ByteWriter()

  package init(
    _ message: [UInt8], from format: CompressionFormat, limits: InflationLimits
  ) {
    self.message = message
    self.limits = limits
    inflater = Inflater(format)
  }

  /// Inflates a slice; whether the text is whole now.
  package func advance() throws(InflationError) -> Bool {
    let bound = text.count + Self.sliceSize
    try message.withBytes { (bytes) throws(InflationError) in
      while text.count < bound, offset < bytes.byteCount {
        let isDense = text.count > offset * Self.plainRatio
        let size = isDense ? Self.densePieceSize : Self.pieceSize
        let end = min(offset + size, bytes.byteCount)
        try inflater.inflate(bytes.extracting(offset..<end), limits: limits, into: &text)
        offset = end
      }
    }
    guard offset == message.count else { return false }
    try inflater.finish()
    return true
  }

  /// Lends what has been inflated so far.
  package func withText<Result>(_ body: (RawSpan) -> Result) -> Result { text.withBytes(body) }
}
