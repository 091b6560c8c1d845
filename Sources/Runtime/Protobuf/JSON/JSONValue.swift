/// A value with a form in JSON (ProtoJSON Format): numbers, text, bytes, enums, messages.
package protocol JSONValue: Sendable {
  /// Whether a field without presence is left out when it holds this value.
  var isJSONDefault: Bool { get }

  /// Writes the value.
  func write(to json: inout JSONWriter) throws(JSONError)

  /// Reads a value.
  init(from json: inout JSONReader) throws(JSONError)

  /// Whether `null` is a value of the type; elsewhere it means that a field is unset.
  static var acceptsJSONNull: Bool { get }
}

extension JSONValue {
  package static var acceptsJSONNull: Bool { false }
}
