internal import Buffers
internal import GRPC
internal import Protobuf
internal import WellKnown

/// The JSON that the Connect protocol itself writes (Connect, Error and EndStreamResponse).
enum ConnectJSON {
  /// The body of a unary call's error.
  static func body(of error: RPCError) -> [UInt8] {
    var json = JSONWriter(options: options)
    write(error, to: &json)
    return json.bytes
  }

  /// The last message of a stream.
  static func endOfStream(_ error: RPCError?, _ metadata: [WebField]) -> [UInt8] {
    var json = JSONWriter(options: options)
    object(&json) { json in
      if let error {
        json.key("error")
        write(error, to: &json)
      }
      guard !metadata.isEmpty else { return }
      json.key("metadata")
      object(&json) { json in write(metadata, to: &json) }
    }
    return json.bytes
  }

  private static let options = JSONOptions(types: .wellKnown)

  private static func write(_ error: RPCError, to json: inout JSONWriter) {
    object(&json) { json in
      json.key("code")
      json.string(error.code.connectName)
      if !error.message.isEmpty {
        json.key("message")
        json.string(error.message)
      }
      guard !error.details.isEmpty else { return }
      json.key("details")
      array(&json, error.details) { detail, json in write(detail, to: &json) }
    }
  }

  private static func write(_ detail: Google.Protobuf.`Any`, to json: inout JSONWriter) {
    object(&json) { json in
      json.key("type")
      json.string(detail.typeURL.split(separator: "/").last.map(String.init) ?? "")
      json.key("value")
      json.string(Base64.encode(detail.value, .unpadded))
      // For people; a type that is not known here has none.
      guard let type = options.types.type(at: detail.typeURL),
        let debug = Self.debug(type, detail.value)
      else { return }
      json.key("debug")
      json.literal(debug)
    }
  }

  private static func debug(_ type: any GeneratedMessage.Type, _ bytes: [UInt8]) -> String? {
    guard let message = try? type.init(serialized: bytes, limits: .defaults) else { return nil }
    return try? message.json(options)
  }

  private static func write(_ metadata: [WebField], to json: inout JSONWriter) {
    var names: [String] = []
    for field in metadata where !names.contains(field.name) { names.append(field.name) }
    for name in names {
      json.key(name)
      array(&json, metadata.filter { $0.name == name }) { $1.string($0.value) }
    }
  }

  // Nesting is the only thing that a writer refuses, and this JSON is four levels deep.

  private static func object(_ json: inout JSONWriter, _ body: (inout JSONWriter) -> Void) {
    try? json.object { (json) throws(JSONError) in body(&json) }
  }

  private static func array<Element>(
    _ json: inout JSONWriter, _ elements: [Element], _ body: (Element, inout JSONWriter) -> Void
  ) {
    try? json.array { (json) throws(JSONError) in
      for element in elements {
        json.element()
        body(element, &json)
      }
    }
  }
}
