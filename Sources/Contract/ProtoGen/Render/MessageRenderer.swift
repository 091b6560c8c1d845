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

  func oneof(_ index: Int) -> OneofModel? {
    message.oneofs.first { $0.index == index }
  }

  func isFirst(_ field: FieldModel, of oneof: Int) -> Bool {
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

  func members(_ oneof: OneofModel) -> [FieldModel] {
    message.fields.filter { $0.cardinality == .oneof(oneof.index) }
  }
}
