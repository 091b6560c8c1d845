internal import Buffers
internal import GRPC
internal import Protobuf

/// The bytes of a message, unread. EchoRequest and EchoResponse have the same first fields.
struct RawMessage: Message {
  static let fullName = "trunkline.testing.v1.EchoRequest"
  var bytes: [UInt8] = []

  init() {}

  init(serialized bytes: RawSpan, limits: DecodingLimits) throws(DecodingError) {
    self.bytes = bytes.array()
  }

  var serializedSize: Int { bytes.count }

  func serialize(into writer: inout ByteWriter) { writer.append(bytes) }
}

/// The benchmark's service.
struct RawEchoService: Service {
  static let name = "trunkline.testing.v1.EchoService"
  static let fileDescriptorSet: [UInt8] = []

  func register(in router: inout Router) {
    let echo = MethodDescriptor(service: Self.name, method: "Echo", kind: .unary)
    router.unary(echo, RawMessage.self, RawMessage.self) {
      request, context throws(RPCError) in request
    }
  }
}
