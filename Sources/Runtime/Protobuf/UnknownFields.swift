package import CProtobufC

/// The fields of a message that this version of the contract does not know.
///
/// They are written back as they came, after the known ones.
package struct UnknownFields: Hashable, Sendable {
  /// The encoded fields, one after the other.
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package var isEmpty: Bool { bytes.isEmpty }

  /// Copies the unknown fields of an unpacked message.
  @unsafe package init(_ base: ProtobufCMessage) throws(DecodingError) {
    self.init()
    if unsafe base.n_unknown_fields > 0 { try unsafe collect(base) }
  }

  @unsafe package mutating func collect(_ base: ProtobufCMessage) throws(DecodingError) {
    let fields = unsafe UnsafeBufferPointer(
      start: base.unknown_fields, count: Int(base.n_unknown_fields))
    var writer = WireWriter()
    for index in fields.indices {
      let field = unsafe fields[index]
      guard unsafe (1...WireTag.fieldMax).contains(field.tag) else { throw .malformed }
      unsafe writer.varint(UInt64(field.tag) << 3 | UInt64(field.wire_type.rawValue))
      unsafe writer.append(UnsafeBufferPointer(start: field.data, count: field.len))
    }
    bytes = writer.bytes
  }

  /// Sets the unknown fields of a structure that is about to be packed.
  @unsafe package func copy(
    into base: UnsafeMutablePointer<ProtobufCMessage>, _ arena: inout Arena
  ) {
    if !isEmpty { unsafe split(into: base, &arena) }
  }

  @unsafe package func split(
    into base: UnsafeMutablePointer<ProtobufCMessage>, _ arena: inout Arena
  ) {
    let data = unsafe arena.copy(bytes)
    var ranges: [(tag: WireTag, range: Range<Int>)] = []
    do throws(DecodingError) {
      var reader = WireReader(bytes)
      while let tag = try reader.nextTag() {
        let start = reader.offset
        try reader.skip(tag)
        ranges.append((tag, start..<reader.offset))
      }
    } catch {
      preconditionFailure("Unknown fields came from a decoder.")
    }
    let size = unsafe ranges.count * MemoryLayout<ProtobufCMessageUnknownField>.stride
    let fields = unsafe arena.room(size)
      .bindMemory(to: ProtobufCMessageUnknownField.self, capacity: ranges.count)
    for (index, entry) in ranges.enumerated() {
      unsafe fields[index] = ProtobufCMessageUnknownField(
        tag: entry.tag.field,
        wire_type: ProtobufCWireType(rawValue: UInt32(entry.tag.type.rawValue)),
        len: entry.range.count, data: data.data + entry.range.lowerBound)
    }
    unsafe base.pointee.n_unknown_fields = UInt32(ranges.count)
    unsafe base.pointee.unknown_fields = fields
  }
}
