/// What travels beside the messages of a call: an ordered list of names and values.
///
/// Names are lower-case ASCII (letters, digits, `-`, `_`, `.`). A name that ends with `-bin` has
/// bytes as its value, every other name has printable ASCII. A name may occur more than once.
package struct Metadata: Hashable, Sendable, ExpressibleByDictionaryLiteral,
  RandomAccessCollection
{
  /// The value of one entry.
  package enum Value: Hashable, Sendable, ExpressibleByStringLiteral {
    /// Printable ASCII (0x20–0x7E).
    case text(String)
    /// Any bytes; the name ends with `-bin`.
    case binary([UInt8])

    package init(stringLiteral text: String) { self = .text(text) }
  }

  /// One name with one value.
  package struct Entry: Hashable, Sendable {
    package let name: String
    package let value: Value

    package init(name: String, value: Value) {
      self.name = name
      self.value = value
    }
  }

  private enum Storage {
    case entries([Entry])
    /// What a ``MetadataBlock`` wrote; decoded when somebody asks.
    case wire([UInt8])
  }

  private var storage: Storage

  private var entries: [Entry] {
    get {
      switch storage {
      case .entries(let entries): entries
      case .wire(let wire): Self.entries(wire: wire)
      }
    }
    set { storage = .entries(newValue) }
  }

  package init() { storage = .entries([]) }

  init(wire: [UInt8]) { storage = .wire(wire) }

  var wire: [UInt8]? {
    guard case .wire(let wire) = storage else { return nil }
    return wire
  }

  /// How many bytes it took on the wire, roughly; 0 of what did not come over one.
  package var wireByteCount: Int {
    switch storage {
    case .entries: 0
    case .wire(let wire): wire.count
    }
  }

  package var isEmpty: Bool {
    switch storage {
    case .entries(let entries): entries.isEmpty
    case .wire(let wire): wire.isEmpty
    }
  }

  package static func == (left: Metadata, right: Metadata) -> Bool {
    left.entries == right.entries
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(entries) }

  package init(_ entries: [Entry]) {
    self.init()
    for entry in entries { append(entry.value, for: entry.name) }
  }

  package init(dictionaryLiteral elements: (String, Value)...) {
    self.init()
    for (name, value) in elements { append(value, for: name) }
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { entries.count }
  package subscript(position: Int) -> Entry { entries[position] }

  /// The first text of `name`. Setting replaces every value of the name; `nil` removes it.
  package subscript(_ name: String) -> String? {
    get {
      if let wire {
        return Self.firstValue(of: name, in: wire).map { String(decoding: $0, as: UTF8.self) }
      }
      for entry in entries where entry.name == name {
        if case .text(let text) = entry.value { return text }
      }
      return nil
    }
    set {
      removeAll(named: name)
      if let newValue { append(newValue, for: name) }
    }
  }

  /// The first bytes of `name`, which ends with `-bin`.
  package func binary(_ name: String) -> [UInt8]? {
    if let wire, Self.firstValue(of: name, in: wire) == nil { return nil }
    for entry in entries where entry.name == name {
      if case .binary(let bytes) = entry.value { return bytes }
    }
    return nil
  }

  /// All texts of `name`, in their order.
  package func texts(_ name: String) -> [String] {
    entries.compactMap { entry in
      guard entry.name == name, case .text(let text) = entry.value else { return nil }
      return text
    }
  }

  /// All bytes of `name`, in their order.
  package func binaries(_ name: String) -> [[UInt8]] {
    entries.compactMap { entry in
      guard entry.name == name, case .binary(let bytes) = entry.value else { return nil }
      return bytes
    }
  }

  /// Appends a text. The name must be valid and not end with `-bin`, the text printable.
  package mutating func append(_ text: String, for name: String) {
    append(.text(text), for: name)
  }

  /// Appends bytes. The name must be valid and end with `-bin`.
  package mutating func append(_ bytes: [UInt8], for name: String) {
    append(.binary(bytes), for: name)
  }

  /// Appends a value of the kind that the name asks for.
  package mutating func append(_ value: Value, for name: String) {
    precondition(Self.isValid(name: name), "\(name.debugDescription) is no metadata name")
    switch value {
    case .text(let text):
      precondition(!name.hasSuffix("-bin"), "\(name) is for bytes")
      precondition(Self.isValid(text: text), "the value of \(name) is not printable ASCII")
    case .binary:
      precondition(name.hasSuffix("-bin"), "\(name) is for text")
    }
    entries.append(Entry(name: name, value: value))
  }

  /// Appends every entry of `other`.
  package mutating func append(contentsOf other: Metadata) {
    entries.append(contentsOf: other.entries)
  }

  /// Removes every value of `name`.
  package mutating func removeAll(named name: String) {
    entries.removeAll { $0.name == name }
  }

  /// Whether `name` may be a metadata name (PROTOCOL-HTTP2, Header-Name).
  package static func isValid(name: String) -> Bool {
    !name.isEmpty && name.utf8.allSatisfy(isInName)
  }

  static func isInName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// Whether `text` may be the value of a text entry (PROTOCOL-HTTP2, ASCII-Value).
  package static func isValid(text: String) -> Bool {
    text.utf8.allSatisfy(isInText)
  }

  static func isInText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte <= 0x7e }
}
