import API
import Protobuf
import TestAPI
import Testing
import WellKnown

/// Which messages a loop leaves to another thread.
@Suite struct DecodingCostTests {
  private static func isLong<M: Message>(_ type: M.Type, _ bytes: [UInt8]) -> Bool {
    unsafe type.takesLong(serialized: bytes.span.bytes)
  }

  @Test func bytesAndTextAreShort() {
    var echo = Trunkline.Testing.V1.EchoRequest()
    echo.payload = [UInt8](repeating: 0, count: 256 << 10)
    echo.text = String(repeating: "x", count: 256 << 10)
    #expect(!Self.isLong(Trunkline.Testing.V1.EchoRequest.self, echo.serialized()))
  }

  @Test func aMegabyteIsLongWhateverIsInIt() {
    let megabyte = Trunkline.Testing.V1.EchoRequest(
      payload: [UInt8](repeating: 0, count: 1 << 20))
    #expect(Self.isLong(Trunkline.Testing.V1.EchoRequest.self, megabyte.serialized()))
  }

  @Test func manyFieldsAreLong() {
    let empty = [[UInt8]](repeating: [0x22, 0], count: 20_000).flatMap { $0 }
    #expect(Self.isLong(Trunkline.Testing.V1.EchoRequest.self, empty))
    let unknown = [[UInt8]](repeating: [0xa0, 6, 1], count: 10_000).flatMap { $0 }
    #expect(Self.isLong(Trunkline.Testing.V1.EchoRequest.self, unknown))
    // Fewer are not, and neither are as many in a message that is small.
    #expect(!Self.isLong(Trunkline.Testing.V1.EchoRequest.self, Array(empty.prefix(16_000 - 16))))
    #expect(!Self.isLong(Google.Rpc.Status.self, Array(empty.prefix(1000))))
  }

  @Test func fieldsOfNestedMessagesCount() {
    let values = (0..<2_500).map { Google.Protobuf.Value(kind: .numberValue(Double($0))) }
    let list = Google.Protobuf.ListValue(values: values)
    #expect(list.serialized().count >= 16 << 10)
    #expect(!Self.isLong(Google.Protobuf.ListValue.self, list.serialized()))
    let many = Google.Protobuf.ListValue(values: values + values + values)
    #expect(Self.isLong(Google.Protobuf.ListValue.self, many.serialized()))
    // The same bytes as text are none.
    let text = Google.Protobuf.BytesValue(value: many.serialized())
    #expect(!Self.isLong(Google.Protobuf.BytesValue.self, text.serialized()))
  }

  @Test func packedNumbersCount() {
    // Field 3 of 100,000 bytes.
    let bytes = [0x1a, 0xa0, 0x8d, 0x06] + [UInt8](repeating: 1, count: 100_000)
    #expect(Self.isLong(Trunkline.Testing.V1.Repeateds.self, bytes))
    // As a field that nobody knows they are bytes.
    let isLongIfUnknown = Self.isLong(Google.Protobuf.BytesValue.self, bytes)
    #expect(!isLongIfUnknown)
  }

  @Test func bytesThatAreNoMessageAreShort() {
    #expect(!Self.isLong(Google.Rpc.Status.self, [UInt8](repeating: 0xff, count: 100_000)))
    #expect(!Self.isLong(Google.Rpc.Status.self, [0x1a] + [UInt8](repeating: 0x7f, count: 90_000)))
  }
}
