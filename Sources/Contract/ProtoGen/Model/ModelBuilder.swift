/// Turns descriptors into the model: resolves types, chooses names, finds cycles.
struct ModelBuilder {
  private let parameters: GeneratorParameters
  private let files: [FileProto]
  private let types: TypeTable
  private let cycles: MessageCycles
  /// The number of the option `required_scope`; `nil` when no file declares it.
  private let scopeOption: UInt32?

  /// The option that says what a caller of a method must be allowed, and what it extends: the one
  /// `extend` that the generator knows.
  private static let scopeOptionName = "required_scope"
  private static let methodOptions = ".google.protobuf.MethodOptions"
  /// Where `MethodOptions` stands. Of it only the bytes are kept, for reflection: it is proto2.
  static let descriptorPath = "google/protobuf/descriptor.proto"

  init(files: [FileProto], parameters: GeneratorParameters) throws(GeneratorError) {
    self.files = files
    self.parameters = parameters
    types = try TypeTable(files: files, parameters: parameters)
    cycles = MessageCycles(files: files)
    scopeOption =
      files.lazy.flatMap(\.extensions)
      .first { $0.name == Self.scopeOptionName && $0.extendee == Self.methodOptions }?.number
  }

  /// The model of the file at `path`.
  func file(_ path: String) throws(GeneratorError) -> FileModel {
    guard var file = files.first(where: { $0.name == path }) else { throw .unknownType(path) }
    if path == Self.descriptorPath { (file.messages, file.enums) = ([], []) }
    guard file.syntax == "proto3" || path == Self.descriptorPath else {
      throw .unsupported(file: path, feature: file.syntax)
    }
    guard file.extensions.allSatisfy({ $0.extendee == Self.methodOptions }) else {
      throw .unsupported(file: path, feature: "extend")
    }
    // The comments of protoc's own files are their authors' text, not ours.
    if file.package == "google.protobuf" { file.comments = [:] }
    let scope = Scope(file: file, prefix: file.package, path: [])
    var model = FileModel(
      path: path, package: file.package, namespace: TypeTable.namespace(of: file.package),
      owner: try parameters.owner(of: path), comment: file.comments[[2]], messages: [], enums: [],
      services: [], dependencies: file.dependencies, serialized: file.serialized)
    for (index, message) in file.messages.enumerated() {
      model.messages.append(try self.message(message, scope.nested(4, index)))
    }
    for (index, value) in file.enums.enumerated() {
      model.enums.append(enumeration(value, scope.nested(5, index)))
    }
    for (index, value) in file.services.enumerated() {
      model.services.append(try service(value, scope.nested(6, index)))
    }
    return model
  }

  /// Where a declaration stands: for its full name and its comment.
  private struct Scope {
    let file: FileProto
    let prefix: String
    let path: [Int32]

    var comment: String? { file.comments[path] }

    func nested(_ field: Int32, _ index: Int) -> Scope {
      Scope(file: file, prefix: prefix, path: path + [field, Int32(index)])
    }

    func inside(_ name: String) -> Scope {
      Scope(file: file, prefix: fullName(name), path: path)
    }

    func fullName(_ name: String) -> String { prefix.isEmpty ? name : "\(prefix).\(name)" }
  }

  private func message(
    _ message: MessageProto, _ scope: Scope
  ) throws(GeneratorError) -> MessageModel {
    guard !message.hasExtensions else {
      throw .unsupported(file: scope.file.name, feature: "extensions in \(message.name)")
    }
    let fullName = scope.fullName(message.name)
    let inner = scope.inside(message.name)
    let reference = try types.reference(fullName)
    var model = MessageModel(
      fullName: fullName, swiftName: Names.type(message.name), reference: reference,
      comment: scope.comment, fields: [], oneofs: [], nested: [], enums: [], mapEntries: [],
      isRecursive: cycles.canReachCycle(fullName))
    for (index, nested) in message.nested.enumerated() {
      if nested.isMapEntry {
        model.mapEntries.append(inner.fullName(nested.name))
      } else {
        model.nested.append(try self.message(nested, inner.nested(3, index)))
      }
    }
    for (index, value) in message.enums.enumerated() {
      model.enums.append(enumeration(value, inner.nested(4, index)))
    }
    for (index, field) in message.fields.enumerated() {
      model.fields.append(try self.field(field, of: message, inner.nested(2, index)))
    }
    for (index, name) in message.oneofs.enumerated() {
      let members = model.fields.filter { $0.cardinality == .oneof(index) }
      guard !members.isEmpty else { continue }
      let taken = model.nested.map(\.swiftName) + model.enums.map(\.swiftName)
      let typeName = Names.type(name)
      model.oneofs.append(
        OneofModel(
          index: index, swiftName: Names.property(name),
          typeName: taken.contains(typeName) ? "OneOf\(Names.type(name))" : typeName,
          isIndirect: members.contains(where: \.isBoxed), comment: inner.nested(8, index).comment))
    }
    return model
  }

  private func field(
    _ field: FieldProto, of message: MessageProto, _ scope: Scope
  ) throws(GeneratorError) -> FieldModel {
    guard field.kind != .group, field.label != .required else {
      throw .unsupported(file: scope.file.name, feature: "proto2 in \(message.name)")
    }
    var kind = try valueKind(field)
    var cardinality = FieldModel.Cardinality.implicit
    if field.label == .repeated {
      cardinality = .repeated
      if let entry = message.nested.first(where: {
        $0.isMapEntry && "." + scope.fullName($0.name) == field.typeName
      }) {
        guard entry.fields.count == 2 else { throw .malformedInput }
        let entryFullName = scope.fullName(entry.name)
        cardinality = .map(
          entry: Names.cType(entryFullName), entryFullName: entryFullName,
          key: entry.fields[0].kind)
        kind = try valueKind(entry.fields[1])
      }
    } else if let oneof = field.oneofIndex, !field.isProto3Optional {
      cardinality = .oneof(oneof)
    } else if case .message = kind {
      cardinality = .message
    } else if let oneof = field.oneofIndex {
      cardinality = .optional(oneof)
    }
    var isBoxed = false
    if case .message(let target) = kind, field.label != .repeated {
      isBoxed = cycles.isOnInlineCycle(from: scope.prefix, to: target.fullName)
    }
    return FieldModel(
      number: field.number, protoName: field.name,
      jsonName: field.jsonName.isEmpty ? Names.json(field.name) : field.jsonName,
      swiftName: Names.property(field.name), kind: kind, cardinality: cardinality,
      isBoxed: isBoxed, comment: scope.comment)
  }

  private func valueKind(_ field: FieldProto) throws(GeneratorError) -> ValueKind {
    switch field.kind {
    case .message:
      // A map's entry is looked at by the caller; it has no Swift type.
      .message(try types.reference(String(field.typeName.dropFirst())))
    case .enum: .enum(try types.reference(String(field.typeName.dropFirst())))
    default: .scalar(field.kind)
    }
  }

  private func enumeration(_ value: EnumProto, _ scope: Scope) -> EnumModel {
    var cases: [EnumModel.Case] = []
    for (index, entry) in value.values.enumerated() {
      let first = cases.first { $0.number == entry.number && $0.aliasOf == nil }
      let name = Names.enumCase(entry.name, of: value.name)
      cases.append(
        EnumModel.Case(
          number: entry.number, swiftName: name, protoName: entry.name, aliasOf: first?.swiftName,
          comment: scope.nested(2, index).comment))
    }
    return EnumModel(
      fullName: scope.fullName(value.name), swiftName: Names.type(value.name), cases: cases,
      comment: scope.comment)
  }

  private func service(
    _ service: ServiceProto, _ scope: Scope
  ) throws(GeneratorError) -> ServiceModel {
    var model = ServiceModel(
      fullName: scope.fullName(service.name), swiftName: Names.type(service.name), methods: [],
      comment: scope.comment)
    for (index, method) in service.methods.enumerated() {
      var requiredScope: String?
      if let scopeOption {
        do {
          requiredScope = try DescriptorParser.text(scopeOption, of: method.options)
        } catch {
          throw .malformedInput
        }
      }
      model.methods.append(
        MethodModel(
          protoName: method.name, swiftName: Names.method(method.name),
          input: try types.reference(String(method.input.dropFirst())),
          output: try types.reference(String(method.output.dropFirst())),
          streamsRequests: method.streamsRequests, streamsResponses: method.streamsResponses,
          requiredScope: requiredScope, comment: scope.nested(2, index).comment))
    }
    return model
  }
}
