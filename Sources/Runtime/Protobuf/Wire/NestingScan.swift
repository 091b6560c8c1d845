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
    var cursor = unsafe WireCursor(bytes)
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
}
