/// Writes JSON text from front to back. Generated code drives it field by field.
package struct JSONWriter {
  package let options: JSONOptions
  /// The text so far, in UTF-8.
  package private(set) var bytes: [UInt8] = []
  private var depth = 0
  private var isFirst = true

  package init(options: JSONOptions) {
    self.options = options
  }

  /// Opens an object or an array, lets `body` fill it, and closes it.
  private mutating func nested(
    _ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) throws(JSONError) -> Void
  ) throws(JSONError) {
    guard depth < options.nestingMax else { throw .nestedTooDeep(max: options.nestingMax) }
    bytes.append(open)
    depth += 1
    isFirst = true
    try body(&self)
    depth -= 1
    if !isFirst { breakLine() }
    isFirst = false
    bytes.append(close)
  }

  package mutating func object(
    _ body: (inout JSONWriter) throws(JSONError) -> Void
  ) throws(JSONError) {
    try nested(UInt8(ascii: "{"), UInt8(ascii: "}"), body)
  }

  package mutating func array(
    _ body: (inout JSONWriter) throws(JSONError) -> Void
  ) throws(JSONError) {
    try nested(UInt8(ascii: "["), UInt8(ascii: "]"), body)
  }

  /// Begins the next element of the open array or, within ``key(_:)``, object.
  package mutating func element() {
    if !isFirst { bytes.append(UInt8(ascii: ",")) }
    isFirst = false
    breakLine()
  }

  /// Begins the next member of the open object; its value comes next.
  package mutating func key(_ name: String) {
    element()
    string(name)
    bytes.append(UInt8(ascii: ":"))
    if options.isPretty { bytes.append(UInt8(ascii: " ")) }
  }

  private mutating func breakLine() {
    guard options.isPretty else { return }
    bytes.append(UInt8(ascii: "\n"))
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
  }

  /// Appends a literal: a number, `true`, `false` or `null`.
  package mutating func literal(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  /// Appends a quoted string.
  package mutating func string(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0x0A: literal("\\n")
      case 0x0D: literal("\\r")
      case 0x09: literal("\\t")
      case 0..<0x20, 0x7F:
        let hex = String(byte, radix: 16)
        literal(hex.utf8.count == 1 ? "\\u000" : "\\u00")
        literal(hex)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func fieldKey(_ name: String, _ protoName: String) {
    key(options.usesProtoNames ? protoName : name)
  }

  /// Writes a field without presence, unless it holds its default.
  package mutating func field<T: JSONValue>(
    _ name: String, _ protoName: String, _ value: T
  ) throws(JSONError) {
    guard options.writesDefaults || !value.isJSONDefault else { return }
    fieldKey(name, protoName)
    try value.write(to: &self)
  }

  /// Writes a field with presence, if it is set.
  package mutating func field<T: JSONValue>(
    _ name: String, _ protoName: String, _ value: T?
  ) throws(JSONError) {
    guard let value else { return }
    fieldKey(name, protoName)
    try value.write(to: &self)
  }

  /// Writes the member of a oneof that is set; its default is a value too.
  package mutating func member<T: JSONValue>(
    _ name: String, _ protoName: String, _ value: T
  ) throws(JSONError) {
    fieldKey(name, protoName)
    try value.write(to: &self)
  }

  /// Writes a repeated field, unless it is empty.
  package mutating func field<T: JSONValue>(
    _ name: String, _ protoName: String, _ values: [T]
  ) throws(JSONError) {
    guard options.writesDefaults || !values.isEmpty else { return }
    fieldKey(name, protoName)
    try array { (json) throws(JSONError) in
      for value in values {
        json.element()
        try value.write(to: &json)
      }
    }
  }

  /// Writes a map in the order of its keys, unless it is empty.
  package mutating func field<K: MapKey, V: JSONValue>(
    _ name: String, _ protoName: String, _ values: [K: V]
  ) throws(JSONError) {
    guard options.writesDefaults || !values.isEmpty else { return }
    fieldKey(name, protoName)
    try map(values)
  }

  /// Writes an object of the entries of `values`.
  package mutating func map<K: MapKey, V: JSONValue>(_ values: [K: V]) throws(JSONError) {
    try object { (json) throws(JSONError) in
      for (key, value) in values.sorted(by: { K.comesBefore($0.key, $1.key) }) {
        json.key(key.jsonKey)
        try value.write(to: &json)
      }
    }
  }
}
