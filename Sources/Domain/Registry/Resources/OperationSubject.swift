package import Telephony

/// What an operation works on. At most one operation is open on each at a time.
package enum OperationSubject: Sendable, Hashable, CustomStringConvertible {
  case number(PhoneNumberID)
  case provider(ProviderID)

  /// The number, when it is one.
  package var numberID: PhoneNumberID? {
    if case .number(let id) = self { id } else { nil }
  }

  /// The id's text, whose prefix tells the kind.
  package var description: String {
    switch self {
    case .number(let id): id.description
    case .provider(let id): id.description
    }
  }
}

/// As the id's text: so it is stored.
extension OperationSubject: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    if text.hasPrefix(ProviderKind.prefix) {
      self = .provider(try container.decode(ProviderID.self))
    } else {
      self = .number(try container.decode(PhoneNumberID.self))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let id): try container.encode(id)
    case .provider(let id): try container.encode(id)
    }
  }
}
