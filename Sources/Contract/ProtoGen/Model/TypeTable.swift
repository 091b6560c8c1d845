/// Every message and enum of all files, by full name.
struct TypeTable {
  private var references: [String: TypeReference] = [:]

  init(files: [FileProto], parameters: GeneratorParameters) throws(GeneratorError) {
    for file in files {
      let owner = try parameters.owner(of: file.name)
      let namespace = Self.namespace(of: file.package)
      for message in file.messages {
        add(message, file.package, namespace, owner)
      }
      for value in file.enums { add(value, file.package, namespace, owner) }
    }
  }

  /// The Swift namespace of a package: `trunkline.v1` is `Trunkline.V1`.
  static func namespace(of package: String) -> String {
    package.split(separator: ".").map { Names.type(String($0)) }.joined(separator: ".")
  }

  /// The type with this full name.
  func reference(_ fullName: String) throws(GeneratorError) -> TypeReference {
    guard let reference = references[fullName] else { throw .unknownType(fullName) }
    return reference
  }

  private mutating func add(
    _ message: MessageProto, _ prefix: String, _ namespace: String,
    _ owner: GeneratorParameters.Owner
  ) {
    let fullName = join(prefix, message.name)
    let swiftName = join(namespace, Names.type(message.name))
    references[fullName] = TypeReference(
      fullName: fullName, swiftName: swiftName, cType: Names.cType(fullName), owner: owner,
      zeroCase: nil)
    for nested in message.nested { add(nested, fullName, swiftName, owner) }
    for value in message.enums { add(value, fullName, swiftName, owner) }
  }

  private mutating func add(
    _ value: EnumProto, _ prefix: String, _ namespace: String, _ owner: GeneratorParameters.Owner
  ) {
    let fullName = join(prefix, value.name)
    references[fullName] = TypeReference(
      fullName: fullName, swiftName: join(namespace, Names.type(value.name)),
      cType: Names.cType(fullName), owner: owner,
      zeroCase: value.values.first.map { Names.enumCase($0.name, of: value.name) }
        ?? "unrecognized(0)")
  }

  private func join(_ prefix: String, _ name: String) -> String {
    prefix.isEmpty ? name : "\(prefix).\(name)"
  }
}
