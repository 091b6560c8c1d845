import Testing

@testable import ProtoGen

/// The third stage: comments, layout, the rewriting for C.
@Suite struct RenderTests {
  @Test func commentsAreWrittenAsTheyStand() {
    var code = CodeWriter()
    code.comment(" One.\n\n  Indented. \n")
    code.comment(nil)
    #expect(code.text == "/// One.\n///\n///  Indented.\n")
  }

  @Test func blocksAreIndentedAndCasesAreNot() {
    var code = CodeWriter()
    code.block("if a") { code in
      code.cases("switch b") { $0.line("case c: d") }
      code.line()
    }
    #expect(code.text == "if a {\n  switch b {\n  case c: d\n  }\n\n}\n")
  }

  @Test func descriptorsForCKeepNumbersAndWireTypes() throws {
    let original = try GoldenTests.files()
    let rewritten = try DescriptorParser.fileSet(CDescriptorRewriter.rewrite(original))
    #expect(rewritten.map(\.name) == original.map(\.name))
    let request = try #require(rewritten.last?.messages.first)
    let before = try #require(original.last?.messages.first)
    #expect(request.fields.map(\.number) == before.fields.map(\.number))
    #expect(request.fields.map(\.label) == before.fields.map(\.label))
    #expect(request.fields.map(\.name) == before.fields.map { "f\($0.number)" })
    let kinds = Dictionary(uniqueKeysWithValues: request.fields.map { ($0.number, $0.kind) })
    #expect(kinds[1] == .bytes)
    #expect(kinds[3] == .fixed64)
    #expect(kinds[4] == .fixed32)
    #expect(kinds[5] == .uint64)
    #expect(kinds[6] == .int32)
    #expect(kinds[12] == .sint32)
    // `optional` of a scalar is a real oneof, of a message nothing.
    #expect(request.oneofs == ["o0", "o1", "o2"])
    #expect(request.fields.first { $0.number == 10 }?.oneofIndex == 2)
    #expect(request.fields.first { $0.number == 11 }?.oneofIndex == nil)
    #expect(request.fields.filter(\.isProto3Optional).isEmpty)
    #expect(request.nested.filter(\.isMapEntry).isEmpty)
    // proto3 packs; protoc-c packs what says so.
    #expect(request.fields.first { $0.number == 12 }?.isPacked == true)
    #expect(request.fields.first { $0.number == 14 }?.isPacked == nil)
    #expect(rewritten.allSatisfy { $0.services.isEmpty && $0.enums.isEmpty })
  }

  @Test func theAnswerIsWhatProtocReads() {
    #expect(
      PluginResponse.serialized([GeneratedFile(name: "a", content: "b")]) == [
        0x10, 1, 0x7a, 6, 0x0a, 1, 0x61, 0x7a, 1, 0x62,
      ])
    #expect(PluginResponse.serialized(.badParameter("x")).first == 0x0a)
  }
}
