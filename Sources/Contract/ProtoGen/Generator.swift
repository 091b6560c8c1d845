internal import Protobuf

/// Descriptors in, files out: parse, model, render.
package enum Generator {
  /// The files that `request` asks for.
  package static func run(_ request: PluginRequest) throws(GeneratorError) -> [GeneratedFile] {
    let parameters = try GeneratorParameters(parsing: request.parameter)
    let builder = try ModelBuilder(files: request.files, parameters: parameters)
    var models: [FileModel] = []
    for path in request.filesToGenerate.sorted() { models.append(try builder.file(path)) }
    let renderer = FileRenderer(parameters: parameters)
    switch parameters.output {
    case .messages:
      return models.compactMap { renderer.messages(of: $0) } + [try renderer.module(models)]
    case .services:
      return models.compactMap { renderer.services(of: $0) }
    case .c:
      guard let cModule = models.first?.owner.cModule else { return [] }
      return CModuleRenderer(parameters: parameters, cModule: cModule).files(models)
    }
  }

  /// Rewrites a serialized `FileDescriptorSet` for protoc-c; see ``CDescriptorRewriter``.
  package static func rewriteForC(_ fileSet: [UInt8]) throws(GeneratorError) -> [UInt8] {
    do {
      return CDescriptorRewriter.rewrite(try DescriptorParser.fileSet(fileSet))
    } catch {
      throw .malformedInput
    }
  }
}
