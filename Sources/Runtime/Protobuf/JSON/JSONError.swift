/// Why text is not the JSON form of a message, or why a message has no JSON form.
package enum JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The text is not JSON; the problem is at byte `offset`.
  case syntax(offset: Int)
  /// A value is of another kind than its field, or is out of its range. The path of the outermost
  /// value is empty.
  case value(path: String, expected: String)
  /// The message has no such field.
  case unknownField(path: String)
  /// A field, or two members of one oneof, are given twice.
  case duplicate(path: String)
  /// Values nest deeper than `max`.
  case nestedTooDeep(max: Int)
  /// An `Any` holds a type that the caller's registry does not know.
  case unknownType(url: String)
  /// A message holds a value that its JSON form cannot have, such as a date after the year 9999.
  case unrepresentable(type: String)

  package var description: String {
    switch self {
    case .syntax(let offset): "The text is not valid JSON at byte \(offset)."
    case .value(let path, let expected):
      "\(path.isEmpty ? "The value" : path) must be \(expected)."
    case .unknownField(let path): "\(path) is not a field."
    case .duplicate(let path): "\(path) is given twice."
    case .nestedTooDeep(let max): "Values nest deeper than \(max)."
    case .unknownType(let url): "The type \(url) is not known."
    case .unrepresentable(let type): "A \(type) has a value that JSON cannot hold."
    }
  }
}
