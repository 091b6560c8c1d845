/// A type that protobuf allows as the key of a map: integers, booleans and text.
package protocol MapKey: Hashable, Sendable {
  /// The order in which maps are written.
  static func comesBefore(_ left: Self, _ right: Self) -> Bool

  /// The key as the name of a JSON object's member.
  var jsonKey: String { get }

  /// Reads the name of a JSON object's member; `nil` if it is no key of this type.
  init?(jsonKey: String)
}

extension MapKey where Self: Comparable {
  package static func comesBefore(_ left: Self, _ right: Self) -> Bool { left < right }
}

extension MapKey where Self: FixedWidthInteger {
  package var jsonKey: String { description }

  package init?(jsonKey: String) { self.init(jsonKey, radix: 10) }
}

extension Int32: MapKey {}
extension Int64: MapKey {}
extension UInt32: MapKey {}
extension UInt64: MapKey {}

extension String: MapKey {
  package var jsonKey: String { self }

  package init?(jsonKey: String) { self = jsonKey }
}

extension Bool: MapKey {
  package static func comesBefore(_ left: Bool, _ right: Bool) -> Bool { !left && right }

  package var jsonKey: String { self ? "true" : "false" }

  package init?(jsonKey: String) {
    switch jsonKey {
    case "true": self = true
    case "false": self = false
    default: return nil
    }
  }
}
