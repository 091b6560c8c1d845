package import Protobuf

/// A JSON object.
extension Google.Protobuf.Struct {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try json.map(fields)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self.init()
    var fields: [String: Google.Protobuf.Value] = [:]
    try json.object { (json, name) throws(JSONError) in
      guard fields[name] == nil else { throw json.duplicate }
      fields[name] = try Google.Protobuf.Value(from: &json)
    }
    self.fields = fields
  }
}

/// A JSON array.
extension Google.Protobuf.ListValue {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try json.array { (json) throws(JSONError) in
      for value in values {
        json.element()
        try value.write(to: &json)
      }
    }
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self.init()
    var values: [Google.Protobuf.Value] = []
    try json.array { (json) throws(JSONError) in
      values.append(try Google.Protobuf.Value(from: &json))
    }
    self.values = values
  }
}

/// Any JSON value.
extension Google.Protobuf.Value {
  package static var hasOwnJSONForm: Bool { true }
  package static var acceptsJSONNull: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    switch kind {
    case .nullValue?: json.literal("null")
    case .numberValue(let number)?:
      guard number.isFinite else { throw .unrepresentable(type: Self.fullName) }
      try number.write(to: &json)
    case .stringValue(let text)?: json.string(text)
    case .boolValue(let flag)?: try flag.write(to: &json)
    case .structValue(let object)?: try object.write(to: &json)
    case .listValue(let list)?: try list.write(to: &json)
    case nil: throw .unrepresentable(type: Self.fullName)
    }
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self.init()
    switch json.peek() {
    case UInt8(ascii: "n")?:
      _ = try json.takeNull()
      kind = .nullValue(.nullValue)
    case UInt8(ascii: "t")?, UInt8(ascii: "f")?: kind = .boolValue(try json.bool())
    case UInt8(ascii: "\"")?: kind = .stringValue(try json.string())
    case UInt8(ascii: "{")?: kind = .structValue(try Google.Protobuf.Struct(from: &json))
    case UInt8(ascii: "[")?: kind = .listValue(try Google.Protobuf.ListValue(from: &json))
    default: kind = .numberValue(try Double(from: &json))
    }
  }
}

/// `null`.
extension Google.Protobuf.NullValue {
  package static var acceptsJSONNull: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    json.literal("null")
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    if try json.takeNull() {
      self = .nullValue
    } else if json.peek() == UInt8(ascii: "\"") {
      guard try json.string() == "NULL_VALUE" else { throw json.valueError("null") }
      self = .nullValue
    } else {
      self.init(rawValue: try Int32(from: &json))
    }
  }
}
