package import Protobuf

/// `{"@type": url, …fields}`, or `{"@type": url, "value": …}` for types with a form of their own.
extension Google.Protobuf.`Any` {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    if typeURL.isEmpty && value.isEmpty { return try json.object { (_) throws(JSONError) in } }
    guard let type = json.options.types.type(at: typeURL) else {
      throw .unknownType(url: typeURL)
    }
    let message = try Self.decode(type, value)
    try json.object { (json) throws(JSONError) in
      json.key("@type")
      json.string(typeURL)
      if type.hasOwnJSONForm {
        json.key("value")
        try message.write(to: &json)
      } else {
        try message.writeJSONFields(to: &json)
      }
    }
  }

  private static func decode(
    _ type: any GeneratedMessage.Type, _ bytes: [UInt8]
  ) throws(JSONError) -> any GeneratedMessage {
    do throws(DecodingError) {
      return try type.init(serialized: bytes, limits: .defaults)
    } catch {
      throw .unrepresentable(type: type.fullName)
    }
  }

  /// The type may stand anywhere in the object, so the object is looked through first.
  package init(from json: inout JSONReader) throws(JSONError) {
    self.init()
    let text = try json.rawValue()
    var url: String?
    var value: String?
    var count = 0
    var finder = json.reader(of: text)
    try finder.object { (json, name) throws(JSONError) in
      count += 1
      switch name {
      case "@type":
        guard url == nil else { throw json.duplicate }
        url = try json.string()
      case "value":
        guard value == nil else { throw json.duplicate }
        value = try json.rawValue()
      default: try json.skip()
      }
    }
    guard count > 0 else { return }
    guard let url, !url.isEmpty else { throw json.valueError("an object with @type") }
    guard let type = json.options.types.type(at: url) else { throw .unknownType(url: url) }
    if type.hasOwnJSONForm {
      guard let value, count == 2 || json.options.ignoresUnknown else {
        throw json.valueError("an object with @type and value")
      }
      var reader = json.reader(of: value)
      self.init(typeURL: url, value: try type.init(from: &reader).serialized())
    } else {
      var reader = json.reader(of: text)
      self.init(typeURL: url, value: try Self.message(type, from: &reader).serialized())
    }
  }

  private static func message<M: GeneratedMessage>(
    _ type: M.Type, from json: inout JSONReader
  ) throws(JSONError) -> any GeneratedMessage {
    try M(from: &json, passingOver: "@type")
  }
}
