/// Writes the Swift of one message: its type, and its way to the wire and to JSON.
struct MessageRenderer {
  let message: MessageModel

  // MARK: The type

  func type(_ code: inout CodeWriter) {
    code.comment(message.comment)
    code.block("package struct \(message.swiftName): GeneratedMessage") { code in
      for field in message.fields {
        if case .oneof(let index) = field.cardinality {
          if isFirst(field, of: index), let oneof = oneof(index) {
            code.comment(oneof.comment)
            code.line("package var \(oneof.swiftName): \(oneof.typeName)?")
          }
          continue
        }
        code.comment(field.comment)
        let box = field.isBoxed ? "@Boxed " : ""
        code.line("\(box)package var \(field.swiftName): \(declaredType(field))\(initial(field))")
      }
      code.comment(" The fields that this version of the contract does not know.")
      code.line("package var unknownFields = UnknownFields()")
      code.line()
      code.line("package init() {}")
      memberwise(&code)
      for oneof in message.oneofs { oneofType(oneof, &code) }
      for value in message.enums {
        code.line()
        EnumRenderer(value: value).type(&code)
      }
      for nested in message.nested {
        code.line()
        MessageRenderer(message: nested).type(&code)
      }
    }
  }

  private func oneof(_ index: Int) -> OneofModel? {
    message.oneofs.first { $0.index == index }
  }

  private func isFirst(_ field: FieldModel, of oneof: Int) -> Bool {
    message.fields.first { $0.cardinality == .oneof(oneof) }?.number == field.number
  }

  private func declaredType(_ field: FieldModel) -> String {
    let type = ValueCode(kind: field.kind).type
    switch field.cardinality {
    case .implicit: return type
    case .optional, .message, .oneof: return "\(type)?"
    case .repeated: return "[\(type)]"
    case .map(_, _, let key): return "[\(ValueCode.type(of: key)): \(type)]"
    }
  }

  private func defaultValue(_ field: FieldModel) -> String {
    switch field.cardinality {
    case .implicit: ValueCode(kind: field.kind).defaultValue
    case .optional, .message, .oneof: "nil"
    case .repeated: "[]"
    case .map: "[:]"
    }
  }

  private func initial(_ field: FieldModel) -> String {
    switch field.cardinality {
    case .optional, .message, .oneof: field.isBoxed ? " = nil" : ""
    case .implicit, .repeated, .map: " = \(defaultValue(field))"
    }
  }

  /// The stored properties in order: fields, and each oneof where its first member stands.
  private var properties: [(name: String, type: String, defaultValue: String)] {
    message.fields.compactMap { field in
      if case .oneof(let index) = field.cardinality {
        guard isFirst(field, of: index), let oneof = oneof(index) else { return nil }
        return (oneof.swiftName, "\(oneof.typeName)?", "nil")
      }
      return (field.swiftName, declaredType(field), defaultValue(field))
    }
  }

  private func memberwise(_ code: inout CodeWriter) {
    let properties = properties
    guard !properties.isEmpty else { return }
    code.line()
    code.line("package init(")
    code.indented { code in
      for (index, property) in properties.enumerated() {
        let comma = index + 1 < properties.count ? "," : ""
        code.line("\(property.name): \(property.type) = \(property.defaultValue)\(comma)")
      }
    }
    code.block(")") { code in
      for property in properties { code.line("self.\(property.name) = \(property.name)") }
    }
  }

  private func oneofType(_ oneof: OneofModel, _ code: inout CodeWriter) {
    code.line()
    code.comment(oneof.comment ?? " What `\(oneof.swiftName)` can hold.")
    let indirect = oneof.isIndirect ? "indirect " : ""
    code.block("package \(indirect)enum \(oneof.typeName): Hashable, Sendable") { code in
      for field in members(oneof) {
        code.comment(field.comment)
        code.line("case \(field.swiftName)(\(ValueCode(kind: field.kind).type))")
      }
    }
  }

  private func members(_ oneof: OneofModel) -> [FieldModel] {
    message.fields.filter { $0.cardinality == .oneof(oneof.index) }
  }

  // MARK: The coding

  func coding(_ code: inout CodeWriter) {
    let symbol = Names.cSymbol(message.fullName)
    code.line()
    code.block("extension \(message.reference.swiftName)") { code in
      code.line("package static var fullName: String { \"\(message.fullName)\" }")
      if message.isRecursive { code.line("package static var isRecursive: Bool { true }") }
      code.block("@unsafe package static var cDescriptor: UnsafeRawPointer") {
        $0.line("unsafe UnsafeRawPointer(\(symbol)__type())")
      }
      code.line()
      decoding(&code)
      code.line()
      encoding(symbol, &code)
      code.line()
      jsonWriting(&code)
      code.line()
      jsonReading(&code)
    }
    for nested in message.nested { MessageRenderer(message: nested).coding(&code) }
  }

  private func decoding(_ code: inout CodeWriter) {
    code.block(
      "@unsafe package init(copying structure: UnsafeRawPointer) throws(DecodingError)"
    ) { code in
      code.line(
        "let c = unsafe structure.assumingMemoryBound(to: \(message.reference.cType).self)")
      for field in message.fields { decoding(field, &code) }
      code.line("self.unknownFields = try unsafe UnknownFields(c.pointee.base)")
    }
  }

  private func decoding(_ field: FieldModel, _ code: inout CodeWriter) {
    let value = ValueCode(kind: field.kind)
    let place = "c.pointee.f\(field.number)"
    let count = "c.pointee.n_f\(field.number)"
    let name = "self.\(field.swiftName)"
    switch field.cardinality {
    case .implicit: code.line("\(name) = \(value.decoded(place))")
    case .message: code.line("\(name) = try unsafe Wire.message(\(place))")
    case .optional(let index):
      code.line(
        "if unsafe c.pointee.o\(index)_case.rawValue == \(field.number) "
          + "{ \(name) = \(value.decoded(place)) }")
    case .repeated: code.line("\(name) = \(value.decodedArray(count, place))")
    case .map(_, _, let key):
      code.block(
        "\(name) = try unsafe Wire.map(\(count), \(place)) { (entry) throws(DecodingError) in",
        open: "", tail: "}"
      ) { code in
        let key = ValueCode(kind: .scalar(key)).decoded("entry.pointee.f1")
        code.line("(\(key), \(value.decoded("entry.pointee.f2")))")
      }
    case .oneof(let index):
      guard isFirst(field, of: index), let oneof = oneof(index) else { return }
      code.cases("switch unsafe c.pointee.o\(index)_case.rawValue") { code in
        for member in members(oneof) {
          let decoded = ValueCode(kind: member.kind).decoded("c.pointee.f\(member.number)")
          code.line(
            "case \(member.number): self.\(oneof.swiftName) = .\(member.swiftName)(\(decoded))")
        }
        code.line("default: break")
      }
    }
  }

  private func encoding(_ symbol: String, _ code: inout CodeWriter) {
    code.block(
      "@unsafe package func copy(into arena: inout Arena) -> UnsafeMutableRawPointer"
    ) { code in
      code.line("let c = unsafe arena.allocate(\(message.reference.cType).self)")
      code.line("unsafe \(symbol)__init(c)")
      for field in message.fields { encoding(field, &code) }
      code.line("unsafe self.unknownFields.copy(into: &c.pointee.base, &arena)")
      code.line("return UnsafeMutableRawPointer(c)")
    }
  }

  private func encoding(_ field: FieldModel, _ code: inout CodeWriter) {
    let value = ValueCode(kind: field.kind)
    let place = "c.pointee.f\(field.number)"
    let count = "c.pointee.n_f\(field.number)"
    let name = "self.\(field.swiftName)"
    switch field.cardinality {
    case .implicit: code.line("unsafe \(place) = \(value.encoded(name))")
    case .message: code.line("unsafe \(place) = arena.copyIfSet(\(name))")
    case .optional(let index):
      code.block("if let value = \(name)") { code in
        code.line("unsafe c.pointee.o\(index)_case = .init(rawValue: \(field.number))")
        code.line("unsafe \(place) = \(value.encoded("value"))")
      }
    case .repeated:
      code.line("unsafe \(count) = \(name).count")
      code.line("unsafe \(place) = \(value.encodedArray(name))")
    case .map(let entry, let entryFullName, let key):
      code.line("unsafe \(count) = \(name).count")
      code.block("unsafe \(place) = arena.map(\(name)) { arena, key, value in", open: "", tail: "}")
      {
        $0.line("let entry = unsafe arena.allocate(\(entry).self)")
        $0.line("unsafe \(Names.cSymbol(entryFullName))__init(entry)")
        let key = ValueCode(kind: .scalar(key)).encoded("key")
        $0.line("unsafe entry.pointee.f1 = \(key)")
        $0.line("unsafe entry.pointee.f2 = \(value.encoded("value"))")
        $0.line("return unsafe entry")
      }
    case .oneof(let index):
      guard isFirst(field, of: index), let oneof = oneof(index) else { return }
      code.cases("switch self.\(oneof.swiftName)") { code in
        for member in members(oneof) {
          let value = ValueCode(kind: member.kind)
          code.line("case .\(member.swiftName)(let value)?:")
          code.indented { code in
            code.line("unsafe c.pointee.o\(index)_case = .init(rawValue: \(member.number))")
            code.line("unsafe c.pointee.f\(member.number) = \(value.encoded("value"))")
          }
        }
        code.line("case nil: break")
      }
    }
  }

  // MARK: JSON

  private func jsonWriting(_ code: inout CodeWriter) {
    code.block(
      "package func writeJSONFields(to json: inout JSONWriter) throws(JSONError)"
    ) { code in
      for field in message.fields {
        let names = "\"\(field.jsonName)\", \"\(field.protoName)\""
        guard case .oneof(let index) = field.cardinality else {
          code.line("try json.field(\(names), self.\(field.swiftName))")
          continue
        }
        guard isFirst(field, of: index), let oneof = oneof(index) else { continue }
        code.cases("switch self.\(oneof.swiftName)") { code in
          for member in members(oneof) {
            let names = "\"\(member.jsonName)\", \"\(member.protoName)\""
            code.line(
              "case .\(member.swiftName)(let value)?: try json.member(\(names), value)")
          }
          code.line("case nil: break")
        }
      }
    }
  }

  private func jsonReading(_ code: inout CodeWriter) {
    code.block(
      "package mutating func readJSONField(_ name: String, from json: inout JSONReader) "
        + "throws(JSONError) -> Int32"
    ) { code in
      guard !message.fields.isEmpty else {
        code.line("0")
        return
      }
      code.cases("switch name") { code in
        for field in message.fields {
          let names =
            field.jsonName == field.protoName
            ? "\"\(field.jsonName)\"" : "\"\(field.jsonName)\", \"\(field.protoName)\""
          code.line("case \(names):")
          code.indented { code in
            if case .oneof(let index) = field.cardinality, let oneof = oneof(index) {
              code.line(
                "try json.read(into: &self.\(oneof.swiftName)) { .\(field.swiftName)($0) }")
            } else {
              code.line("try json.read(&self.\(field.swiftName))")
            }
            code.line("return \(field.number)")
          }
        }
        code.line("default: return 0")
      }
    }
  }
}
