/// The wire type of a field (protobuf encoding, "Message Structure").
package enum WireType: UInt8, Sendable {
  case varint = 0
  case fixed64 = 1
  case lengthDelimited = 2
  case startGroup = 3
  case endGroup = 4
  case fixed32 = 5
}

/// What stands before each field: its number and how its value is written.
package struct WireTag: Hashable, Sendable {
  /// The largest number that a field can have.
  package static let fieldMax: UInt32 = 536_870_911

  package var field: UInt32
  package var type: WireType
}

/// Reads encoded fields one after the other, knowing nothing of their meaning.
///
/// For descriptors, unknown fields and scans; messages are decoded by protobuf-c.
package struct WireReader {
  private let bytes: [UInt8]
  /// How many bytes have been read.
  package private(set) var offset = 0

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  package var isAtEnd: Bool { offset == bytes.count }

  /// The next field's tag; `nil` at the end.
  package mutating func nextTag() throws(DecodingError) -> WireTag? {
    guard offset < bytes.count else { return nil }
    let raw = try varint()
    guard raw <= UInt64(UInt32.max), raw >> 3 != 0, let type = WireType(rawValue: UInt8(raw & 7))
    else { throw .malformed }
    return WireTag(field: UInt32(raw >> 3), type: type)
  }

  /// A base-128 varint of at most ten bytes.
  package mutating func varint() throws(DecodingError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while offset < bytes.count, shift < 70 {
      let byte = bytes[offset]
      offset += 1
      value |= shift < 64 ? UInt64(byte & 0x7F) << shift : 0
      if byte < 0x80 { return value }
      shift += 7
    }
    throw .malformed
  }

  /// The range of a length-delimited value, which is passed over.
  package mutating func lengthDelimitedRange() throws(DecodingError) -> Range<Int> {
    let length = try varint()
    guard length <= UInt64(bytes.count - offset) else { throw .malformed }
    let start = offset
    offset += Int(length)
    return start..<offset
  }

  /// A length-delimited value's bytes.
  package mutating func lengthDelimited() throws(DecodingError) -> [UInt8] {
    Array(bytes[try lengthDelimitedRange()])
  }

  /// A length-delimited value as text.
  package mutating func string() throws(DecodingError) -> String {
    guard let text = String(validating: try lengthDelimited(), as: UTF8.self) else {
      throw .invalidUTF8
    }
    return text
  }

  /// Passes over the value after `tag`. Groups, which proto3 does not have, are malformed.
  package mutating func skip(_ tag: WireTag) throws(DecodingError) {
    switch tag.type {
    case .varint: _ = try varint()
    case .fixed64: try advance(8)
    case .lengthDelimited: _ = try lengthDelimitedRange()
    case .fixed32: try advance(4)
    case .startGroup, .endGroup: throw .malformed
    }
  }

  private mutating func advance(_ size: Int) throws(DecodingError) {
    guard bytes.count - offset >= size else { throw .malformed }
    offset += size
  }
}

/// Writes encoded fields one after the other; the counterpart of ``WireReader``.
package struct WireWriter {
  /// What has been written.
  package private(set) var bytes: [UInt8] = []

  package init() {}

  /// Appends a base-128 varint.
  package mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Appends bytes that are encoded already.
  package mutating func append(_ encoded: ArraySlice<UInt8>) {
    bytes.append(contentsOf: encoded)
  }

  /// Appends bytes that are encoded already.
  @unsafe package mutating func append(_ encoded: UnsafeBufferPointer<UInt8>) {
    unsafe bytes.append(contentsOf: encoded)
  }

  /// Appends a field that is a varint.
  package mutating func field(_ number: UInt32, varint value: UInt64) {
    varint(UInt64(number) << 3)
    varint(value)
  }

  /// Appends a field that is bytes or an encoded message.
  package mutating func field(_ number: UInt32, bytes value: [UInt8]) {
    varint(UInt64(number) << 3 | 2)
    varint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  /// Appends a field that is text.
  package mutating func field(_ number: UInt32, string value: String) {
    field(number, bytes: Array(value.utf8))
  }
}
