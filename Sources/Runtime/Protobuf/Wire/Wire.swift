package import Buffers
package import CProtobufC

/// Copies fields out of unpacked C structures. Only generated code calls it.
///
/// In the C structures strings are bytes, booleans `uint64`, enums `int32`, `double` and `float`
/// their bit patterns: see the descriptors' rewriting in ProtoGen.
///
/// Nothing here and in the arena is generic: a package's generic code is not specialized across its
/// modules, and looking types up at run time takes longer than decoding a small message.
package enum Wire {
  /// Unpacks `bytes` as a message of the type `descriptor` and lends the C structure to `body`.
  @unsafe package static func decode(
    _ bytes: RawSpan, as descriptor: UnsafeRawPointer, isRecursive: Bool, limits: DecodingLimits,
    _ body: (UnsafeRawPointer) throws(DecodingError) -> Void
  ) throws(DecodingError) {
    var failure: DecodingError?
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe withUnsafeTemporaryAllocation(
        byteCount: Arena.firstChunkSize, alignment: 16
      ) { chunk in
        var arena = unsafe Arena(firstChunk: chunk, byteCountMax: limits.memoryMax)
        do throws(DecodingError) {
          try unsafe body(
            arena.unpack(bytes, as: descriptor, nestingMax: isRecursive ? limits.nestingMax : nil))
        } catch {
          failure = error
        }
      }
    }
    if let failure { throw failure }
  }

  /// Appends the encoded form of the C structure that `body` makes.
  @unsafe package static func encode(
    into writer: inout ByteWriter, _ body: (inout Arena) -> UnsafeMutableRawPointer
  ) {
    unsafe withUnsafeTemporaryAllocation(byteCount: Arena.firstChunkSize, alignment: 16) { chunk in
      var arena = unsafe Arena(firstChunk: chunk, byteCountMax: .max)
      unsafe Arena.pack(body(&arena), into: &writer)
    }
  }

  /// How many bytes the encoded form of the C structure has that `body` makes.
  @unsafe package static func size(_ body: (inout Arena) -> UnsafeMutableRawPointer) -> Int {
    unsafe withUnsafeTemporaryAllocation(byteCount: Arena.firstChunkSize, alignment: 16) { chunk in
      var arena = unsafe Arena(firstChunk: chunk, byteCountMax: .max)
      return unsafe Arena.packedSize(body(&arena))
    }
  }

  /// Text, which must be UTF-8; NUL is a character like any other.
  @unsafe package static func string(
    _ data: ProtobufCBinaryData
  ) throws(DecodingError) -> String {
    if unsafe data.len == 0 { return "" }
    let bytes = unsafe UnsafeBufferPointer(start: data.data, count: data.len)
    guard let text = unsafe try? UTF8Span(validating: bytes.span) else { throw .invalidUTF8 }
    return String(copying: text)
  }

  @unsafe package static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
    unsafe Array(UnsafeBufferPointer(start: data.data, count: data.len))
  }

  @unsafe package static func strings(
    _ count: Int, _ elements: UnsafeMutablePointer<ProtobufCBinaryData>
  ) throws(DecodingError) -> [String] {
    var result: [String] = []
    result.reserveCapacity(count)
    for index in 0..<count { result.append(try unsafe string(elements[index])) }
    return result
  }

  @unsafe package static func byteStrings(
    _ count: Int, _ elements: UnsafeMutablePointer<ProtobufCBinaryData>
  ) -> [[UInt8]] {
    unsafe UnsafeBufferPointer(start: elements, count: count).map { unsafe bytes($0) }
  }

  @unsafe package static func int32s(
    _ count: Int, _ elements: UnsafeMutablePointer<Int32>
  ) -> [Int32] {
    unsafe Array(UnsafeBufferPointer(start: elements, count: count))
  }

  @unsafe package static func uint32s(
    _ count: Int, _ elements: UnsafeMutablePointer<UInt32>
  ) -> [UInt32] {
    unsafe Array(UnsafeBufferPointer(start: elements, count: count))
  }

  @unsafe package static func int64s(
    _ count: Int, _ elements: UnsafeMutablePointer<Int64>
  ) -> [Int64] {
    unsafe Array(UnsafeBufferPointer(start: elements, count: count))
  }

  @unsafe package static func uint64s(
    _ count: Int, _ elements: UnsafeMutablePointer<UInt64>
  ) -> [UInt64] {
    unsafe Array(UnsafeBufferPointer(start: elements, count: count))
  }

  @unsafe package static func floats(
    _ count: Int, _ elements: UnsafeMutablePointer<UInt32>
  ) -> [Float] {
    unsafe UnsafeBufferPointer(start: elements, count: count).map { Float(bitPattern: $0) }
  }

  @unsafe package static func doubles(
    _ count: Int, _ elements: UnsafeMutablePointer<UInt64>
  ) -> [Double] {
    unsafe UnsafeBufferPointer(start: elements, count: count).map { Double(bitPattern: $0) }
  }

  @unsafe package static func bools(
    _ count: Int, _ elements: UnsafeMutablePointer<UInt64>
  ) -> [Bool] {
    unsafe UnsafeBufferPointer(start: elements, count: count).map { $0 != 0 }
  }
}
