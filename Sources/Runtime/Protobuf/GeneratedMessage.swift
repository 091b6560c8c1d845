/// A message that the generator wrote. Nobody writes one by hand.
///
/// The wire format is protobuf-c's. A message becomes a C structure in an ``Arena`` and is packed
/// from there, and is unpacked into one and copied from there. Unknown fields are kept.
package protocol GeneratedMessage: Message, JSONValue {
  /// The fields that this version of the contract does not know, as they came.
  var unknownFields: UnknownFields { get set }

  /// Copies into a new message from an unpacked C structure, which must be the type's own.
  @unsafe mutating func read(_ structure: UnsafeRawPointer) throws(DecodingError)

  /// Copies into a C structure in `arena`; it lives as long as the arena.
  @unsafe func copy(into arena: inout Arena) -> UnsafeMutableRawPointer

  /// Writes every set field as a member of an open JSON object.
  func writeJSONFields(to json: inout JSONWriter) throws(JSONError)

  /// Reads the value of the member `name` and returns the field's number, or returns 0 and reads
  /// nothing when there is no such field.
  mutating func readJSONField(
    _ name: String, from json: inout JSONReader
  ) throws(JSONError) -> Int32

  /// Whether the JSON form is not an object of the fields, so that an `Any` holds it as `value`.
  static var hasOwnJSONForm: Bool { get }
}

extension GeneratedMessage {
  package static var hasOwnJSONForm: Bool { false }
}
