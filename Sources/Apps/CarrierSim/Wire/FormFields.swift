internal import Buffers

/// Fields of `application/x-www-form-urlencoded`: a request's body or query, in their order.
package struct FormFields: Sendable, Hashable {
  package struct Field: Sendable, Hashable {
    package var name: String
    package var value: String
  }

  package private(set) var fields: [Field] = []

  /// A request may have so many fields.
  static let fieldCountMax = 1000

  package init() {}

  /// Nil when an escape is broken, the text is not UTF-8 or there are too many fields.
  package init?(parsing bytes: some Sequence<UInt8>) {
    for piece in Array(bytes).split(separator: UInt8(ascii: "&")) {
      let parts = piece.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.text(parts[0]), let value = Self.text(parts.count == 2 ? parts[1] : []),
        fields.count < Self.fieldCountMax
      else { return nil }
      fields.append(Field(name: name, value: value))
    }
  }

  /// The first value of that name.
  package subscript(name: String) -> String? {
    fields.first { $0.name == name }?.value
  }

  /// Every value of that name.
  package func all(_ name: String) -> [String] {
    fields.filter { $0.name == name }.map(\.value)
  }

  package mutating func append(_ name: String, _ value: String) {
    fields.append(Field(name: name, value: value))
  }

  /// Sets the only value of that name.
  mutating func set(_ name: String, _ value: String) {
    fields.removeAll { $0.name == name }
    append(name, value)
  }

  /// As it is sent.
  package var encoded: String {
    FormEncoding.encode(fields.map { ($0.name, $0.value) })
  }

  private static func text(_ bytes: some Sequence<UInt8>) -> String? {
    FormEncoding.decode(bytes).flatMap { String(validating: $0, as: UTF8.self) }
  }
}
