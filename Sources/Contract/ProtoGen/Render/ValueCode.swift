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

  /// The singular value at `place` of a C structure.
  func decoded(_ place: String) -> String {
    switch kind {
    case .message(let type): "try unsafe \(type.swiftName)(copying: UnsafeRawPointer(\(place)))"
    case .enum(let type): "unsafe \(type.swiftName)(rawValue: \(place))"
    case .scalar(.double): "unsafe Double(bitPattern: \(place))"
    case .scalar(.float): "unsafe Float(bitPattern: \(place))"
    case .scalar(.bool): "unsafe \(place) != 0"
    case .scalar(.string): "try unsafe Wire.string(\(place))"
    case .scalar(.bytes): "unsafe Wire.bytes(\(place))"
    case .scalar: "unsafe \(place)"
    }
  }

  /// The C counterpart of the singular `value`.
  func encoded(_ value: String) -> String {
    switch kind {
    case .message(let type):
      "\(value).copy(into: &arena).assumingMemoryBound(to: \(type.cType).self)"
    case .scalar(.string), .scalar(.bytes): "arena.copy(\(value))"
    case .enum: "\(value).rawValue"
    case .scalar(.double), .scalar(.float): "\(value).bitPattern"
    case .scalar(.bool): "\(value) ? 1 : 0"
    case .scalar: value
    }
  }

  /// The function of `Wire` that copies a repeated value of this kind; `nil` if there is none.
  var arrayFunction: String? {
    switch kind {
    case .message, .enum: nil
    case .scalar(let scalar):
      switch scalar {
      case .double: "doubles"
      case .float: "floats"
      case .int64, .sfixed64, .sint64: "int64s"
      case .uint64, .fixed64: "uint64s"
      case .int32, .sfixed32, .sint32: "int32s"
      case .uint32, .fixed32: "uint32s"
      case .bool: "bools"
      case .string: "strings"
      case .bytes, .group, .message, .enum: "byteStrings"
      }
    }
  }

  /// The C type of an element of a repeated value that `Wire` has no function for.
  var elementType: String {
    switch kind {
    case .message(let type): "UnsafeMutablePointer<\(type.cType)>?"
    case .enum, .scalar: "Int32"
    }
  }
}
