package import Buffers

/// A message that the generator wrote. Nobody writes one by hand.
///
/// The wire format is protobuf-c's. A message becomes a C structure in an ``Arena`` and is packed
/// from there, and is unpacked into one and copied from there. Unknown fields are kept.
package protocol GeneratedMessage: Message, JSONValue {
  /// Whether a value of the type can contain another one of some type on its own path. Only such
  /// messages nest without a bound that the types give, and are scanned before they are unpacked.
  static var isRecursive: Bool { get }

  /// The fields that this version of the contract does not know, as they came.
  var unknownFields: UnknownFields { get set }

  /// What protobuf-c knows of the type: a `ProtobufCMessageDescriptor`.
  @unsafe static var cDescriptor: UnsafeRawPointer { get }

  /// Copies from an unpacked C structure, which must be of the type's own C structure.
  @unsafe init(copying structure: UnsafeRawPointer) throws(DecodingError)

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
  package static var isRecursive: Bool { false }
  package static var hasOwnJSONForm: Bool { false }

  /// Decodes `bytes`. Text is checked to be UTF-8, and nesting is bounded before unpacking.
  @inlinable
  package init(
    serialized bytes: RawSpan, limits: DecodingLimits
  ) throws(DecodingError) {
    let result: Result<Self, DecodingError> = unsafe bytes.withUnsafeBytes { bytes in
      unsafe withUnsafeTemporaryAllocation(
        byteCount: Arena.firstChunkSize, alignment: 16
      ) { chunk in
        var arena = unsafe Arena(firstChunk: chunk, byteCountMax: limits.memoryMax)
        do throws(DecodingError) {
          let structure = try unsafe arena.unpack(
            bytes, as: Self.cDescriptor, nestingMax: Self.isRecursive ? limits.nestingMax : nil)
          return .success(try unsafe Self(copying: structure))
        } catch {
          return .failure(error)
        }
      }
    }
    self = try result.get()
  }

  /// Appends the encoded message. Maps are written in the order of their keys, so that equal
  /// messages give equal bytes.
  @inlinable
  package func serialize(into writer: inout ByteWriter) {
    unsafe withUnsafeTemporaryAllocation(
      byteCount: Arena.firstChunkSize, alignment: 16
    ) { chunk in
      var arena = unsafe Arena(firstChunk: chunk, byteCountMax: .max)
      unsafe Arena.pack(copy(into: &arena), into: &writer)
    }
  }

  /// How many bytes the encoded message has. It costs about as much as encoding does.
  @inlinable
  package var serializedSize: Int {
    unsafe withUnsafeTemporaryAllocation(
      byteCount: Arena.firstChunkSize, alignment: 16
    ) { chunk in
      var arena = unsafe Arena(firstChunk: chunk, byteCountMax: .max)
      return unsafe Arena.packedSize(copy(into: &arena))
    }
  }
}
