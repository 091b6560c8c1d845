/// Reads JSON text (RFC 8259) from front to back. Generated code drives it field by field.
package struct JSONReader {
  package let options: JSONOptions
  private let bytes: [UInt8]
  private var offset = 0
  private var depth = 0
  private var path: [String] = []

  /// Reads `text`.
  package init(_ text: String, options: JSONOptions) {
    bytes = Array(text.utf8)
    self.options = options
  }

  // MARK: Structure

  private var syntaxError: JSONError { .syntax(offset: offset) }

  /// The first byte of the next token, after white space; `nil` at the end.
  package mutating func peek() -> UInt8? {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return bytes[offset]
      }
    }
    return nil
  }

  /// Throws unless nothing but white space is left.
  package mutating func end() throws(JSONError) {
    guard peek() == nil else { throw syntaxError }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    offset += 1
    return true
  }

  private mutating func expect(_ byte: UInt8) throws(JSONError) {
    guard take(byte) else { throw syntaxError }
  }

  /// Takes `null` if it is next.
  package mutating func takeNull() throws(JSONError) -> Bool {
    guard peek() == UInt8(ascii: "n") else { return false }
    try word("null")
    return true
  }

  private mutating func word(_ text: String) throws(JSONError) {
    guard bytes[offset...].starts(with: text.utf8) else { throw syntaxError }
    offset += text.utf8.count
  }

  private mutating func nested(
    _ open: UInt8, _ close: UInt8, _ expected: String,
    _ body: (inout JSONReader) throws(JSONError) -> Void
  ) throws(JSONError) {
    guard depth < options.nestingMax else { throw .nestedTooDeep(max: options.nestingMax) }
    guard let next = peek() else { throw syntaxError }
    guard next == open else { throw valueError(expected) }
    offset += 1
    depth += 1
    if !take(close) {
      repeat { try body(&self) } while take(UInt8(ascii: ","))
      try expect(close)
    }
    depth -= 1
  }

  /// Reads an object; `member` reads the value that follows each name.
  package mutating func object(
    _ member: (inout JSONReader, String) throws(JSONError) -> Void
  ) throws(JSONError) {
    try nested(UInt8(ascii: "{"), UInt8(ascii: "}"), "an object") { (json) throws(JSONError) in
      guard json.peek() == UInt8(ascii: "\"") else { throw json.syntaxError }
      let name = try json.string()
      try json.expect(UInt8(ascii: ":"))
      json.path.append(name)
      try member(&json, name)
      json.path.removeLast()
    }
  }

  /// Reads an array; `element` reads each element.
  package mutating func array(
    _ element: (inout JSONReader) throws(JSONError) -> Void
  ) throws(JSONError) {
    try nested(UInt8(ascii: "["), UInt8(ascii: "]"), "an array", element)
  }

  /// Passes over one value of any kind.
  package mutating func skip() throws(JSONError) {
    switch peek() {
    case UInt8(ascii: "{")?:
      try object { (json, _) throws(JSONError) in try json.skip() }
    case UInt8(ascii: "[")?:
      try array { (json) throws(JSONError) in try json.skip() }
    case UInt8(ascii: "\"")?: _ = try string()
    case UInt8(ascii: "t")?: try word("true")
    case UInt8(ascii: "f")?: try word("false")
    case UInt8(ascii: "n")?: try word("null")
    default: _ = try number()
    }
  }

  /// Reads the same value again later: returns the text of the next value and passes over it.
  package mutating func rawValue() throws(JSONError) -> String {
    _ = peek()
    let start = offset
    try skip()
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  /// How deep the value that is read next lies, for a reader of a part of this one's text.
  package func reader(of text: String) -> JSONReader {
    var reader = JSONReader(text, options: options)
    reader.depth = depth
    reader.path = path
    return reader
  }

  // MARK: Errors

  /// The value being read is not what its field takes.
  package func valueError(_ expected: String) -> JSONError {
    .value(path: joinedPath, expected: expected)
  }

  /// The object being read has a member that is no field.
  package var unknownField: JSONError { .unknownField(path: joinedPath) }

  /// The object being read has the member twice.
  package var duplicate: JSONError { .duplicate(path: joinedPath) }

  private var joinedPath: String { path.joined(separator: ".") }

  // MARK: Scalars

  package mutating func bool() throws(JSONError) -> Bool {
    switch peek() {
    case UInt8(ascii: "t")?:
      try word("true")
      return true
    case UInt8(ascii: "f")?:
      try word("false")
      return false
    default: throw valueError("true or false")
    }
  }

  /// The text of a number (RFC 8259, section 6).
  package mutating func number() throws(JSONError) -> String {
    _ = peek()
    let length = Self.numberLength(bytes[offset...])
    guard length > 0 else { throw syntaxError }
    defer { offset += length }
    return String(decoding: bytes[offset..<offset + length], as: UTF8.self)
  }

  /// How many bytes at the front of `text` are a number; 0 if it does not begin with one.
  static func numberLength(_ text: ArraySlice<UInt8>) -> Int {
    var rest = text
    if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
    func digits() -> Int {
      let run = rest.prefix { (0x30...0x39).contains($0) }.count
      rest.removeFirst(run)
      return run
    }
    let leadsWithZero = rest.first == 0x30
    let whole = digits()
    guard whole > 0, !leadsWithZero || whole == 1 else { return 0 }
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      guard digits() > 0 else { return 0 }
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest.removeFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
      guard digits() > 0 else { return 0 }
    }
    return rest.startIndex - text.startIndex
  }

  /// A quoted string.
  package mutating func string() throws(JSONError) -> String {
    guard peek() == UInt8(ascii: "\"") else { throw valueError("a string") }
    offset += 1
    var text: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text.append(contentsOf: try escape())
      case 0..<0x20: throw syntaxError
      default: text.append(byte)
      }
    }
    throw syntaxError
  }

  private mutating func escape() throws(JSONError) -> [UInt8] {
    guard offset < bytes.count else { throw syntaxError }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var code = try hexUnit()
      if (0xD800..<0xDC00).contains(code) {
        try word("\\u")
        let low = try hexUnit()
        guard (0xDC00..<0xE000).contains(low) else { throw syntaxError }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw syntaxError }
      return Array(Character(scalar).utf8)
    default: throw syntaxError
    }
  }

  private mutating func hexUnit() throws(JSONError) -> UInt32 {
    guard offset + 4 <= bytes.count else { throw syntaxError }
    var unit: UInt32 = 0
    for byte in bytes[offset..<offset + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw syntaxError
      }
      unit = unit << 4 | UInt32(digit)
    }
    offset += 4
    return unit
  }
}
