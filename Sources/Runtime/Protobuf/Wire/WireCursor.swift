/// Walks encoded bytes whose bounds it checks, for a look at them before protobuf-c has them.
@unsafe struct WireCursor {
  private var rest: Slice<UnsafeRawBufferPointer>

  init(_ bytes: UnsafeRawBufferPointer) {
    unsafe rest = bytes[...]
  }

  /// `nil` at the end, and where a varint is cut off or too long.
  mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 70, let byte = unsafe rest.popFirst() {
      value |= shift < 64 ? UInt64(byte & 0x7F) << shift : 0
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  mutating func skip(_ count: Int) {
    unsafe rest = rest.dropFirst(count)
  }

  mutating func take(_ count: UInt64) -> UnsafeRawBufferPointer? {
    guard count <= UInt64(unsafe rest.count) else { return nil }
    defer { unsafe skip(Int(count)) }
    return unsafe UnsafeRawBufferPointer(rebasing: rest.prefix(Int(count)))
  }
}
