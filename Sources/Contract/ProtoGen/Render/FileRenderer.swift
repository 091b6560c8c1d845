/// Writes the Swift files: one of messages and one of services for each `.proto`, and one for the
/// whole module.
struct FileRenderer {
  let parameters: GeneratorParameters

  /// `trunkline/v1/agent.proto` as `trunkline.v1.agent`.
  static func baseName(of path: String) -> String {
    String(path.dropLast(path.hasSuffix(".proto") ? 6 : 0)).split(separator: "/")
      .joined(separator: ".")
  }

  /// The Swift constant that a file's descriptor has: `trunklineV1Agent`.
  static func constant(of path: String) -> String {
    Names.property(
      baseName(of: path).split(separator: ".").joined(separator: "_"))
  }

  /// The messages and enums of `file`; `nil` if it has none.
  func messages(of file: FileModel) -> GeneratedFile? {
    guard !file.messages.isEmpty || !file.enums.isEmpty else { return nil }
    let used = references(in: file.messages)
    var code = CodeWriter()
    code.header(source: file.path)
    var swiftModules = Set(used.map(\.owner.swiftModule)).subtracting([parameters.target])
    var hidden: Set<String> = ["Protobuf"]
    if !file.messages.isEmpty {
      swiftModules.formUnion(["Buffers", "Protobuf"])
      hidden = Set(used.filter { !$0.isEnum }.map(\.owner.cModule))
        .union([file.owner.cModule, "CProtobufC"])
    }
    imports(package: swiftModules, internal: hidden, &code)
    code.line()
    code.block("extension \(file.namespace)") { code in
      var isFirst = true
      for value in file.enums {
        if !isFirst { code.line() }
        isFirst = false
        EnumRenderer(value: value).type(&code)
      }
      for message in file.messages {
        if !isFirst { code.line() }
        isFirst = false
        MessageRenderer(message: message).type(&code)
      }
    }
    for message in file.messages { MessageRenderer(message: message).coding(&code) }
    return GeneratedFile(name: Self.baseName(of: file.path) + ".pb.swift", content: code.text)
  }

  /// The services of `file`; `nil` if it has none.
  func services(of file: FileModel) -> GeneratedFile? {
    guard !file.services.isEmpty else { return nil }
    var code = CodeWriter()
    code.header(source: file.path)
    let owners = file.services.flatMap(\.methods).flatMap {
      [$0.input.owner.swiftModule, $0.output.owner.swiftModule]
    }
    let others = Set(owners).union([file.owner.swiftModule]).subtracting([parameters.target])
    imports(package: others.union(["GRPC"]), internal: ["Protobuf"], &code)
    for service in file.services {
      ServiceRenderer(
        service: service, namespace: file.namespace,
        schema: "\(file.owner.swiftModule)Schema.\(Self.constant(of: file.path))"
      ).render(&code)
    }
    return GeneratedFile(name: Self.baseName(of: file.path) + ".grpc.swift", content: code.text)
  }

  /// The namespaces of the module, its descriptors and its types.
  func module(_ files: [FileModel]) throws(GeneratorError) -> GeneratedFile {
    var code = CodeWriter()
    code.header(source: "the files of the module")
    var others: Set<String> = []
    for file in files {
      for path in file.dependencies {
        others.insert(try parameters.owner(of: path).swiftModule)
      }
    }
    others.remove(parameters.target)
    let cModules = Set(files.map(\.owner.cModule))
    imports(package: ["Protobuf"], internal: cModules.union(others), &code)
    namespaces(Set(files.map(\.namespace)), &code)
    code.line()
    code.line("/// The files and types of this module, for reflection and for `Any` in JSON.")
    try schema(files, &code)
    return GeneratedFile(name: "\(parameters.target)Schema.pb.swift", content: code.text)
  }

  private func schema(
    _ files: [FileModel], _ code: inout CodeWriter
  ) throws(GeneratorError) {
    var imports: [[String]] = []
    for file in files {
      var constants: [String] = []
      for path in file.dependencies {
        let owner = try parameters.owner(of: path).swiftModule
        constants.append("\(owner)Schema.\(Self.constant(of: path))")
      }
      imports.append(constants)
    }
    code.block("package enum \(parameters.target)Schema") { code in
      for (file, imported) in zip(files, imports) {
        let symbol = CModuleRenderer.symbol(of: file.path)
        code.line("/// \(file.path)")
        code.line("package static let \(Self.constant(of: file.path)) = unsafe FileDescriptor(")
        code.indented { code in
          code.line("name: \"\(file.path)\", copying: \(symbol)__bytes(),")
          code.line("count: \(file.serialized.count),")
          code.line("dependencies: [\(imported.joined(separator: ", "))])")
        }
        code.line()
      }
      code.line("/// Every file of the module.")
      code.line("package static let files: [FileDescriptor] = [")
      code.indented { code in
        for file in files { code.line("\(Self.constant(of: file.path)),") }
      }
      code.line("]")
      code.line()
      code.line("/// Every message of the module.")
      code.line("package static let messageTypes: [any GeneratedMessage.Type] = [")
      code.indented { code in
        for file in files {
          for message in file.messages { list(message, &code) }
        }
      }
      code.line("]")
    }
  }

  private func list(_ message: MessageModel, _ code: inout CodeWriter) {
    code.line("\(message.reference.swiftName).self,")
    for nested in message.nested { list(nested, &code) }
  }

  private func namespaces(_ namespaces: Set<String>, _ code: inout CodeWriter) {
    var all: Set<[String]> = []
    for namespace in namespaces {
      let parts = namespace.split(separator: ".").map(String.init)
      for count in parts.indices { all.insert(Array(parts[...count])) }
    }
    for parts in all.sorted(by: { $0.joined(separator: ".") < $1.joined(separator: ".") }) {
      code.line()
      code.line("/// The namespace of a package of the contract.")
      let parent = parts.dropLast().joined(separator: ".")
      let name = parts.last ?? ""
      if parent.isEmpty {
        code.line("package enum \(name) {}")
      } else {
        code.block("extension \(parent)") { $0.line("package enum \(name) {}") }
      }
    }
  }

  private func imports(
    package shared: Set<String>, internal hidden: Set<String>, _ code: inout CodeWriter
  ) {
    let all = shared.map { ($0, "package") } + hidden.map { ($0, "internal") }
    for (module, level) in all.sorted(by: { $0.0 < $1.0 }) {
      code.line("\(level) import \(module)")
    }
  }

  /// The types that the fields of `messages` name.
  private func references(in messages: [MessageModel]) -> [TypeReference] {
    messages.flatMap { message in
      message.fields.compactMap { field in
        switch field.kind {
        case .message(let type), .enum(let type): type
        case .scalar: nil
        }
      } + references(in: message.nested)
    }
  }
}
