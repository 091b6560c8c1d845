package import Buffers

/// A protobuf message as a Swift value: what carrying it takes.
package protocol Message: Sendable, Hashable {
  /// The full name of the message, as in "trunkline.v1.Provider".
  static var fullName: String { get }

  /// The message with no field set.
  init()

  /// Reads the wire format. UTF-8 is checked, and nesting is bounded before anything is unpacked.
  init(serialized bytes: RawSpan, limits: DecodingLimits) throws(DecodingError)

  /// Whether to read `bytes` takes so long that a thread with others to serve leaves it to another
  /// one: a quarter of a millisecond or more. To find out takes less than that.
  static func takesLong(serialized bytes: RawSpan) -> Bool

  /// How many bytes ``serialize(into:)`` appends. Finding out costs about as much as appending.
  var serializedSize: Int { get }

  /// Appends the wire format. Equal messages give equal bytes: maps are written in order.
  func serialize(into writer: inout ByteWriter)
}

extension Message {
  package static func takesLong(serialized bytes: RawSpan) -> Bool { false }

  /// Makes a message and lets `body` set its fields.
  package static func with<E: Error>(_ body: (inout Self) throws(E) -> Void) throws(E) -> Self {
    var message = Self()
    try body(&message)
    return message
  }

  /// Reads the wire format within the default limits.
  package init(serialized bytes: RawSpan) throws(DecodingError) {
    self = try Self(serialized: bytes, limits: .defaults)
  }

  /// Reads the wire format.
  package init(
    serialized bytes: [UInt8], limits: DecodingLimits = .defaults
  ) throws(DecodingError) {
    self = try unsafe Self(serialized: bytes.span.bytes, limits: limits)
  }

  /// The wire format in an array of its own.
  package func serialized() -> [UInt8] {
    var writer = ByteWriter()
    serialize(into: &writer)
    return writer.array()
  }
}
