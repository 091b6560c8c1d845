import Testing

@testable import ProtoGen

/// The second stage: names, types, cycles, and what is refused.
@Suite struct ModelTests {
  private static let parameters = "emit=messages,target=T,owner=:T:CT"

  private func model(_ file: FileProto) throws -> FileModel {
    try ModelBuilder(
      files: [file], parameters: GeneratorParameters(parsing: Self.parameters)
    ).file(file.name)
  }

  private func file(_ messages: [MessageProto]) -> FileProto {
    var file = FileProto()
    file.name = "a.proto"
    file.package = "a.v1"
    file.syntax = "proto3"
    file.messages = messages
    return file
  }

  private func message(_ name: String, _ fields: [(String, FieldProto.Label)]) -> MessageProto {
    var message = MessageProto()
    message.name = name
    for (index, (type, label)) in fields.enumerated() {
      var field = FieldProto()
      field.name = "f\(index)"
      field.number = UInt32(index + 1)
      field.kind = .message
      field.typeName = ".a.v1.\(type)"
      field.label = label
      message.fields.append(field)
    }
    return message
  }

  @Test(arguments: [
    ("display_name", "displayName"), ("id", "id"), ("provider_id", "providerID"),
    ("phone_number_ids", "phoneNumberIDs"), ("public_url", "publicURL"), ("in", "`in`"),
    ("self", "self_"), ("rawValue", "rawValue_"), ("x1_y2", "x1Y2"), ("URL_path", "urlPath"),
    ("_leading", "leading"), ("e164", "e164"),
  ])
  func namesOfProperties(name: String, expected: String) {
    #expect(Names.property(name) == expected)
  }

  @Test(arguments: [
    ("STATE_ACTIVE", "State", "active"), ("PHONE_NUMBER_STATE_IN_USE", "PhoneNumberState", "inUse"),
    ("ACTIVE", "State", "active"), ("STATE_DEFAULT", "State", "`default`"),
    ("REGION_US1", "Region", "us1"), ("KIND_2ND", "Kind", "kind2nd"),
    ("SIP_KIND_A", "SIPKind", "a"), ("STATE", "State", "state"),
    ("HTTP2_MODE_ON", "HTTP2Mode", "on"),
  ])
  func namesOfCases(name: String, of type: String, expected: String) {
    #expect(Names.enumCase(name, of: type) == expected)
  }

  @Test(arguments: [
    ("acme.v1.SIPTrunk.FooBar2Baz", "Acme__V1__SIPTrunk__FooBar2Baz"),
    ("acme.v1.foo_bar", "Acme__V1__FooBar"),
  ])
  func namesOfStructures(name: String, expected: String) {
    #expect(Names.cType(name) == expected)
  }

  @Test(arguments: [
    ("acme.v1.SIPTrunk.FooBar2Baz", "acme__v1__siptrunk__foo_bar2_baz"),
    ("acme.v1.foo_bar", "acme__v1__foo_bar"),
    ("acme.v1.HTTPServer2X", "acme__v1__httpserver2_x"),
  ])
  func namesOfSymbols(name: String, expected: String) {
    #expect(Names.cSymbol(name) == expected)
  }

  @Test func findsCycles() throws {
    let model = try model(
      file([
        message("A", [("B", .optional), ("C", .repeated)]), message("B", [("A", .optional)]),
        message("C", [("D", .optional)]), message("D", [("D", .repeated)]), message("E", []),
        message("F", [("A", .optional), ("E", .optional)]),
      ]))
    #expect(model.messages.map(\.isRecursive) == [true, true, true, true, false, true])
    // Only what a value would hold in place is boxed.
    let boxed = model.messages.map { $0.fields.map(\.isBoxed) }
    #expect(boxed == [[true, false], [true], [false], [false], [], [false, false]])
  }

  @Test func refusesWhatItHasNoCodeFor() {
    var proto2 = file([])
    proto2.syntax = "proto2"
    #expect(throws: GeneratorError.unsupported(file: "a.proto", feature: "proto2")) {
      try model(proto2)
    }
    var extending = file([])
    extending.extensions = [ExtensionProto(name: "x", number: 1, extendee: ".a.v1.A")]
    #expect(throws: GeneratorError.unsupported(file: "a.proto", feature: "extend")) {
      try model(extending)
    }
    #expect(throws: GeneratorError.unknownType("a.v1.Nowhere")) {
      try model(file([message("A", [("Nowhere", .optional)])]))
    }
  }

  @Test func readsTheScopesOfMethods() throws {
    var file = file([message("A", [])])
    file.extensions = [
      ExtensionProto(
        name: "required_scope", number: 50001, extendee: ".google.protobuf.MethodOptions")
    ]
    func method(_ name: String, _ options: [UInt8]) -> MethodProto {
      MethodProto(name: name, input: ".a.v1.A", output: ".a.v1.A", options: options)
    }
    // Field 50001 of type string, after the field 33 that says the method is deprecated.
    let options: [UInt8] = [0x88, 0x02, 1, 0x8a, 0xb5, 0x18, 3, 0x61, 0x3a, 0x62]
    file.services = [ServiceProto(name: "S", methods: [method("M", options), method("N", [])])]
    let service = try #require(try model(file).services.first)
    #expect(service.methods.map(\.requiredScope) == ["a:b", nil])
    var code = CodeWriter()
    ServiceRenderer(service: service, namespace: "A.V1", schema: "X").render(&code)
    let table = "requiredScopes: [String: String] {\n    [\n      \"M\": \"a:b\",\n    ]"
    #expect(code.text.contains(table))
    file.services[0].methods[0].options = [0x8a]
    #expect(throws: GeneratorError.malformedInput) { try model(file) }
  }

  @Test func descriptorsOfDescriptorsAreKeptAsBytesOnly() throws {
    var file = file([message("A", [])])
    file.name = "google/protobuf/descriptor.proto"
    file.syntax = "proto2"
    file.serialized = [1, 2]
    let model = try model(file)
    #expect(model.messages.isEmpty && model.serialized == [1, 2])
    #expect(try DescriptorParser.fileSet(CDescriptorRewriter.rewrite([file])).isEmpty)
  }

  @Test func readsParameters() throws {
    let parameters = try GeneratorParameters(
      parsing: "emit=c,target=T,owner=a/b/:X:CX,owner=a/:Y:CY")
    #expect(try parameters.owner(of: "a/b/c.proto").swiftModule == "X")
    #expect(try parameters.owner(of: "a/c.proto").cModule == "CY")
    #expect(throws: GeneratorError.noOwner(file: "b.proto")) {
      try parameters.owner(of: "b.proto")
    }
    for text in [
      "", "emit=c", "emit=x,target=T", "emit=c,target=T,owner=a:b", "emit=c,target=T,z=1",
    ] {
      #expect(throws: GeneratorError.self) { try GeneratorParameters(parsing: text) }
    }
  }
}
