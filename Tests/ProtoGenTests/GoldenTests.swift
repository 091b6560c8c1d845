import Foundation
import Testing

@testable import ProtoGen

/// Compares whole generated files with those in `Golden`; see its README.
@Suite struct GoldenTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
  private static let owners =
    "owner=google/:WellKnown:CWellKnown,owner=golden/:Golden:CGolden"

  static func files() throws -> [FileProto] {
    let data = try Data(contentsOf: folder.appending(path: "golden.binpb"))
    return try DescriptorParser.fileSet([UInt8](data))
  }

  private func generate(_ output: String, target: String) throws -> [GeneratedFile] {
    try Generator.run(
      PluginRequest(
        filesToGenerate: ["golden/v1/shop.proto", "golden/v1/shared.proto"],
        parameter: "emit=\(output),target=\(target),\(Self.owners)", files: Self.files()))
  }

  private func compare(_ files: [GeneratedFile]) throws {
    for file in files {
      let name = file.name.split(separator: "/").joined(separator: ".") + ".golden"
      let place = Self.folder.appending(path: name)
      if ProcessInfo.processInfo.environment["TRUNKLINE_WRITE_GOLDENS"] != nil {
        try Data(file.content.utf8).write(to: place)
      }
      let golden = try String(contentsOf: place, encoding: .utf8)
      #expect(file.content == golden, "\(name) differs")
    }
  }

  @Test func messages() throws {
    let files = try generate("messages", target: "Golden")
    #expect(
      files.map(\.name) == [
        "golden.v1.shared.pb.swift", "golden.v1.shop.pb.swift", "GoldenSchema.pb.swift",
      ])
    try compare(files)
  }

  @Test func services() throws {
    let files = try generate("services", target: "Elsewhere")
    #expect(files.map(\.name) == ["golden.v1.shop.grpc.swift"])
    try compare(files)
  }

  @Test func theModuleOfC() throws {
    let files = try generate("c", target: "CGolden")
    #expect(
      files.map(\.name) == [
        "include/module.modulemap", "include/CGolden.h", "CGoldenDescriptors.c",
      ])
    try compare(files)
  }

  @Test func twoRunsAreAlike() throws {
    #expect(try generate("messages", target: "Golden") == generate("messages", target: "Golden"))
  }
}
