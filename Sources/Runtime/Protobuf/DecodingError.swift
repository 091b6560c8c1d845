/// Why bytes are not the message that they were taken for. Always the fault of who sent them.
package enum DecodingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The bytes are not protobuf, or a field has another wire type than its declaration says.
  case malformed
  /// A string field is not UTF-8.
  case invalidUTF8
  /// Messages nest deeper than `max`.
  case nestedTooDeep(max: Int)
  /// Decoding would take more than `max` bytes of memory.
  case tooLarge(max: Int)

  package var description: String {
    switch self {
    case .malformed: "The bytes are not a valid protobuf message."
    case .invalidUTF8: "A string field is not valid UTF-8."
    case .nestedTooDeep(let max): "Messages nest deeper than \(max)."
    case .tooLarge(let max): "Decoding the message takes more than \(max) bytes of memory."
    }
  }
}

/// Bounds of decoding one message, whoever sent it.
package struct DecodingLimits: Hashable, Sendable {
  /// How deep messages may nest; only recursive types can come near it.
  package var nestingMax: Int
  /// How many bytes of working memory one call may take. A message takes more than its encoded
  /// size: an empty element of a repeated field is two bytes on the wire and a structure here.
  package var memoryMax: Int

  package init(nestingMax: Int = 100, memoryMax: Int = 64 << 20) {
    self.nestingMax = nestingMax
    self.memoryMax = memoryMax
  }

  /// 100 levels, as other implementations have it, and 64 MiB.
  package static let defaults = DecodingLimits()
}
