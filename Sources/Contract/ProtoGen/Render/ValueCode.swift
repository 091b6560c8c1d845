/// The Swift of one kind of value: its type, its default, its way from and to the C structure.
struct ValueCode {
  let kind: ValueKind

  /// The Swift type of a singular value.
  var type: String {
    switch kind {
    case .message(let type), .enum(let type): type.swiftName
    case .scalar(let scalar): Self.type(of: scalar)
    }
  }

  static func type(of scalar: FieldProto.Kind) -> String {
    switch scalar {
    case .double: "Double"
    case .float: "Float"
    case .int64, .sfixed64, .sint64: "Int64"
    case .uint64, .fixed64: "UInt64"
    case .int32, .sfixed32, .sint32: "Int32"
    case .uint32, .fixed32: "UInt32"
    case .bool: "Bool"
    case .string: "String"
    case .bytes, .group, .message, .enum: "[UInt8]"
    }
  }

  /// What a field without presence holds when it is not on the wire.
  var defaultValue: String {
    switch kind {
    case .message(let type): "\(type.swiftName)()"
    case .enum(let type): ".\(type.zeroCase ?? "unrecognized(0)")"
    case .scalar(.bool): "false"
    case .scalar(.string): "\"\""
    case .scalar(.bytes): "[]"
    case .scalar: "0"
    }
  }

  /// The singular value at `place` of a C structure. A message that is not there is an empty one.
  func decoded(_ place: String) -> String {
    switch kind {
    case .message: "try unsafe Wire.payload(\(place))"
    case .enum(let type): "unsafe \(type.swiftName)(rawValue: \(place))"
    case .scalar(.double): "unsafe Double(bitPattern: \(place))"
    case .scalar(.float): "unsafe Float(bitPattern: \(place))"
    case .scalar(.bool): "unsafe \(place) != 0"
    case .scalar(.string): "try unsafe Wire.string(\(place))"
    case .scalar(.bytes): "unsafe Wire.bytes(\(place))"
    case .scalar: "unsafe \(place)"
    }
  }

  /// The repeated value at `place`, of which `count` are there.
  func decodedArray(_ count: String, _ place: String) -> String {
    switch kind {
    case .message: "try unsafe Wire.messages(\(count), \(place))"
    case .enum(let type):
      "unsafe Wire.values(\(count), \(place)) { \(type.swiftName)(rawValue: $0) }"
    case .scalar(.double): "unsafe Wire.values(\(count), \(place)) { Double(bitPattern: $0) }"
    case .scalar(.float): "unsafe Wire.values(\(count), \(place)) { Float(bitPattern: $0) }"
    case .scalar(.bool): "unsafe Wire.values(\(count), \(place)) { $0 != 0 }"
    case .scalar(.string): "try unsafe Wire.strings(\(count), \(place))"
    case .scalar(.bytes): "unsafe Wire.byteStrings(\(count), \(place))"
    case .scalar: "unsafe Wire.scalars(\(count), \(place))"
    }
  }

  /// The C counterpart of the singular `value`.
  func encoded(_ value: String) -> String {
    switch kind {
    case .message, .scalar(.string), .scalar(.bytes): "arena.copy(\(value))"
    case .enum: "\(value).rawValue"
    case .scalar(.double), .scalar(.float): "\(value).bitPattern"
    case .scalar(.bool): "\(value) ? 1 : 0"
    case .scalar: value
    }
  }

  /// The C counterpart of the array `values`.
  func encodedArray(_ values: String) -> String {
    switch kind {
    case .message: "arena.messages(\(values))"
    case .scalar(.string), .scalar(.bytes):
      "arena.values(\(values)) { arena, value in unsafe arena.copy(value) }"
    case .enum, .scalar(.double), .scalar(.float), .scalar(.bool):
      "arena.values(\(values)) { _, value in \(encoded("value")) }"
    case .scalar: "arena.scalars(\(values))"
    }
  }
}
