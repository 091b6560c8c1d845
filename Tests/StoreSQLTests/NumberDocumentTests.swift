import Registry
import Telephony
import TestKit
import Testing

@testable import StoreSQL

/// The quick reader against `JSONDecoder`: what one makes of a document, the other makes of it too.
struct NumberDocumentTests {
  private static func numbers() throws -> [PhoneNumber] {
    let plain = try Sample.number(1, provider: Sample.provider(1, region: .au1))
    let changes: [(inout PhoneNumber) -> Void] = [
      { _ in },
      { $0.agentID = try? Sample.agentID(3) },
      { $0.labels = [:] },
      { $0.labels = ["a": "ü €", "b/c": "", "z": "😀"] },
      { $0.label = "Zürich, Foyer" },
      { $0.configured = Sample.voice },
      {
        $0.former = FormerSettings(
          voice: Sample.voice, processingRegion: .ie1, recordedTime: Sample.start)
      },
      {
        $0.former = FormerSettings(
          voice: VoiceSettings(applicationSID: "AP1", trunkSID: "TK1"), processingRegion: nil,
          recordedTime: Timestamp(microseconds: -1))
      },
      {
        $0.conditions = (0..<3).map {
          Condition(
            kind: .carrierSettings, holds: $0 == 1, reason: "R\($0)",
            message: "The carrier's \($0).", observedTime: Sample.time($0))
        }
      },
      {
        $0.leftovers = [
          Leftover(kind: .webhook, region: .us1, carrierCode: 20404),
          Leftover(kind: .processingRegion, region: .ie1, carrierCode: nil),
        ]
      },
      {
        $0.former = FormerSettings(
          voice: VoiceSettings(), processingRegion: .ie1, recordedTime: Sample.start,
          firstVoice: Sample.voice)
      },
      { $0.unassignedPolicy = .formerURL },
      { $0.pendingProviderID = Sample.provider(2).id },
      { $0.purchase = .customer },
      { $0.purchase = .platform },
      { byTrunk(&$0) },
      { $0.webhookGeneration = .max },
      { $0.supportsInbound = false },
      {
        $0.revision = Revision(
          version: 1 << 40, createTime: Timestamp(microseconds: .min + 1),
          updateTime: Timestamp(microseconds: .max))
      },
    ]
    let changed = changes.map { change in
      var number = plain
      change(&number)
      return number
    }
    return changed
      + PhoneNumberState.allCases.map { state in
        var number = plain
        number.state = state
        return number
      }
  }

  private static func byTrunk(_ number: inout PhoneNumber) {
    number.ingress = .trunk
    number.gatewayProviderID = Sample.provider(2).id
    number.resources = [
      ExternalResource(
        .trunk, providerID: Sample.provider(1).id, region: .au1, name: "n", value: "d.test",
        externalID: "TK1"),
      ExternalResource(
        .dispatchRule, providerID: Sample.provider(2).id, region: .au1, name: "n",
        externalID: "SDR_1"),
    ]
    number.leftovers = [
      Leftover(kind: .trunk, region: .au1, carrierCode: 21247, resource: number.resources[0])
    ]
  }

  /// So that a change of the writer, or a new member, does not make reading slow unnoticed.
  @Test func everyNumberIsReadByTheQuickReader() throws {
    for number in try Self.numbers() {
      let bytes = StoredDocument.encode(number)
      #expect(NumberDocument.decode(bytes) == number)
      #expect(try StoredDocument.decode(PhoneNumber.self, bytes) == number)
    }
  }

  @Test func everyMemberIsInATest() throws {
    let names = Mirror(reflecting: try Sample.number(1, provider: Sample.provider(1))).children
    #expect(names.count == 25)
  }

  /// What it does not know it leaves to `JSONDecoder`: escapes, spaces, members of another version.
  @Test func otherJSONIsStillRead() throws {
    var escaped = try Sample.number(1, provider: Sample.provider(1))
    escaped.label = "a \"quoted\" \\ label\n\u{1}"
    let plain = try Sample.number(1, provider: Sample.provider(1))
    var moved = plain
    let remedy = Leftover.Remedy(
      providerID: Sample.provider(2).id, ours: .voice(Sample.voice), former: .region(nil))
    moved.leftovers = [Leftover(kind: .webhook, region: .us1, carrierCode: 1, remedy: remedy)]
    let text = String(decoding: StoredDocument.encode(plain), as: UTF8.self)
    let others = [
      (String(decoding: StoredDocument.encode(escaped), as: UTF8.self), escaped),
      (text.replacing(",\"state\":", with: ", \"state\" : "), plain),
      (text.replacing(",\"tenant\":", with: ",\"since\":{\"x\":[1]},\"tenant\":"), plain),
      (text + " ", plain),
      (String(decoding: StoredDocument.encode(moved), as: UTF8.self), moved),
    ]
    for (document, number) in others {
      let bytes = Array(document.utf8)
      #expect(NumberDocument.decode(bytes) == nil, "\(document)")
      #expect(try StoredDocument.decode(PhoneNumber.self, bytes) == number)
    }
  }

  @Test func nothingIsMadeOfAPart() throws {
    for number in try Self.numbers() {
      let whole = StoredDocument.encode(number)
      for count in 0..<whole.count {
        #expect(NumberDocument.decode(Array(whole.prefix(count))) == nil)
      }
    }
  }

  /// Whatever byte is wrong: it makes nothing of the document, or what `JSONDecoder` makes of it.
  @Test func aWrongByteIsReadAsJSONDecoderReadsIt() throws {
    let whole = StoredDocument.encode(try Sample.number(1, provider: Sample.provider(1)))
    for index in whole.indices {
      for byte: UInt8 in [0, 0x20, 0x22, 0x30, 0x5c, 0x7d, 0xff, whole[index] ^ 1] {
        var bytes = whole
        bytes[index] = byte
        guard let quick = NumberDocument.decode(bytes) else { continue }
        #expect(try StoredDocument.decodeAsJSON(PhoneNumber.self, bytes) == quick)
      }
    }
  }
}

struct DocumentReaderTests {
  @Test(
    arguments: [
      ("0", 0), ("-1", -1), ("9223372036854775807", .max), ("-9223372036854775808", .min),
      ("9223372036854775808", nil), ("-9223372036854775809", nil), ("", nil), ("-", nil),
      ("x", nil),
    ] as [(String, Int64?)])
  func integers(_ text: String, _ value: Int64?) {
    var reader = DocumentReader(Array(text.utf8))
    #expect(reader.integer() == value)
  }

  @Test(
    arguments: [
      ("\"\"", ""), ("\"aä\"", "aä"), ("\"a", nil), ("a\"", nil), ("\"a\\n\"", nil),
      ("\"a\u{1}\"", nil),
    ] as [(String, String?)])
  func texts(_ text: String, _ value: String?) {
    var reader = DocumentReader(Array(text.utf8))
    #expect(reader.text() == value)
  }

  @Test func lists() {
    for (text, value) in [
      ("[]", []), ("[1]", [1]), ("[1,2]", [1, 2]), ("[1,]", nil), ("[1", nil), ("[,1]", nil),
      ("", nil),
    ] as [(String, [Int64]?)] {
      var reader = DocumentReader(Array(text.utf8))
      #expect(reader.list { $0.integer() } == value)
    }
  }
}
