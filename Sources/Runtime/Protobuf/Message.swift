package import Buffers

/// A protobuf message as a Swift value.
package protocol Message: Sendable, Hashable {
  /// The full name of the message, as in "trunkline.v1.Provider".
  static var fullName: String { get }

  /// The message with no field set.
  init()

  /// Reads the wire format. UTF-8 is checked, and nesting is bounded before anything is unpacked.
  init(serialized bytes: RawSpan, limits: DecodingLimits) throws(DecodingError)

  /// How many bytes ``serialize(into:)`` appends.
  var serializedSize: Int { get }

  /// Appends the wire format.
  func serialize(into writer: inout ByteWriter)
}

/// Bounds of decoding one message.
package struct DecodingLimits: Sendable {
  package static let defaults = DecodingLimits()
  package init() {}
}

/// Bytes are not the wire format of the message.
package enum DecodingError: Error, Hashable, Sendable {
  case malformed
}
