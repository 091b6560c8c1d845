package import CProtobufC

/// Copies fields out of unpacked C structures. Only generated code calls it.
///
/// In the C structures strings are bytes, enums `int32`, `double` and `float` their bit patterns:
/// see the descriptors' rewriting in ProtoGen.
package enum Wire {
  /// Text, which must be UTF-8; NUL is a character like any other.
  @inlinable
  @unsafe package static func string(
    _ data: ProtobufCBinaryData
  ) throws(DecodingError) -> String {
    if unsafe data.len == 0 { return "" }
    let bytes = unsafe UnsafeBufferPointer(start: data.data, count: data.len)
    guard let text = unsafe String(validating: bytes, as: UTF8.self) else { throw .invalidUTF8 }
    return text
  }

  @inlinable
  @unsafe package static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
    unsafe Array(UnsafeBufferPointer(start: data.data, count: data.len))
  }

  /// A message that may be unset.
  @inlinable
  @unsafe package static func message<M: GeneratedMessage>(
    _ structure: UnsafeRawPointer?
  ) throws(DecodingError) -> M? {
    guard let structure = unsafe structure else { return nil }
    return try unsafe M(copying: structure)
  }

  /// A message that is there, or else empty: a oneof's member, a map's value.
  @inlinable
  @unsafe package static func payload<M: GeneratedMessage>(
    _ structure: UnsafeRawPointer?
  ) throws(DecodingError) -> M {
    guard let structure = unsafe structure else { return M() }
    return try unsafe M(copying: structure)
  }

  /// Numbers whose C and Swift types are the same.
  @inlinable
  @unsafe package static func scalars<T>(_ count: Int, _ elements: UnsafeMutablePointer<T>?) -> [T]
  {
    unsafe Array(UnsafeBufferPointer(start: elements, count: count))
  }

  /// Values that are made from their C counterparts: floats, booleans, enums.
  @inlinable
  @unsafe package static func values<C, T>(
    _ count: Int, _ elements: UnsafeMutablePointer<C>?, _ make: (C) -> T
  ) -> [T] {
    unsafe UnsafeBufferPointer(start: elements, count: count).map(make)
  }

  @inlinable
  @unsafe package static func strings(
    _ count: Int, _ elements: UnsafeMutablePointer<ProtobufCBinaryData>?
  ) throws(DecodingError) -> [String] {
    var result: [String] = []
    guard let elements = unsafe elements else { return result }
    result.reserveCapacity(count)
    for index in 0..<count { result.append(try unsafe string(elements[index])) }
    return result
  }

  @inlinable
  @unsafe package static func byteStrings(
    _ count: Int, _ elements: UnsafeMutablePointer<ProtobufCBinaryData>?
  ) -> [[UInt8]] {
    unsafe UnsafeBufferPointer(start: elements, count: count).map { unsafe bytes($0) }
  }

  @inlinable
  @unsafe package static func messages<C, M: GeneratedMessage>(
    _ count: Int, _ elements: UnsafeMutablePointer<UnsafeMutablePointer<C>?>?
  ) throws(DecodingError) -> [M] {
    var result: [M] = []
    guard let elements = unsafe elements else { return result }
    result.reserveCapacity(count)
    for index in 0..<count { result.append(try unsafe payload(elements[index])) }
    return result
  }

  /// A map; of entries with the same key the last counts.
  @inlinable
  @unsafe package static func map<C, K: Hashable, V>(
    _ count: Int, _ elements: UnsafeMutablePointer<UnsafeMutablePointer<C>?>?,
    _ entry: (UnsafeMutablePointer<C>) throws(DecodingError) -> (K, V)
  ) throws(DecodingError) -> [K: V] {
    var result: [K: V] = [:]
    guard let elements = unsafe elements else { return result }
    result.reserveCapacity(count)
    for index in 0..<count {
      guard let structure = unsafe elements[index] else { continue }
      let (key, value) = try unsafe entry(structure)
      result[key] = value
    }
    return result
  }
}

/// Copies fields into C structures that are about to be packed. Only generated code calls it.
///
/// The arena of an encoding call has no bound, so nothing here fails.
extension Arena {
  /// A copy of `text` in UTF-8.
  @inlinable
  @unsafe package mutating func copy(_ text: String) -> ProtobufCBinaryData {
    var text = text
    let count = text.utf8.count
    if count == 0 { return unsafe ProtobufCBinaryData(len: 0, data: nil) }
    let room = unsafe allocate(UInt8.self, count: count)
    text.withUTF8 { source in
      guard let start = source.baseAddress else { return }
      unsafe room.update(from: start, count: count)
    }
    return unsafe ProtobufCBinaryData(len: count, data: room)
  }

  /// A copy of `bytes`.
  @inlinable
  @unsafe package mutating func copy(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    let count = bytes.count
    if count == 0 { return unsafe ProtobufCBinaryData(len: 0, data: nil) }
    let room = unsafe allocate(UInt8.self, count: count)
    unsafe bytes.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      unsafe room.update(from: start, count: count)
    }
    return unsafe ProtobufCBinaryData(len: count, data: room)
  }

  /// `message` as the C structure `C`, which must be its own.
  @inlinable
  @unsafe package mutating func copy<M: GeneratedMessage, C>(_ message: M) -> UnsafeMutablePointer<
    C
  > {
    unsafe message.copy(into: &self).assumingMemoryBound(to: C.self)
  }

  @inlinable
  @unsafe package mutating func copyIfSet<M: GeneratedMessage, C>(_ message: M?)
    -> UnsafeMutablePointer<C>?
  {
    guard let message else { return nil }
    return unsafe copy(message)
  }

  /// The elements, each as `make` gives it.
  @inlinable
  @unsafe package mutating func values<T, C>(
    _ elements: [T], _ make: (inout Arena, T) -> C
  ) -> UnsafeMutablePointer<C>? {
    if elements.isEmpty { return nil }
    let room = unsafe allocate(C.self, count: elements.count)
    var next = unsafe room
    for element in elements {
      unsafe next.initialize(to: make(&self, element))
      unsafe next += 1
    }
    return unsafe room
  }

  /// Numbers whose C and Swift types are the same.
  @inlinable
  @unsafe package mutating func scalars<T: BitwiseCopyable>(
    _ elements: [T]
  ) -> UnsafeMutablePointer<T>? {
    unsafe elements.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress, source.count > 0 else { return nil }
      let room = unsafe allocate(T.self, count: source.count)
      unsafe room.update(from: start, count: source.count)
      return unsafe room
    }
  }

  @inlinable
  @unsafe package mutating func messages<M: GeneratedMessage, C>(
    _ elements: [M]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<C>?>? {
    unsafe values(elements) { arena, element in unsafe arena.copy(element) }
  }

  /// The entries of a map in the order of their keys.
  @inlinable
  @unsafe package mutating func map<K: MapKey, V, C>(
    _ map: [K: V], _ make: (inout Arena, K, V) -> UnsafeMutablePointer<C>
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<C>?>? {
    if map.isEmpty { return nil }
    let room = unsafe allocate(UnsafeMutablePointer<C>?.self, count: map.count)
    var next = unsafe room
    for (key, value) in map.sorted(by: { K.comesBefore($0.key, $1.key) }) {
      unsafe next.initialize(to: make(&self, key, value))
      unsafe next += 1
    }
    return unsafe room
  }
}
