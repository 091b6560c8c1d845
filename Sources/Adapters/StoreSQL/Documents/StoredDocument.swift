internal import FoundationEssentials
internal import Registry

/// A resource as a JSON document in a column.
package enum StoredDocument {
  /// What can't be read back; names the type, never a value.
  package struct Damaged: Error {
    package let type: String
  }

  /// The same value gives the same bytes.
  package static func encode<Value: Encodable>(_ value: Value) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else {
      preconditionFailure("a \(Value.self) can't be encoded")
    }
    return Array(data)
  }

  package static func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8]
  ) throws(Damaged) -> Value {
    // Numbers are read by the page: JSONDecoder would take most of the call's time.
    if type == PhoneNumber.self, let number = NumberDocument.decode(bytes) as? Value {
      return number
    }
    return try decodeAsJSON(type, bytes)
  }

  static func decodeAsJSON<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8]
  ) throws(Damaged) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      // The decoder's own error may quote the document.
      throw Damaged(type: "\(type)")
    }
  }
}
