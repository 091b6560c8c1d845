import Buffers
import Testing

@testable import Compression

/// Bytes that compress a little: a fixed sequence of a linear congruential generator.
private func noise(_ count: Int) -> [UInt8] {
  var state: UInt32 = 1
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return UInt8(truncatingIfNeeded: state >> 24) & 0x3f
  }
}

private func deflated(_ bytes: [UInt8], _ format: CompressionFormat) -> [UInt8] {
  var output = ByteWriter()
  let compressor = Compressor()
  bytes.withBytes { compressor.deflate($0, as: format, into: &output) }
  return output.array()
}

private func inflated(
  _ bytes: [UInt8], _ format: CompressionFormat, piece: Int = .max,
  limits: InflationLimits = InflationLimits(sizeMax: 64 << 20)
) throws(InflationError) -> [UInt8] {
  var inflater = Inflater(format)
  var output = ByteWriter()
  var rest = bytes[...]
  while !rest.isEmpty {
    let next = Array(rest.prefix(piece))
    rest = rest.dropFirst(piece)
    try next.withBytes { (span) throws(InflationError) in
      try inflater.inflate(span, limits: limits, into: &output)
    }
  }
  try inflater.finish()
  return output.array()
}

/// "hello hello hello hello\n" as gzip 1.12 writes it (`printf … | gzip -n9`).
private let foreign: [UInt8] = [
  0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40,
  0x27, 0xb9, 0x00, 0x00, 0x88, 0x59, 0x0b, 0x18, 0x00, 0x00, 0x00,
]

struct CompressionTests {
  @Test(arguments: CompressionFormat.allCases, [0, 1, 100, 65_536, 300_000])
  func whatIsDeflatedInflates(_ format: CompressionFormat, _ size: Int) throws {
    let bytes = noise(size)
    let wire = deflated(bytes, format)
    #expect(try inflated(wire, format) == bytes)
    #expect(size < 1000 || wire.count < size)
  }

  @Test(arguments: CompressionFormat.allCases)
  func piecesOfAnySizeAreTheSame(_ format: CompressionFormat) throws {
    let bytes = noise(5000) + [UInt8](repeating: 7, count: 50_000)
    let wire = deflated(bytes, format)
    for piece in [1, 2, 3, 7, 1000] {
      #expect(try inflated(wire, format, piece: piece) == bytes)
    }
    var deflater = Deflater(format)
    var output = ByteWriter()
    for byte in bytes { [byte].withBytes { deflater.deflate($0, into: &output) } }
    deflater.finish(into: &output)
    #expect(try inflated(output.array(), format) == bytes)
  }

  @Test func namesAreThoseOfTheCodings() {
    for format in CompressionFormat.allCases {
      #expect(Array(format.rawValue.utf8).withBytes { CompressionFormat(name: $0) } == format)
    }
    for name in ["identity", "GZIP", "gzip ", "", "br"] {
      #expect(Array(name.utf8).withBytes { CompressionFormat(name: $0) } == nil)
    }
  }

  @Test(arguments: CompressionFormat.allCases)
  func everyTruncationIsToldApart(_ format: CompressionFormat) throws {
    let wire = deflated(noise(200), format)
    for size in 0..<wire.count {
      #expect(throws: InflationError.truncated(format)) {
        try inflated(Array(wire.prefix(size)), format, piece: 1)
      }
    }
  }

  @Test(arguments: CompressionFormat.allCases)
  func noChangedBytePassesUnseen(_ format: CompressionFormat) throws {
    let bytes = noise(200)
    let wire = deflated(bytes, format)
    // gzip's header holds a time, flags and a system, which change nothing.
    for index in (format == .gzip ? 10 : 0)..<wire.count {
      var changed = wire
      changed[index] ^= 0xff
      #expect(throws: InflationError.self) { try inflated(changed, format) }
    }
  }

  @Test func gzipMayHaveMembersAndDeflateNoTail() throws {
    let wire = deflated([1, 2, 3], .gzip) + deflated([4, 5], .gzip)
    #expect(try inflated(wire, .gzip) == [1, 2, 3, 4, 5])
    #expect(try inflated(wire, .gzip, piece: 1) == [1, 2, 3, 4, 5])
    #expect(throws: InflationError.corrupt(.gzip)) {
      try inflated(deflated([1], .gzip) + [9, 9, 9], .gzip)
    }
    #expect(throws: InflationError.trailingBytes(.deflate)) {
      try inflated(deflated([1], .deflate) + [9], .deflate)
    }
  }

  @Test func readsWhatOthersWrote() throws {
    let text = String(decoding: try inflated(foreign, .gzip, piece: 1), as: UTF8.self)
    #expect(text == "hello hello hello hello\n")
  }

  @Test(arguments: CompressionFormat.allCases, [1, 1000, Int.max])
  func theSizeIsBoundedExactly(_ format: CompressionFormat, _ piece: Int) throws {
    let wire = deflated(noise(10_000), format)
    let exact = InflationLimits(sizeMax: 10_000)
    #expect(try inflated(wire, format, piece: piece, limits: exact).count == 10_000)
    #expect(throws: InflationError.tooLarge(limit: 9999)) {
      try inflated(wire, format, piece: piece, limits: InflationLimits(sizeMax: 9999))
    }
  }

  @Test(arguments: CompressionFormat.allCases)
  func aBombStopsAtTheRatio(_ format: CompressionFormat) throws {
    let bomb = deflated([UInt8](repeating: 0, count: 16 << 20), format)
    #expect(bomb.count < 20_000)
    var output = ByteWriter()
    let compressor = Compressor()
    let limits = InflationLimits(sizeMax: 64 << 20)
    let error = bomb.withBytes { span -> InflationError? in
      do throws(InflationError) {
        try compressor.inflate(span, from: format, limits: limits, into: &output)
        return nil
      } catch {
        return error
      }
    }
    guard case .ratioExceeded(_, let limit) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(limit == InflationLimits.ratioMaxDefault)
    let kept = output.count
    #expect(kept <= InflationLimits.ratioFreeSizeDefault + (64 << 10) + 1)
    // Zeros that stay below the free size are no bomb: an interop case sends them.
    let zeros = [UInt8](repeating: 0, count: 314_159)
    #expect(try inflated(deflated(zeros, format), format) == zeros)
  }

  @Test func aStateServesAgainAfterAnError() throws {
    let compressor = Compressor()
    let limits = InflationLimits(sizeMax: 100)
    var output = ByteWriter()
    for _ in 0..<3 {
      #expect(throws: InflationError.corrupt(.gzip)) {
        try [UInt8](repeating: 1, count: 30).withBytes { (span) throws(InflationError) in
          try compressor.inflate(span, from: .gzip, limits: limits, into: &output)
        }
      }
      output.removeAll()
      try deflated([7, 7, 7], .gzip).withBytes { (span) throws(InflationError) in
        try compressor.inflate(span, from: .gzip, limits: limits, into: &output)
      }
      let bytes = output.array()
      #expect(bytes == [7, 7, 7])
    }
  }

  @Test func anErrorStaysUntilTheReset() throws {
    var inflater = Inflater(.deflate)
    var output = ByteWriter()
    let limits = InflationLimits(sizeMax: 100)
    for _ in 0..<2 {
      let error = [UInt8(0xff), 0xff].withBytes { span -> InflationError? in
        do throws(InflationError) {
          try inflater.inflate(span, limits: limits, into: &output)
          return nil
        } catch {
          return error
        }
      }
      #expect(error == .corrupt(.deflate))
    }
    inflater.reset()
    try deflated([5], .deflate).withBytes { (span) throws(InflationError) in
      try inflater.inflate(span, limits: limits, into: &output)
    }
    try inflater.finish()
    let bytes = output.array()
    #expect(bytes == [5])
  }
}
