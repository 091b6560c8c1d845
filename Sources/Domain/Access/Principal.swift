internal import Telephony

/// Who calls, as the audit log names them.
package enum Principal: Sendable, Hashable {
  case token(APITokenID)
  /// A client certificate: the subject alternative name that was mapped to a tenant.
  case identity(String)
  /// Nobody said who they are, and the server was told to allow that.
  case anonymous
  /// Our own work in the background.
  case system
}

extension Principal: CustomStringConvertible {
  /// `token:tok_…`, `identity:spiffe://…`, `anonymous` or `system`.
  package var description: String {
    switch self {
    case .token(let id): "token:\(id)"
    case .identity(let name): "identity:\(name)"
    case .anonymous: "anonymous"
    case .system: "system"
    }
  }

  /// Reads the description back; nil when it is none.
  package init?(_ text: String) {
    switch text {
    case "anonymous": self = .anonymous
    case "system": self = .system
    default:
      if let id = text.suffix(after: "token:").flatMap({ try? APITokenID($0) }) {
        self = .token(id)
      } else if let name = text.suffix(after: "identity:"), !name.isEmpty {
        self = .identity(String(name))
      } else {
        return nil
      }
    }
  }
}

extension Principal: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let principal = Principal(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "This is no principal.")
    }
    self = principal
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension String {
  fileprivate func suffix(after prefix: String) -> Substring? {
    hasPrefix(prefix) ? dropFirst(prefix.count) : nil
  }
}
