package import Telephony

/// What an operation works on. At most one operation is open on each at a time.
///
/// ```
/// pn_…  prv_…  prv_…/credential  prv_…/op_…
/// ```
package enum OperationSubject: Sendable, Hashable, CustomStringConvertible {
  case number(PhoneNumberID)
  case provider(ProviderID)
  /// A provider's credentials: beside them other work on the provider may go on.
  case credential(ProviderID)
  /// A batch of imports: a provider may have several.
  case batch(ProviderID, OperationID)

  private static let credentialMark = "credential"

  /// The number, when it is one.
  package var numberID: PhoneNumberID? {
    if case .number(let id) = self { id } else { nil }
  }

  /// As it is stored: the id's text, whose prefix tells the kind, and what of it.
  package var description: String {
    switch self {
    case .number(let id): id.description
    case .provider(let id): id.description
    case .credential(let id): "\(id)/\(Self.credentialMark)"
    case .batch(let id, let operation): "\(id)/\(operation)"
    }
  }

  /// Reads the description back; nil when it is none.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard text.hasPrefix(ProviderKind.prefix) else {
      guard let id = try? PhoneNumberID(text) else { return nil }
      self = .number(id)
      return
    }
    guard let id = try? ProviderID(String(parts[0])), parts.count <= 2 else { return nil }
    if parts.count == 1 {
      self = .provider(id)
    } else if parts[1] == Self.credentialMark {
      self = .credential(id)
    } else if let operation = try? OperationID(String(parts[1])) {
      self = .batch(id, operation)
    } else {
      return nil
    }
  }
}

/// As its description.
extension OperationSubject: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let subject = OperationSubject(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "This is no subject of an operation.")
    }
    self = subject
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
