package import CProtobufC

/// Copies fields into C structures that are about to be packed. Only generated code calls it.
///
/// The arena of an encoding call has no bound, so nothing here fails.
extension Arena {
  /// Room for one C structure or array of `size` bytes.
  @unsafe package mutating func room(_ size: Int) -> UnsafeMutableRawPointer {
    guard let room = unsafe allocate(size) else { preconditionFailure("The arena has a bound.") }
    return unsafe room
  }

  /// A copy of `text` in UTF-8.
  @unsafe package mutating func copy(_ text: String) -> ProtobufCBinaryData {
    let count = text.utf8.count
    if count == 0 { return unsafe ProtobufCBinaryData(len: 0, data: nil) }
    let room = unsafe room(count)
    var text = text
    text.withUTF8 { source in
      if let start = source.baseAddress { unsafe room.copyMemory(from: start, byteCount: count) }
    }
    return unsafe ProtobufCBinaryData(
      len: count, data: room.assumingMemoryBound(to: UInt8.self))
  }

  /// A copy of `bytes`.
  @unsafe package mutating func copy(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    let count = bytes.count
    if count == 0 { return unsafe ProtobufCBinaryData(len: 0, data: nil) }
    let room = unsafe room(count)
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { unsafe room.copyMemory(from: start, byteCount: count) }
    }
    return unsafe ProtobufCBinaryData(
      len: count, data: room.assumingMemoryBound(to: UInt8.self))
  }

  @unsafe package mutating func copy(
    _ texts: [String]
  ) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
    let stride = unsafe MemoryLayout<ProtobufCBinaryData>.stride
    let list = unsafe room(texts.count * stride)
      .bindMemory(to: ProtobufCBinaryData.self, capacity: texts.count)
    for (index, text) in texts.enumerated() { unsafe list[index] = copy(text) }
    return unsafe list
  }

  @unsafe package mutating func copy(
    _ values: [[UInt8]]
  ) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
    let stride = unsafe MemoryLayout<ProtobufCBinaryData>.stride
    let list = unsafe room(values.count * stride)
      .bindMemory(to: ProtobufCBinaryData.self, capacity: values.count)
    for (index, value) in values.enumerated() { unsafe list[index] = copy(value) }
    return unsafe list
  }

  @unsafe private mutating func copy(raw source: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer
  {
    let room = unsafe room(source.count)
    if let start = source.baseAddress {
      unsafe room.copyMemory(from: start, byteCount: source.count)
    }
    return unsafe room
  }

  @unsafe package mutating func copy(_ values: [Int32]) -> UnsafeMutablePointer<Int32>? {
    unsafe values.withUnsafeBytes { unsafe copy(raw: $0).assumingMemoryBound(to: Int32.self) }
  }

  @unsafe package mutating func copy(_ values: [UInt32]) -> UnsafeMutablePointer<UInt32>? {
    unsafe values.withUnsafeBytes { unsafe copy(raw: $0).assumingMemoryBound(to: UInt32.self) }
  }

  @unsafe package mutating func copy(_ values: [Int64]) -> UnsafeMutablePointer<Int64>? {
    unsafe values.withUnsafeBytes { unsafe copy(raw: $0).assumingMemoryBound(to: Int64.self) }
  }

  @unsafe package mutating func copy(_ values: [UInt64]) -> UnsafeMutablePointer<UInt64>? {
    unsafe values.withUnsafeBytes { unsafe copy(raw: $0).assumingMemoryBound(to: UInt64.self) }
  }

  /// The bit patterns, which lie in memory as the numbers do.
  @unsafe package mutating func copy(_ values: [Float]) -> UnsafeMutablePointer<UInt32>? {
    unsafe values.withUnsafeBytes { unsafe copy(raw: $0).assumingMemoryBound(to: UInt32.self) }
  }

  /// The bit patterns, which lie in memory as the numbers do.
  @unsafe package mutating func copy(_ values: [Double]) -> UnsafeMutablePointer<UInt64>? {
    unsafe values.withUnsafeBytes { unsafe copy(raw: $0).assumingMemoryBound(to: UInt64.self) }
  }

  @unsafe package mutating func copy(_ values: [Bool]) -> UnsafeMutablePointer<UInt64>? {
    unsafe copy(values.map { $0 ? 1 : 0 as UInt64 })
  }
}
