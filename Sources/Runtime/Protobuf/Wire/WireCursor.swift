internal import CProtobufC

/// One field of an encoded message.
@unsafe struct WireField {
  let number: UInt32
  /// Text, bytes, a message or packed numbers; nil of a lone number, which is passed over.
  let value: UnsafeRawBufferPointer?

  /// What the type `descriptor` says of it; nil when it knows no such field.
  func declaration(
    in descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) -> UnsafePointer<ProtobufCFieldDescriptor>? {
    unsafe protobuf_c_message_descriptor_get_field(descriptor, number)
  }
}

extension ProtobufCFieldDescriptor {
  /// The type of the messages in it; nil when it holds none.
  @unsafe var messages: UnsafePointer<ProtobufCMessageDescriptor>? {
    guard unsafe type == PROTOBUF_C_TYPE_MESSAGE else { return nil }
    return unsafe descriptor?.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
  }
}

/// Walks encoded bytes whose bounds it checks, for a look at them before protobuf-c has them.
@unsafe struct WireCursor {
  private var rest: Slice<UnsafeRawBufferPointer>

  init(_ bytes: UnsafeRawBufferPointer) {
    unsafe rest = bytes[...]
  }

  /// `nil` at the end, and where a tag is cut off or too long, which is left for protobuf-c to
  /// refuse.
  mutating func field() throws(DecodingError) -> WireField? {
    guard let tag = unsafe varint() else { return nil }
    let number = UInt32(truncatingIfNeeded: tag >> 3)
    switch tag & 7 {
    case 0: _ = unsafe varint()
    case 1: unsafe skip(8)
    case 5: unsafe skip(4)
    case 2:
      guard let length = unsafe varint(), let value = unsafe take(length) else {
        throw .malformed
      }
      return unsafe WireField(number: number, value: value)
    default: throw .malformed
    }
    return unsafe WireField(number: number, value: nil)
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
