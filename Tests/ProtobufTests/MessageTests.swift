import API
import Buffers
import Protobuf
import TestAPI
import Testing
import WellKnown

@Suite struct MessageTests {
  /// A message with every shape that the contract uses.
  private static let agent = Trunkline.V1.Agent(
    id: "agt_1", displayName: "Ünïcode \0 and NUL",
    connections: [
      .init(region: .us1, endpoint: .mediaStream(.init(url: "wss://x", parameters: ["a": "b"]))),
      .init(endpoint: .sip(.init(uri: "sip:a@b", password: ""))),
    ],
    phoneNumberIDs: ["a", "", "c"], phoneNumberCount: -5, labels: ["k2": "", "k1": "v"],
    createTime: .init(seconds: 5, nanos: 7))

  @Test func comesBackAsItWas() throws {
    let bytes = Self.agent.serialized()
    #expect(try Trunkline.V1.Agent(serialized: bytes) == Self.agent)
    #expect(Self.agent.serializedSize == bytes.count)
  }

  @Test func hasTheBytesThatTheFormatSays() throws {
    let message = Google.Rpc.Status(code: -1, message: "\0é", details: [.init(typeURL: "t")])
    #expect(
      message.serialized() == [
        0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        0x12, 3, 0, 0xc3, 0xa9, 0x1a, 3, 0x0a, 1, 0x74,
      ])
  }

  @Test func keepsUnknownFieldsAndNumbers() throws {
    // Field 100 as varint, 101 fixed64, 102 bytes, 103 fixed32.
    let unknown: [UInt8] = [
      0xa0, 6, 0x96, 1, 0xa9, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xb2, 6, 2, 9, 9, 0xbd, 6, 1, 2, 3, 4,
    ]
    let message = try Trunkline.V1.AgentConnection(serialized: [0x08, 99] + unknown)
    #expect(message.region == .unrecognized(99))
    #expect(message.unknownFields.bytes == unknown)
    #expect(message.serialized() == [0x08, 99] + unknown)
  }

  @Test func writesMapsInTheOrderOfTheirKeys() {
    var one = Trunkline.V1.Agent()
    var other = Trunkline.V1.Agent()
    for index in 0..<50 {
      one.labels["k\(index)"] = "v"
      other.labels["k\(49 - index)"] = "v"
    }
    #expect(one.serialized() == other.serialized())
  }

  @Test(
    arguments: [
      [0x0a, 5, 1], [0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f], [0x00, 0x00], [0x80], [0x0b],
      [0x08, 0x01, 0x0f],
    ] as [[UInt8]])
  func refusesWhatIsNotProtobuf(bytes: [UInt8]) {
    #expect(throws: DecodingError.malformed) { try Trunkline.V1.Agent(serialized: bytes) }
  }

  @Test(
    arguments: [
      [0x0a, 1, 0xff], [0x0a, 2, 0xc0, 0x80], [0x0a, 3, 0xed, 0xa0, 0x80],
      [0xa2, 0x01, 1, 0xfe], [0xf2, 0x01, 3, 0x0a, 1, 0xff],
    ] as [[UInt8]])
  func refusesTextThatIsNotUTF8(bytes: [UInt8]) {
    #expect(throws: DecodingError.invalidUTF8) { try Trunkline.V1.Agent(serialized: bytes) }
  }

  @Test func boundsNestingBeforeUnpacking() throws {
    func nested(_ depth: Int) -> [UInt8] {
      // Value { list_value { values { … } } }
      var bytes: [UInt8] = [0x20, 1]
      for _ in 0..<depth {
        var list = WireWriter()
        list.field(1, bytes: bytes)
        var value = WireWriter()
        value.field(6, bytes: list.bytes)
        bytes = value.bytes
      }
      return bytes
    }
    _ = try Google.Protobuf.Value(serialized: nested(50))
    #expect(throws: DecodingError.nestedTooDeep(max: 100)) {
      try Google.Protobuf.Value(serialized: nested(51))
    }
    #expect(throws: DecodingError.nestedTooDeep(max: 100)) {
      try Google.Protobuf.Value(serialized: nested(20_000))
    }
  }

  @Test func boundsMemory() {
    // Empty connections: two bytes each on the wire, a structure each in memory.
    let bytes = [UInt8](repeating: 0, count: 200_000).indices.map {
      $0 % 2 == 0 ? 0x1a : 0 as UInt8
    }
    let limits = DecodingLimits(memoryMax: 1 << 20)
    #expect(throws: DecodingError.tooLarge(max: 1 << 20)) {
      try Trunkline.V1.Agent(serialized: bytes, limits: limits)
    }
    #expect(throws: Never.self) { try Trunkline.V1.Agent(serialized: bytes) }
  }

  @Test func appendsToWhatIsThere() {
    var writer = ByteWriter()
    writer.append(7)
    Google.Protobuf.Empty().serialize(into: &writer)
    Google.Protobuf.BoolValue(value: true).serialize(into: &writer)
    #expect(writer.array() == [7, 8, 1])
  }

  @Test func carriesLargeMessages() throws {
    let message = Trunkline.Testing.V1.EchoRequest(
      text: String(repeating: "x", count: 100_000), payload: Array(repeating: 9, count: 3 << 20))
    #expect(try Trunkline.Testing.V1.EchoRequest(serialized: message.serialized()) == message)
  }
}
