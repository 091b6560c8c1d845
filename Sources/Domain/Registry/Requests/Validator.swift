internal import Telephony

/// Collects what is wrong with a request, so that its sender learns all of it at once.
struct Validator {
  private(set) var violations: [FieldViolation] = []

  mutating func refuse(
    _ field: String, _ reason: FieldViolation.Reason, _ description: String
  ) {
    violations.append(FieldViolation(field, reason, description))
  }

  /// Throws what was collected, if anything was.
  func finish() throws(RegistryError) {
    if !violations.isEmpty { throw .invalidArgument(violations) }
  }

  // MARK: Texts

  /// A text for people: no control characters, at most `lengthMax` Unicode scalars.
  mutating func text(_ field: String, _ value: String, lengthMax: Int) {
    let length = value.unicodeScalars.count
    if length > lengthMax {
      refuse(field, .tooLong, "The text has \(length) characters; the limit is \(lengthMax).")
    }
    if value.unicodeScalars.contains(where: \.isControl) {
      refuse(
        field, .forbiddenCharacter,
        "The text holds a control character. Remove NUL, line ends and the like.")
    }
  }

  mutating func labels(_ field: String, _ labels: [String: String]) {
    if labels.count > RegistryLimits.labelCountMax {
      refuse(
        field, .tooMany,
        "There are \(labels.count) labels; the limit is \(RegistryLimits.labelCountMax).")
    }
    if !labels.keys.allSatisfy(Self.isLabelKey) {
      refuse(
        field, .malformed,
        "A label's key is 1 to \(RegistryLimits.labelKeyLengthMax) characters of a-z 0-9 - _ . / "
          + "and begins with a letter.")
    }
    for value in labels.values { text(field, value, lengthMax: RegistryLimits.labelValueLengthMax) }
  }

  private static func isLabelKey(_ key: String) -> Bool {
    guard let first = key.utf8.first, (97...122).contains(first) else { return false }
    return key.utf8.count <= RegistryLimits.labelKeyLengthMax
      && key.utf8.allSatisfy { $0.isLowerOrDigit || "-_./".utf8.contains($0) }
  }

  /// A secret: not empty, no control characters, at most `lengthMax` bytes.
  mutating func secret(_ field: String, _ secret: Secret, lengthMax: Int) {
    let length = secret.revealed.count
    if length > lengthMax {
      refuse(field, .tooLong, "The secret has \(length) bytes; the limit is \(lengthMax).")
    }
    if secret.revealed.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
      refuse(
        field, .forbiddenCharacter,
        "The secret holds a control character. A line end at its end is a common cause.")
    }
  }

  mutating func requestID(_ value: String) {
    guard !value.isEmpty else { return }
    let isGood =
      value.utf8.count <= RegistryLimits.requestIDLengthMax
      && value.utf8.allSatisfy { $0.isLetterOrDigit || $0 == 45 || $0 == 95 }
    if !isGood {
      refuse(
        "request_id", .malformed,
        "A request id is 1 to \(RegistryLimits.requestIDLengthMax) characters of A-Z a-z 0-9 - _.")
    }
  }

  mutating func etag(_ field: String, _ value: String) {
    if value.utf8.count > RegistryLimits.etagLengthMax {
      refuse(
        field, .tooLong, "An etag has at most \(RegistryLimits.etagLengthMax) characters.")
    }
  }

  // MARK: Identifiers

  mutating func id<Kind>(
    _ field: String, _ text: String, as kind: HexIdentifier<Kind>.Type
  ) -> HexIdentifier<Kind>? {
    guard !text.isEmpty else {
      refuse(field, .required, "The id is missing. It begins with \"\(Kind.prefix)\".")
      return nil
    }
    return optionalID(field, text, as: kind)
  }

  /// nil for an empty text, without a word.
  mutating func optionalID<Kind>(
    _ field: String, _ text: String, as kind: HexIdentifier<Kind>.Type
  ) -> HexIdentifier<Kind>? {
    guard !text.isEmpty else { return nil }
    do {
      return try HexIdentifier<Kind>(text)
    } catch {
      refuse(field, .malformed, "This is no id of that kind. \(error)")
      return nil
    }
  }

  mutating func agentID(
    _ field: String, _ text: String, _ kind: AssigneeKind = .agent
  ) -> AgentID? {
    guard !text.isEmpty else {
      refuse(field, .required, "The \(kind.noun)'s id is missing.")
      return nil
    }
    return optionalAgentID(field, text, kind)
  }

  mutating func optionalAgentID(
    _ field: String, _ text: String, _ kind: AssigneeKind = .agent
  ) -> AgentID? {
    guard !text.isEmpty else { return nil }
    guard let id = AgentID(text, kind) else {
      refuse(field, .malformed, AgentID.form(of: kind))
      return nil
    }
    return id
  }

  mutating func region(_ field: String, _ choice: Choice<Region>) -> Region? {
    if case .unset = choice {
      refuse(field, .required, "The region is missing. It is one of us1, ie1, au1.")
    }
    return optional(field, choice)
  }

  /// nil when nothing was chosen; a value that this version does not know is refused.
  mutating func optional<Value>(_ field: String, _ choice: Choice<Value>) -> Value? {
    switch choice {
    case .unset: return nil
    case .value(let value): return value
    case .unknown:
      refuse(field, .unknown, "This value is not known here.")
      return nil
    }
  }

  /// A number that may be imported: E.164, possible, and not an emergency number.
  mutating func number(_ field: String, _ text: String, _ plan: any NumberPlan) -> E164? {
    let number: E164
    do {
      number = try E164(text)
    } catch {
      refuse(field, error == .empty ? .required : .malformed, "\(error) E.164 is +15005550006.")
      return nil
    }
    let assessment = plan.assess(number)
    if assessment.isEmergency {
      refuse(field, .emergencyNumber, "This is an emergency number.")
    } else if !assessment.isPossible {
      refuse(field, .notPossibleNumber, "A number of this country can't have this length.")
    }
    return number
  }
}

extension Unicode.Scalar {
  /// C0, DEL, C1, and the separators of lines and paragraphs.
  fileprivate var isControl: Bool {
    value < 0x20 || (0x7f...0x9f).contains(value) || value == 0x2028 || value == 0x2029
  }
}

extension UInt8 {
  var isLowerOrDigit: Bool { (97...122).contains(self) || (48...57).contains(self) }
  var isLetterOrDigit: Bool { isLowerOrDigit || (65...90).contains(self) }
}
