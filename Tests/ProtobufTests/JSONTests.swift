import Protobuf
import TestAPI
import Testing
import WellKnown

/// What the round trip against another implementation (Tests/BlackBox) does not reach: options,
/// errors with their paths, numbers that others refuse.
@Suite struct JSONTests {
  private typealias V1 = Trunkline.Testing.V1

  private static let types = TypeRegistry(
    WellKnownSchema.messageTypes + TestAPISchema.messageTypes)

  @Test func writesForPeopleWhenAsked() throws {
    let message = V1.Tree(
      left: .init(fruit: 1), children: [.init(), .init(fruit: 2)], named: ["b": .init()])
    #expect(
      try message.json(JSONOptions(isPretty: true)) == """
        {
          "left": {
            "fruit": 1
          },
          "children": [
            {},
            {
              "fruit": 2
            }
          ],
          "named": {
            "b": {}
          }
        }
        """)
  }

  @Test func writesDefaultsAndTheContractsNamesWhenAsked() throws {
    let options = JSONOptions(writesDefaults: true, usesProtoNames: true)
    #expect(
      try V1.Choices().json(options)
        == #"{"default":"KIND_UNSPECIFIED","stdin":"","struct":0,"base":"","renamed_field":0}"#)
    #expect(try V1.Choices(renamedField: 1).json() == #"{"other":1}"#)
  }

  @Test func passesOverWhatIsUnknownWhenAsked() throws {
    let options = JSONOptions(ignoresUnknown: true)
    let text = #"{"no": {"a": [1, "x", null, true]}, "i32": 5, "hue": "HUE_NEW"}"#
    #expect(try V1.Scalars(json: text, options: options) == V1.Scalars(i32: 5))
    #expect(throws: JSONError.unknownField(path: "no")) { try V1.Scalars(json: text) }
  }

  @Test(arguments: [
    ("9.223372036854775807e18", Int64.max), ("-9223372036854775808", .min),
    ("9223372036854775807.000", .max), ("1e18", 1_000_000_000_000_000_000), ("-0", 0),
    ("0e99999999999", 0), ("12300e-2", 123), ("9007199254740993.0", 9_007_199_254_740_993),
  ])
  func readsWholeNumbersExactly(text: String, value: Int64) throws {
    #expect(try V1.Scalars(json: #"{"i64": \#(text)}"#).i64 == value)
    #expect(try V1.Scalars(json: #"{"i64": "\#(text)"}"#).i64 == value)
  }

  @Test(arguments: [
    "9223372036854775808", "1e19", "1e99999999999999999999", "1.5", "1e-1", "", "x",
  ])
  func refusesOtherNumbers(text: String) {
    #expect(
      throws: JSONError.value(
        path: "i64", expected: "a whole number from -9223372036854775808 to 9223372036854775807")
    ) { try V1.Scalars(json: #"{"i64": "\#(text)"}"#) }
  }

  @Test func errorsSayWhere() {
    #expect(throws: JSONError.value(path: "left.named.a.fruit", expected: "a number")) {
      try V1.Tree(json: #"{"left": {"named": {"a": {"fruit": true}}}}"#)
    }
    #expect(throws: JSONError.duplicate(path: "left.note")) {
      try V1.Tree(json: #"{"left": {"leaf": {}, "note": ""}}"#)
    }
    #expect(throws: JSONError.syntax(offset: 11)) { try V1.Tree(json: #"{"left": {}"#) }
  }

  @Test func nestingHasABound() throws {
    let text = String(repeating: #"{"left":"#, count: 100_000)
    #expect(throws: JSONError.nestedTooDeep(max: 100)) { try V1.Tree(json: text) }
    var tree = V1.Tree()
    for _ in 0..<200 { tree = V1.Tree(left: tree) }
    #expect(throws: JSONError.nestedTooDeep(max: 100)) { try tree.json() }
  }

  @Test func anyHoldsTypesOfTheRegistry() throws {
    let inner = V1.Scalars(i32: 1, text: "x")
    let message = V1.Forms(any: .init(packing: inner))
    let options = JSONOptions(types: Self.types)
    let text = try message.json(options)
    #expect(
      text == #"{"any":{"@type":"type.googleapis.com/trunkline.testing.v1.Scalars","#
        + #""i32":1,"text":"x"}}"#)
    #expect(try V1.Forms(json: text, options: options) == message)
    #expect(try message.any?.unpacked(as: V1.Scalars.self) == inner)
    #expect(try message.any?.unpacked(as: V1.Maps.self) == nil)
    let url = "type.googleapis.com/trunkline.testing.v1.Scalars"
    #expect(throws: JSONError.unknownType(url: url)) { try message.json() }
  }

  @Test func formsThatCannotBeWrittenAreRefused() {
    #expect(throws: JSONError.unrepresentable(type: "google.protobuf.Timestamp")) {
      try V1.Forms(time: .init(seconds: 253_402_300_800)).json()
    }
    #expect(throws: JSONError.unrepresentable(type: "google.protobuf.Duration")) {
      try V1.Forms(duration: .init(seconds: 1, nanos: -1)).json()
    }
    #expect(throws: JSONError.unrepresentable(type: "google.protobuf.FieldMask")) {
      try V1.Forms(mask: .init(paths: ["a__b"])).json()
    }
    #expect(throws: JSONError.unrepresentable(type: "google.protobuf.Value")) {
      try V1.Forms(value: .init(kind: .numberValue(.nan))).json()
    }
  }

  @Test func durationsBecomeSwifts() {
    let duration = Google.Protobuf.Duration(.milliseconds(-1500))
    #expect(duration == .init(seconds: -1, nanos: -500_000_000))
    #expect(duration.duration == .milliseconds(-1500))
    #expect(Google.Protobuf.Duration(seconds: 1, nanos: -1).duration == nil)
  }
}

/// Messages that come in pieces, which protobuf-c would not merge.
@Suite struct MergeTests {
  private typealias V1 = Trunkline.Testing.V1

  @Test func piecesOfAMessageAreJoined() throws {
    let bytes =
      V1.Tree(left: .init(children: [.init(fruit: 1)], fruit: 5)).serialized()
      + V1.Tree(left: .init(left: .init(fruit: 2), children: [.init()])).serialized()
      + V1.Tree(left: .init(left: .init(fruit: 3))).serialized()
    #expect(
      try V1.Tree(serialized: bytes)
        == V1.Tree(
          left: .init(left: .init(fruit: 3), children: [.init(fruit: 1), .init()], fruit: 5)))
  }

  @Test func theLastMemberOfAOneofCounts() throws {
    let leaf = V1.Tree(grafted: .leaf(.init(tree: .init(fruit: 1))))
    let more = V1.Tree(grafted: .leaf(.init(tree: .init(children: [.init()]))))
    let note = V1.Tree(grafted: .note("n"))
    #expect(
      try V1.Tree(serialized: leaf.serialized() + more.serialized())
        == V1.Tree(grafted: .leaf(.init(tree: .init(children: [.init()], fruit: 1)))))
    #expect(
      try V1.Tree(serialized: leaf.serialized() + note.serialized() + more.serialized()) == more)
    #expect(try V1.Tree(serialized: leaf.serialized() + note.serialized()) == note)
  }

  @Test func manyPiecesTakeLinearTime() throws {
    let bytes = Array(repeatElement([0x0a, 2, 0x38, 7] as [UInt8], count: 50_000).joined())
    #expect(try V1.Tree(serialized: bytes) == V1.Tree(left: .init(fruit: 7)))
  }
}
