internal import Protobuf

/// What protoc asks of a plug-in: `google.protobuf.compiler.CodeGeneratorRequest`.
package struct PluginRequest {
  /// The files to generate code for.
  let filesToGenerate: [String]
  /// What stood behind `--trunkline_opt=`.
  let parameter: String
  /// The files and all their imports, in an order in which imports come first.
  let files: [FileProto]

  /// Reads what protoc writes to the plug-in's standard input.
  package init(serialized bytes: [UInt8]) throws(GeneratorError) {
    var filesToGenerate: [String] = []
    var parameter = ""
    var files: [FileProto] = []
    do throws(DecodingError) {
      try DescriptorParser.fields(of: bytes) { (number, reader, tag) throws(DecodingError) in
        switch number {
        case 1: filesToGenerate.append(try reader.string())
        case 2: parameter = try reader.string()
        case 15: files.append(try DescriptorParser.file(try reader.lengthDelimited()))
        default: try reader.skip(tag)
        }
      }
    } catch {
      throw .malformedInput
    }
    self.init(filesToGenerate: filesToGenerate, parameter: parameter, files: files)
  }

  init(filesToGenerate: [String], parameter: String, files: [FileProto]) {
    self.filesToGenerate = filesToGenerate
    self.parameter = parameter
    self.files = files
  }
}

/// A file that the generator made.
package struct GeneratedFile: Equatable {
  package let name: String
  package let content: String
}

/// What a plug-in answers: `google.protobuf.compiler.CodeGeneratorResponse`.
package enum PluginResponse {
  /// That proto3's `optional` is understood (`FEATURE_PROTO3_OPTIONAL`).
  private static let features: UInt64 = 1

  /// The answer with the generated files.
  package static func serialized(_ files: [GeneratedFile]) -> [UInt8] {
    var response = WireWriter()
    response.field(2, varint: features)
    for file in files {
      var encoded = WireWriter()
      encoded.field(1, string: file.name)
      encoded.field(15, string: file.content)
      response.field(15, bytes: encoded.bytes)
    }
    return response.bytes
  }

  /// The answer that says why nothing was generated.
  package static func serialized(_ error: GeneratorError) -> [UInt8] {
    var response = WireWriter()
    response.field(1, string: error.description)
    response.field(2, varint: features)
    return response.bytes
  }
}
