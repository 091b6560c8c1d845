/// One bad field of a request.
package struct FieldViolation: Sendable, Hashable {
  /// What is wrong with a field.
  package enum Reason: String, Sendable, Hashable, CaseIterable {
    case required = "REQUIRED"
    case malformed = "MALFORMED"
    case tooLong = "TOO_LONG"
    case tooMany = "TOO_MANY"
    case outOfRange = "OUT_OF_RANGE"
    case forbiddenCharacter = "FORBIDDEN_CHARACTER"
    case duplicate = "DUPLICATE"
    case unknown = "UNKNOWN"
    case immutable = "IMMUTABLE"
    case conflicting = "CONFLICTING"
    case notPossibleNumber = "NOT_A_POSSIBLE_NUMBER"
    case emergencyNumber = "EMERGENCY_NUMBER"
    /// Nothing could hold to it.
    case unsupported = "UNSUPPORTED"
    case requestIDReused = "REQUEST_ID_REUSED"
  }

  /// The path in the request message, e.g. `provider.twilio.api_key_sid`.
  package var field: String
  package var reason: Reason
  /// What is wrong and what to do, in a sentence or two. Quotes no number and no secret.
  package var description: String

  package init(_ field: String, _ reason: Reason, _ description: String) {
    self.field = field
    self.reason = reason
    self.description = description
  }
}
