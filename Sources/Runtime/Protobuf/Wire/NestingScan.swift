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
    while let field = try unsafe cursor.field() {
      guard let value = unsafe field.value,
        let nested = unsafe field.declaration(in: descriptor)?.pointee.messages
      else { continue }
      try unsafe check(value, as: nested, depth: depth + 1, nestingMax: nestingMax)
    }
  }
}
