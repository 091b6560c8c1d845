extension GeneratedMessage {
  package var isJSONDefault: Bool { false }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try json.object { (json) throws(JSONError) in try writeJSONFields(to: &json) }
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try Self(from: &json, passingOver: nil)
  }

  /// Reads an object of the fields, and perhaps of one member that is none: an `Any`'s `@type`.
  package init(
    from json: inout JSONReader, passingOver extra: String?
  ) throws(JSONError) {
    var message = Self()
    var seen: [Int32] = []
    try json.object { (json, name) throws(JSONError) in
      if name == extra { return try json.skip() }
      let number = try message.readJSONField(name, from: &json)
      if number == 0 {
        guard json.options.ignoresUnknown else { throw json.unknownField }
        try json.skip()
      } else {
        guard !seen.contains(number) else { throw json.duplicate }
        seen.append(number)
      }
    }
    self = message
  }

  /// Reads the message from its JSON form.
  package init(json text: String, options: JSONOptions = .defaults) throws(JSONError) {
    var json = JSONReader(text, options: options)
    self = try Self(from: &json)
    try json.end()
  }

  /// Reads the message from its JSON form, which must be UTF-8.
  package init(json bytes: [UInt8], options: JSONOptions = .defaults) throws(JSONError) {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .syntax(offset: 0) }
    self = try Self(json: text, options: options)
  }

  /// The message's JSON form. It throws when a well-known type holds a value without one.
  package func json(_ options: JSONOptions = .defaults) throws(JSONError) -> String {
    var json = JSONWriter(options: options)
    try write(to: &json)
    return String(decoding: json.bytes, as: UTF8.self)
  }
}

extension ProtoEnum {
  package var isJSONDefault: Bool { rawValue == 0 }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    if let name = protoName { json.string(name) } else { json.literal("\(rawValue)") }
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    guard json.peek() == UInt8(ascii: "\"") else {
      self.init(rawValue: try Int32(from: &json))
      return
    }
    let name = try json.string()
    if let value = Self(protoName: name) {
      self = value
    } else if json.options.ignoresUnknown {
      self.init(rawValue: 0)
    } else {
      throw json.valueError("one of \(Self.protoNames.map(\.name).joined(separator: ", "))")
    }
  }
}
