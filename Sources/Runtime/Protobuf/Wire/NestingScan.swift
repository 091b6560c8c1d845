internal import CProtobufC

/// Bounds how deep a message nests before protobuf-c, which recurses without a limit, sees it.
enum NestingScan {
  /// Walks `bytes` as a message of the type `descriptor`, following the fields that are messages.
  ///
  /// The walk recurses too, but stops at the bound. Bytes that are no protobuf are left for
  /// protobuf-c to refuse.
  @unsafe static func check(
    _ bytes: UnsafeRawBufferPointer, as descriptor: UnsafePointer<ProtobufCMessageDescriptor>,
    nestingMax: Int
  ) throws(DecodingError) {
    try unsafe check(bytes, as: descriptor, depth: 0, nestingMax: nestingMax)
  }

  @unsafe private static func check(
    _ bytes: UnsafeRawBufferPointer, as descriptor: UnsafePointer<ProtobufCMessageDescriptor>,
    depth: Int, nestingMax: Int
  ) throws(DecodingError) {
    guard depth <= nestingMax else { throw .nestedTooDeep(max: nestingMax) }
    var cursor = unsafe Cursor(bytes)
    while let tag = unsafe cursor.varint() {
      switch tag & 7 {
      case 0: _ = unsafe cursor.varint()
      case 1: unsafe cursor.skip(8)
      case 5: unsafe cursor.skip(4)
      case 2:
        guard let length = unsafe cursor.varint(), let value = unsafe cursor.take(length) else {
          throw .malformed
        }
        let field = unsafe protobuf_c_message_descriptor_get_field(
          descriptor, UInt32(truncatingIfNeeded: tag >> 3))
        guard let field = unsafe field, unsafe field.pointee.type == PROTOBUF_C_TYPE_MESSAGE,
          let nested = unsafe field.pointee.descriptor
        else { continue }
        try unsafe check(
          value, as: nested.assumingMemoryBound(to: ProtobufCMessageDescriptor.self),
          depth: depth + 1, nestingMax: nestingMax)
      default: throw .malformed
      }
    }
  }

  /// Walks bytes whose bounds it checks.
  @unsafe private struct Cursor {
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
}
