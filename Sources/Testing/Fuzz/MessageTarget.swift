internal import Protobuf
internal import TestAPI
internal import WellKnown

/// The generated decoders and the JSON mapping: what they take comes out the same again.
enum MessageTarget {
  private static let schema: [any GeneratedMessage.Type] =
    TestAPISchema.messageTypes + WellKnownSchema.messageTypes
  private static let options = JSONOptions(types: TypeRegistry(schema))

  /// The first byte chooses the type, the rest is the message.
  @Sendable static func runWire(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let type: any GeneratedMessage.Type = schema[Int(first) % schema.count]
    wire(type, Array(input.dropFirst()))
  }

  @Sendable static func runJSON(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let type: any GeneratedMessage.Type = schema[Int(first) % schema.count]
    json(type, Array(input.dropFirst()))
  }

  private static func wire<M: GeneratedMessage>(_ type: M.Type, _ bytes: [UInt8]) {
    guard let message = try? M(serialized: bytes) else { return }
    let once = message.serialized()
    precondition(once.count == message.serializedSize, "two sizes of one message")
    guard let again = try? M(serialized: once) else {
      preconditionFailure("\(M.fullName): what we write is not what we read")
    }
    // Not `again == message`: a NaN is unequal to itself.
    precondition(again.serialized() == once, "\(M.fullName) changes on its way")
  }

  private static func json<M: GeneratedMessage>(_ type: M.Type, _ bytes: [UInt8]) {
    guard let message = try? M(json: bytes, options: options) else { return }
    guard let text = try? message.json(options) else { return }
    guard let again = try? M(json: Array(text.utf8), options: options) else {
      preconditionFailure("\(M.fullName): the JSON that we write is not what we read")
    }
    precondition(again.serialized() == message.serialized(), "\(M.fullName) changes in JSON")
  }
}
