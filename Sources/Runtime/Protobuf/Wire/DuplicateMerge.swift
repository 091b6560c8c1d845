internal import CProtobufC

/// Joins the pieces of messages that were sent in pieces.
///
/// A singular message field may be on the wire more than once; its pieces are merged, which is the
/// same as parsing them one behind the other. protobuf-c 1.4.1 fails there when the message has an
/// unset oneof, and otherwise forgets a oneof's first piece. So it never sees two pieces.
enum DuplicateMerge {
  /// A message as it stands on the wire, or a run of anything else.
  @unsafe private struct Record {
    let field: UInt32
    var range: Range<Int>
    /// The pieces of a message, this one last; `nil` if it is none.
    var payload: [UInt8]?
    let nested: UnsafePointer<ProtobufCMessageDescriptor>?
    /// Whether the next piece of the same message has taken the payload over.
    var isSuperseded = false
  }

  /// `bytes`, a message of the type `descriptor`, with each singular message in one piece; `nil` if
  /// it is so already.
  @unsafe static func merged(
    _ bytes: [UInt8], as descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) throws(DecodingError) -> [UInt8]? {
    var records = try unsafe records(of: bytes, as: descriptor)
    var isChanged = false
    for index in unsafe records.indices {
      if unsafe records[index].isSuperseded {
        isChanged = true
      } else if let nested = unsafe records[index].nested,
        let payload = unsafe records[index].payload,
        let joined = try unsafe merged(payload, as: nested)
      {
        unsafe records[index].payload = joined
        isChanged = true
      }
    }
    guard isChanged else { return nil }
    var writer = WireWriter()
    for index in unsafe records.indices where unsafe !records[index].isSuperseded {
      if let payload = unsafe records[index].payload {
        unsafe writer.field(records[index].field, bytes: payload)
      } else {
        unsafe writer.append(bytes[records[index].range])
      }
    }
    return writer.bytes
  }

  @unsafe private static func records(
    of bytes: [UInt8], as descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) throws(DecodingError) -> [Record] {
    var records: [Record] = unsafe []
    // The last piece of each singular message, and what each oneof held last.
    var last: [UInt64: (field: UInt32, index: Int)] = [:]
    var reader = WireReader(bytes)
    var start = 0
    while let tag = try reader.nextTag() {
      defer { start = reader.offset }
      let field = unsafe protobuf_c_message_descriptor_get_field(descriptor, tag.field)
      let key = unsafe field.flatMap { unsafe Self.key(of: $0) }
      guard let field = unsafe field, tag.type == .lengthDelimited,
        unsafe field.pointee.type == PROTOBUF_C_TYPE_MESSAGE
      else {
        try reader.skip(tag)
        unsafe appendRun(start..<reader.offset, to: &records)
        if let key { last[key] = nil }
        continue
      }
      var payload = try reader.lengthDelimited()
      if let key {
        if let previous = last[key], previous.field == tag.field,
          var pieces = unsafe records[previous.index].payload
        {
          // Taken over and not copied, or many pieces would take quadratic time.
          unsafe records[previous.index].payload = nil
          unsafe records[previous.index].isSuperseded = true
          pieces.append(contentsOf: payload)
          payload = pieces
        }
        last[key] = unsafe (tag.field, records.count)
      }
      let nested = unsafe field.pointee.descriptor
      unsafe records.append(
        Record(
          field: tag.field, range: start..<reader.offset, payload: payload,
          nested: nested?.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)))
    }
    return unsafe records
  }

  /// What a later field replaces or is merged with: the field itself, or all of its oneof.
  @unsafe private static func key(of field: UnsafePointer<ProtobufCFieldDescriptor>) -> UInt64? {
    if unsafe field.pointee.label == PROTOBUF_C_LABEL_REPEATED { return nil }
    let isInOneof =
      unsafe field.pointee.flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0
    return unsafe isInOneof
      ? 1 << 32 | UInt64(field.pointee.quantifier_offset) : UInt64(field.pointee.id)
  }

  @unsafe private static func appendRun(_ range: Range<Int>, to records: inout [Record]) {
    if let last = unsafe records.indices.last, unsafe records[last].nested == nil {
      unsafe records[last].range = unsafe records[last].range.lowerBound..<range.upperBound
    } else {
      unsafe records.append(Record(field: 0, range: range, payload: nil, nested: nil))
    }
  }
}
