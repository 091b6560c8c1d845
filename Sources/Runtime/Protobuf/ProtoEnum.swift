/// A protobuf enum as a Swift enum. A number that this version of the contract does not know is
/// kept in a case of its own, `unrecognized`.
package protocol ProtoEnum: JSONValue, Hashable, Sendable {
  /// The number on the wire.
  var rawValue: Int32 { get }

  /// Every number is a value.
  init(rawValue: Int32)

  /// The values by number and their names in the contract; aliases come after the first name.
  static var protoNames: [(number: Int32, name: String)] { get }
}

extension ProtoEnum {
  /// The name in the contract, such as `STATE_ACTIVE`; `nil` if the number is not known.
  package var protoName: String? {
    Self.protoNames.first { $0.number == rawValue }?.name
  }

  /// The value with the name `protoName` in the contract.
  package init?(protoName: String) {
    guard let entry = Self.protoNames.first(where: { $0.name == protoName }) else { return nil }
    self.init(rawValue: entry.number)
  }
}
