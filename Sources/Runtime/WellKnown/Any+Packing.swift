package import Protobuf

extension Google.Protobuf.`Any` {
  /// What stands before a type's full name in a `type_url`.
  private static let urlPrefix = "type.googleapis.com/"

  /// Holds `message`.
  package init(packing message: some Message) {
    self.init(
      typeURL: Self.urlPrefix + type(of: message).fullName, value: message.serialized())
  }

  /// Whether it holds a message of `type`.
  package func holds(_ type: (some Message).Type) -> Bool {
    guard let slash = typeURL.lastIndex(of: "/") else { return false }
    return typeURL[typeURL.index(after: slash)...] == type.fullName
  }

  /// The message that it holds; `nil` if that is of another type.
  package func unpacked<M: Message>(
    as type: M.Type = M.self, limits: DecodingLimits = .defaults
  ) throws(DecodingError) -> M? {
    guard holds(type) else { return nil }
    return try M(serialized: value, limits: limits)
  }
}
