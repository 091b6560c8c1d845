package import Buffers
internal import CNGHTTP2

/// Headers to be sent, made for one block.
@safe package struct HeaderList: ~Copyable {
  private struct Field {
    let nameSize: Int
    let valueSize: Int
    let isIndexed: Bool
  }

  private var bytes = ByteWriter()
  private var fields: [Field] = []

  package init() {}

  package var isEmpty: Bool { fields.isEmpty }

  /// The size of the list as RFC 9113, section 6.5.2, counts it.
  package private(set) var size = 0

  /// Appends a field. The name is lower-case. A value that is unlikely to come again is not
  /// indexed, so that it does not push others out of the peer's table.
  package mutating func append(_ name: String, _ value: String, isIndexed: Bool = true) {
    bytes.append(utf8: name)
    bytes.append(utf8: value)
    note(name.utf8.count, value.utf8.count, isIndexed)
  }

  /// Appends a field whose value `write` appends.
  package mutating func append(
    _ name: String, isIndexed: Bool, value write: (inout ByteWriter) -> Void
  ) {
    bytes.append(utf8: name)
    let start = bytes.count
    write(&bytes)
    note(name.utf8.count, bytes.count - start, isIndexed)
  }

  private mutating func note(_ nameSize: Int, _ valueSize: Int, _ isIndexed: Bool) {
    fields.append(Field(nameSize: nameSize, valueSize: valueSize, isIndexed: isIndexed))
    size += nameSize + valueSize + 32
  }

  /// Calls `body` with the name and value of each field in its order.
  package borrowing func visitFields(_ body: (RawSpan, RawSpan) -> Void) {
    bytes.withBytes { bytes in
      var start = 0
      for field in fields {
        let end = start + field.nameSize + field.valueSize
        body(
          bytes.extracting(start..<(start + field.nameSize)),
          bytes.extracting((start + field.nameSize)..<end))
        start = end
      }
    }
  }

  /// Lends `preset`'s fields followed by the list's own to `body`, which copies what it keeps.
  borrowing func withFields<R>(
    after preset: HeaderPreset?, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> R
  ) -> R {
    if fields.isEmpty {
      return unsafe body(preset?.pointer, preset?.count ?? 0)
    }
    let presetCount = preset?.count ?? 0
    let count = presetCount + fields.count
    return unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: count) { all in
      for index in 0..<presetCount {
        if let pointer = unsafe preset?.pointer { unsafe all[index] = unsafe pointer[index] }
      }
      return unsafe bytes.withUnsafeBytes { bytes in
        var next = unsafe UnsafeMutablePointer(
          mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        for (index, field) in fields.enumerated() {
          let flags = field.isIndexed ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX
          let value = unsafe next.map { unsafe $0 + field.nameSize }
          unsafe all[presetCount + index] = unsafe nghttp2_nv(
            name: next, value: value, namelen: field.nameSize, valuelen: field.valueSize,
            flags: UInt8(flags.rawValue))
          unsafe next = unsafe value.map { unsafe $0 + field.valueSize }
        }
        return unsafe body(UnsafePointer(all.baseAddress), count)
      }
    }
  }
}

/// Headers that are always the same: made once, never freed, not copied when they are sent.
@safe package struct HeaderPreset: @unchecked Sendable {
  // @unchecked: what `pointer` points to is written in `init` only.
  let pointer: UnsafePointer<nghttp2_nv>
  let count: Int

  package init(_ fields: [(name: String, value: String)]) {
    let all = UnsafeMutablePointer<nghttp2_nv>.allocate(capacity: fields.count)
    for (index, field) in fields.enumerated() {
      let flags = NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue
      unsafe (all + index).initialize(
        to: nghttp2_nv(
          name: Self.immortal(field.name), value: Self.immortal(field.value),
          namelen: field.name.utf8.count, valuelen: field.value.utf8.count, flags: UInt8(flags)))
    }
    unsafe pointer = UnsafePointer(all)
    count = fields.count
  }

  private static func immortal(_ text: String) -> UnsafeMutablePointer<UInt8> {
    let bytes = Array(text.utf8)
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(bytes.count, 1))
    for (index, byte) in bytes.enumerated() { unsafe copy[index] = byte }
    return unsafe copy
  }
}
