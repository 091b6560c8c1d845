internal import Buffers

/// One element of an XML document.
package struct XMLElement: Sendable, Hashable {
  package struct Attribute: Sendable, Hashable {
    package var name: String
    package var value: String
  }

  package enum Node: Sendable, Hashable {
    case element(XMLElement)
    case text(String)
  }

  package var name: String
  package var attributes: [Attribute] = []
  package var children: [Node] = []

  package subscript(attribute: String) -> String? {
    attributes.first { $0.name == attribute }?.value
  }

  package var elements: [XMLElement] {
    children.compactMap { if case .element(let element) = $0 { element } else { nil } }
  }

  /// The text directly in it, blanks at both ends cut.
  package var text: String {
    let whole = children.map { if case .text(let text) = $0 { text } else { "" } }.joined()
    let scalars = Array(whole.unicodeScalars)
    guard let first = scalars.firstIndex(where: { !XMLReader.isBlank($0) }),
      let last = scalars.lastIndex(where: { !XMLReader.isBlank($0) })
    else { return "" }
    return String(String.UnicodeScalarView(scalars[first...last]))
  }
}

/// Why bytes are not an XML document, and at which character.
package struct XMLError: Error, Sendable, Hashable, CustomStringConvertible {
  package var problem: String
  package var position: Int

  package var description: String { "\(problem) (character \(position))" }
}

/// Reads XML 1.0 in UTF-8, without DTD: well-formed or refused.
package struct XMLReader {
  /// Elements nest at most so deep.
  static let depthMax = 32
  /// And are at most so many.
  static let elementCountMax = 10000

  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var elementCount = 0

  /// The document's root element.
  package static func document(_ bytes: [UInt8]) throws(XMLError) -> XMLElement {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw XMLError(problem: "The document is not UTF-8.", position: 0)
    }
    var reader = XMLReader(text)
    return try reader.document()
  }

  private init(_ text: String) {
    var scalars = Array(text.unicodeScalars)
    if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
    self.scalars = scalars
  }

  static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r"
  }

  private func failure(_ problem: String) -> XMLError {
    XMLError(problem: problem, position: position)
  }

  // MARK: The document

  private mutating func document() throws(XMLError) -> XMLElement {
    if take("<?xml") { try declaration() }
    try skipMisc()
    guard take("<") else { throw failure("The root element is missing.") }
    let root = try element(depth: 1)
    try skipMisc()
    guard position == scalars.count else { throw failure("Something follows the root element.") }
    return root
  }

  private mutating func declaration() throws(XMLError) {
    var attributes: [XMLElement.Attribute] = []
    while !take("?>") {
      guard skipBlanks() > 0 else { throw failure("The XML declaration is broken.") }
      if peek("?>") { continue }
      attributes.append(try attribute())
    }
    guard attributes.first?.name == "version" else {
      throw failure("The XML declaration names no version.")
    }
    if let encoding = attributes.first(where: { $0.name == "encoding" }),
      encoding.value.lowercased() != "utf-8"
    {
      throw failure("The encoding is not UTF-8.")
    }
  }

  private mutating func skipMisc() throws(XMLError) {
    while true {
      skipBlanks()
      if take("<!--") {
        try comment()
      } else if take("<?") {
        try instruction()
      } else {
        return
      }
    }
  }

  private mutating func comment() throws(XMLError) {
    while position < scalars.count {
      if take("-->") { return }
      if peek("--") { throw failure("A comment holds two hyphens.") }
      try checked(scalars[position])
      position += 1
    }
    throw failure("A comment has no end.")
  }

  private mutating func instruction() throws(XMLError) {
    let target = try name()
    guard target.lowercased() != "xml" else {
      throw failure("The XML declaration is not at the start.")
    }
    while position < scalars.count {
      if take("?>") { return }
      try checked(scalars[position])
      position += 1
    }
    throw failure("An instruction has no end.")
  }

  // MARK: Elements

  /// Behind its `<`.
  private mutating func element(depth: Int) throws(XMLError) -> XMLElement {
    elementCount += 1
    guard depth <= Self.depthMax, elementCount <= Self.elementCountMax else {
      throw failure("There are too many elements.")
    }
    var element = XMLElement(name: try name())
    while true {
      let blanks = skipBlanks()
      if take("/>") { return element }
      if take(">") { break }
      guard blanks > 0 else { throw failure("A tag is broken.") }
      let attribute = try attribute()
      guard element[attribute.name] == nil else {
        throw failure("The attribute \(attribute.name) stands twice.")
      }
      element.attributes.append(attribute)
    }
    element.children = try content(depth: depth)
    guard try name() == element.name else {
      throw failure("The end tag of \(element.name) is missing.")
    }
    skipBlanks()
    guard take(">") else { throw failure("An end tag is broken.") }
    return element
  }

  /// Up to and with the `</` of the end tag.
  private mutating func content(depth: Int) throws(XMLError) -> [XMLElement.Node] {
    var nodes: [XMLElement.Node] = []
    var text = ""
    func appendText() { if !text.isEmpty { nodes.append(.text(text)) } }
    while position < scalars.count {
      if take("</") {
        appendText()
        return nodes
      } else if take("<!--") {
        try comment()
      } else if take("<![CDATA[") {
        try characterData(into: &text)
      } else if take("<?") {
        try instruction()
      } else if take("<") {
        appendText()
        text = ""
        nodes.append(.element(try element(depth: depth + 1)))
      } else if take("&") {
        text.unicodeScalars.append(try reference())
      } else {
        guard !peek("]]>") else { throw failure("]]> stands in the text.") }
        text.unicodeScalars.append(try checked(scalars[position]))
        position += 1
      }
    }
    throw failure("An element has no end tag.")
  }

  private mutating func characterData(into text: inout String) throws(XMLError) {
    while position < scalars.count {
      if take("]]>") { return }
      text.unicodeScalars.append(try checked(scalars[position]))
      position += 1
    }
    throw failure("A CDATA section has no end.")
  }

  private mutating func attribute() throws(XMLError) -> XMLElement.Attribute {
    let name = try name()
    skipBlanks()
    guard take("=") else { throw failure("The attribute \(name) has no value.") }
    skipBlanks()
    let quote: Unicode.Scalar = peek("'") ? "'" : "\""
    guard position < scalars.count, scalars[position] == quote else {
      throw failure("The value of \(name) is not in quotes.")
    }
    position += 1
    var value = ""
    while position < scalars.count {
      let scalar = scalars[position]
      if scalar == quote {
        position += 1
        return XMLElement.Attribute(name: name, value: value)
      }
      if take("&") {
        value.unicodeScalars.append(try reference())
        continue
      }
      guard scalar != "<" else { throw failure("The value of \(name) holds a <.") }
      value.unicodeScalars.append(Self.isBlank(scalar) ? " " : try checked(scalar))
      position += 1
    }
    throw failure("The value of \(name) has no end.")
  }

  // MARK: Characters

  /// Behind its `&`.
  private mutating func reference() throws(XMLError) -> Unicode.Scalar {
    let start = position
    while position < scalars.count, scalars[position] != ";", position - start < 12 {
      position += 1
    }
    guard position < scalars.count, scalars[position] == ";" else {
      throw failure("An & begins no reference.")
    }
    let body = String(String.UnicodeScalarView(scalars[start..<position]))
    position += 1
    switch body {
    case "amp": return "&"
    case "lt": return "<"
    case "gt": return ">"
    case "quot": return "\""
    case "apos": return "'"
    default:
      let isHex = body.hasPrefix("#x")
      let digits = body.dropFirst(isHex ? 2 : 1)
      let isPlain = digits.utf8.allSatisfy { Hex.value(of: $0) != nil }
      guard body.hasPrefix("#"), isPlain, let value = UInt32(digits, radix: isHex ? 16 : 10),
        let scalar = Unicode.Scalar(value)
      else { throw failure("The reference &\(body); is unknown.") }
      return try checked(scalar)
    }
  }

  /// Refuses what no document may hold (XML 1.0, section 2.2).
  @discardableResult
  private func checked(_ scalar: Unicode.Scalar) throws(XMLError) -> Unicode.Scalar {
    switch scalar {
    case "\t", "\n", "\r", " "..."\u{D7FF}", "\u{E000}"..."\u{FFFD}",
      "\u{10000}"..."\u{10FFFF}":
      return scalar
    default: throw failure("A character is not allowed in XML.")
    }
  }

  private mutating func name() throws(XMLError) -> String {
    let start = position
    while position < scalars.count, isNamePart(scalars[position], first: position == start) {
      position += 1
    }
    guard position > start else { throw failure("A name is expected.") }
    return String(String.UnicodeScalarView(scalars[start..<position]))
  }

  private func isNamePart(_ scalar: Unicode.Scalar, first: Bool) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "_", ":": true
    case "0"..."9", "-", ".": !first
    default: scalar.value >= 0xC0 && scalar.properties.isAlphabetic
    }
  }

  @discardableResult
  private mutating func skipBlanks() -> Int {
    let start = position
    while position < scalars.count, Self.isBlank(scalars[position]) { position += 1 }
    return position - start
  }

  private func peek(_ text: StaticString) -> Bool {
    scalars[position...].starts(with: "\(text)".unicodeScalars)
  }

  private mutating func take(_ text: StaticString) -> Bool {
    guard peek(text) else { return false }
    position += text.utf8CodeUnitCount
    return true
  }
}
