/// How messages are written to JSON and read from it.
package struct JSONOptions: Sendable {
  /// Whether lines are broken and indented, for people.
  package var isPretty: Bool
  /// Whether fields without presence are written when they hold their default.
  package var writesDefaults: Bool
  /// Whether members have the names of the contract, `display_name`, and not `displayName`.
  /// Both are read.
  package var usesProtoNames: Bool
  /// Whether members that are no field, and names that are no enum value, are passed over.
  package var ignoresUnknown: Bool
  /// How deep objects and arrays may nest.
  package var nestingMax: Int
  /// The types that an `Any` may hold.
  package var types: TypeRegistry

  package init(
    isPretty: Bool = false, writesDefaults: Bool = false, usesProtoNames: Bool = false,
    ignoresUnknown: Bool = false, nestingMax: Int = 100, types: TypeRegistry = TypeRegistry([])
  ) {
    self.isPretty = isPretty
    self.writesDefaults = writesDefaults
    self.usesProtoNames = usesProtoNames
    self.ignoresUnknown = ignoresUnknown
    self.nestingMax = nestingMax
    self.types = types
  }

  package static let defaults = JSONOptions()
}

/// The message types that may be met inside an `Any`, by their full names.
package struct TypeRegistry: Sendable {
  private let types: [String: any GeneratedMessage.Type]

  package init(_ types: [any GeneratedMessage.Type]) {
    self.types = Dictionary(
      types.map { ($0.fullName, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The type that `url` names behind its last slash: `type.googleapis.com/google.rpc.Status`.
  package func type(at url: String) -> (any GeneratedMessage.Type)? {
    guard let slash = url.lastIndex(of: "/") else { return nil }
    return types[String(url[url.index(after: slash)...])]
  }
}
