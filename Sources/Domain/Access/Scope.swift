/// One thing that a caller may be allowed to do. Each method of the contract names exactly one.
///
/// A scope grants itself only: `numbers:write` does not include `numbers:read`.
package enum Scope: String, Sendable, Hashable, CaseIterable {
  case providersRead = "providers:read"
  case providersWrite = "providers:write"
  case numbersRead = "numbers:read"
  case numbersWrite = "numbers:write"
  case agentsRead = "agents:read"
  case agentsWrite = "agents:write"
  case callsRead = "calls:read"
  case callsPlace = "calls:place"
  case callsControl = "calls:control"
  /// Tokens and the audit log of the own tenant, and every scope above.
  case admin = "admin"
  /// The internal service that dispatches use: routes and credentials of all tenants. Not in
  /// `admin`, and granted by the operator only.
  case dispatch = "dispatch"
}

extension Scope: CustomStringConvertible {
  package var description: String { rawValue }
}

/// A set of scopes, as bits. The bits are of this process only; what is stored is the names.
package struct Scopes: OptionSet, Sendable, Hashable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package init(_ scope: Scope) { self.rawValue = 1 << scope.bit }

  package init(_ scopes: some Sequence<Scope>) {
    self.rawValue = scopes.reduce(0) { $0 | 1 << $1.bit }
  }

  package static let all = Scopes(Scope.allCases)

  /// Whether a holder of these may do what needs `scope`.
  package func allow(_ scope: Scope) -> Bool {
    contains(Scopes(scope)) || (scope != .dispatch && contains(Scopes(.admin)))
  }

  /// The members in the order of `Scope`.
  package var members: [Scope] { Scope.allCases.filter { contains(Scopes($0)) } }
}

extension Scopes: CustomStringConvertible {
  package var description: String { members.map(\.rawValue).joined(separator: " ") }
}

extension Scopes: Codable {
  /// Reads names; a name that a later version may know grants nothing here.
  package init(from decoder: any Decoder) throws {
    let names = try decoder.singleValueContainer().decode([String].self)
    self.init(names.compactMap { Scope(rawValue: $0) })
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(members.map(\.rawValue))
  }
}

extension Scope {
  fileprivate var bit: UInt32 {
    switch self {
    case .providersRead: 0
    case .providersWrite: 1
    case .numbersRead: 2
    case .numbersWrite: 3
    case .agentsRead: 4
    case .agentsWrite: 5
    case .callsRead: 6
    case .callsPlace: 7
    case .callsControl: 8
    case .admin: 9
    case .dispatch: 10
    }
  }
}
