internal import Foundation
internal import ProtoGen

/// protoc's plug-in: a CodeGeneratorRequest on the standard input, the answer on the standard
/// output.
///
/// With the argument `rewrite` it turns a FileDescriptorSet into the one that protoc-c is given.
@main struct Main {
  static func main() {
    do {
      let input = [UInt8](try FileHandle.standardInput.readToEnd() ?? Data())
      let output =
        CommandLine.arguments.dropFirst() == ["rewrite"]
        ? try Generator.rewriteForC(input) : answer(to: input)
      try FileHandle.standardOutput.write(contentsOf: Data(output))
    } catch {
      FileHandle.standardError.write(Data("protoc-gen-trunkline: \(error)\n".utf8))
      exit(1)
    }
  }

  /// protoc wants the generator's own errors in the answer.
  private static func answer(to request: [UInt8]) -> [UInt8] {
    do throws(GeneratorError) {
      return PluginResponse.serialized(try Generator.run(PluginRequest(serialized: request)))
    } catch {
      return PluginResponse.serialized(error)
    }
  }
}
