package import Buffers

/// The zlib states of one executor, for whole messages, one after another: a state is made when
/// the first message needs it and serves all later ones.
///
/// It holds at most one ``Deflater`` and one ``Inflater`` for each format: 624 KiB if all are used.
package final class Compressor {
  private let level: Int32
  private var gzip = States(.gzip)
  private var zlib = States(.deflate)

  private struct States: ~Copyable {
    let format: CompressionFormat
    var deflater: Deflater?
    var inflater: Inflater?

    init(_ format: CompressionFormat) {
      self.format = format
      deflater = nil
      inflater = nil
    }

    mutating func deflate(_ message: RawSpan, _ level: Int32, into output: inout ByteWriter) {
      var state = deflater.take() ?? Deflater(format, level: level)
      state.deflate(message, into: &output)
      state.finish(into: &output)
      state.reset()
      deflater = consume state
    }

    mutating func inflate(
      _ message: RawSpan, _ limits: InflationLimits, into output: inout ByteWriter
    ) throws(InflationError) {
      var state = inflater.take() ?? Inflater(format)
      let failure = Self.inflate(message, limits, with: &state, into: &output)
      state.reset()
      inflater = consume state
      if let failure { throw failure }
    }

    private static func inflate(
      _ message: RawSpan, _ limits: InflationLimits, with inflater: inout Inflater,
      into output: inout ByteWriter
    ) -> InflationError? {
      do throws(InflationError) {
        try inflater.inflate(message, limits: limits, into: &output)
        try inflater.finish()
        return nil
      } catch {
        return error
      }
    }
  }

  /// `level` is 1, the fastest, to 9, the smallest.
  package init(level: Int32 = Deflater.levelDefault) { self.level = level }

  /// Appends `message`, deflated, to `output`.
  package func deflate(
    _ message: RawSpan, as format: CompressionFormat, into output: inout ByteWriter
  ) {
    switch format {
    case .gzip: gzip.deflate(message, level, into: &output)
    case .deflate: zlib.deflate(message, level, into: &output)
    }
  }

  /// Appends what the whole of `message` stands for to `output`, which keeps what was inflated
  /// before an error.
  package func inflate(
    _ message: RawSpan, from format: CompressionFormat, limits: InflationLimits,
    into output: inout ByteWriter
  ) throws(InflationError) {
    switch format {
    case .gzip: try gzip.inflate(message, limits, into: &output)
    case .deflate: try zlib.inflate(message, limits, into: &output)
    }
  }
}
