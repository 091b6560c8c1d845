/// What generated code calls to read the value of one field. `null` leaves a field unset.
extension JSONReader {
  /// Reads a field without presence.
  package mutating func read<T: JSONValue>(_ value: inout T) throws(JSONError) {
    if !T.acceptsJSONNull, try takeNull() { return }
    value = try T(from: &self)
  }

  /// Reads a field with presence.
  package mutating func read<T: JSONValue>(_ value: inout T?) throws(JSONError) {
    if !T.acceptsJSONNull, try takeNull() { return }
    value = try T(from: &self)
  }

  /// Reads a repeated field.
  package mutating func read<T: JSONValue>(_ values: inout [T]) throws(JSONError) {
    if try takeNull() { return }
    var read: [T] = []
    try array { (json) throws(JSONError) in read.append(try T(from: &json)) }
    values = read
  }

  /// Reads a map.
  package mutating func read<K: MapKey, V: JSONValue>(_ values: inout [K: V]) throws(JSONError) {
    if try takeNull() { return }
    var read: [K: V] = [:]
    try object { (json, name) throws(JSONError) in
      guard let key = K(jsonKey: name) else { throw json.valueError("a key of the map") }
      guard read[key] == nil else { throw json.duplicate }
      read[key] = try V(from: &json)
    }
    values = read
  }

  /// Reads a member of the oneof `oneof`, of which no other member may be given.
  package mutating func read<T: JSONValue, Oneof>(
    into oneof: inout Oneof?, _ wrap: (T) -> Oneof
  ) throws(JSONError) {
    if !T.acceptsJSONNull, try takeNull() { return }
    guard oneof == nil else { throw duplicate }
    oneof = wrap(try T(from: &self))
  }
}
