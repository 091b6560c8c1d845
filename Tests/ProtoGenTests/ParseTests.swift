import Protobuf
import Testing

@testable import ProtoGen

/// The first stage: descriptors are read as protoc wrote them.
@Suite struct ParseTests {
  @Test func readsWhatProtocWrote() throws {
    let files = try GoldenTests.files()
    #expect(
      files.map(\.name) == [
        "golden/v1/shared.proto", "google/protobuf/timestamp.proto", "golden/v1/shop.proto",
      ])
    let shop = try #require(files.last)
    #expect(shop.package == "golden.v1")
    #expect(shop.syntax == "proto3")
    #expect(shop.dependencies == ["google/protobuf/timestamp.proto", "golden/v1/shared.proto"])
    #expect(shop.messages.map(\.name) == ["BuyRequest", "BuyResponse", "Nothing"])
    #expect(shop.comments[[4, 2]] == " Nothing.\n")
    #expect(shop.comments[[4, 0, 2, 9]] == " With presence.\n")

    let request = shop.messages[0]
    let discount = try #require(request.fields.first { $0.name == "discount" })
    #expect(discount.number == 10)
    #expect(discount.kind == .int64)
    #expect(discount.isProto3Optional)
    #expect(request.oneofs == ["payment", "item_choice", "_discount", "_gift"])
    #expect(request.nested.filter(\.isMapEntry).map(\.name).count == 3)
    #expect(request.enums[0].values.last == EnumValueProto(name: "KIND_2ND", number: 2))

    let methods = shop.services[0].methods
    #expect(methods.map(\.streamsRequests) == [false, false, true, true])
    #expect(methods.map(\.streamsResponses) == [false, true, false, true])
    #expect(methods[0].input == ".golden.v1.BuyRequest")
  }

  @Test func keepsTheDescriptorButForItsComments() throws {
    let shop = try #require(try GoldenTests.files().last)
    let again = try DescriptorParser.file(shop.serialized)
    #expect(again.comments.isEmpty)
    #expect(again.messages == shop.messages)
    #expect(again.services == shop.services)
    #expect(again.serialized == shop.serialized)
  }

  @Test func refusesWhatIsNoDescriptor() {
    #expect(throws: DecodingError.self) { try DescriptorParser.fileSet([0x0a, 5, 1]) }
    #expect(throws: GeneratorError.malformedInput) { try PluginRequest(serialized: [0xff]) }
    #expect(throws: GeneratorError.malformedInput) { try Generator.rewriteForC([0xff]) }
  }
}
