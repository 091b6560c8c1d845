/// The way to the wire and back.
///
/// What is written has no generic call of our own: see `Wire`.
extension MessageRenderer {
  func coding(_ code: inout CodeWriter) {
    let symbol = Names.cSymbol(message.fullName)
    code.line()
    code.block("extension \(message.reference.swiftName)") { code in
      code.line("package static var fullName: String { \"\(message.fullName)\" }")
      code.line()
      entryPoints(symbol, &code)
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

  private func entryPoints(_ symbol: String, _ code: inout CodeWriter) {
    code.block(
      "package init(serialized bytes: RawSpan, limits: DecodingLimits) throws(DecodingError)"
    ) { code in
      code.line("self.init()")
      code.line("try unsafe Wire.decode(")
      code.indented {
        $0.line(
          "bytes, as: UnsafeRawPointer(\(symbol)__type()), isRecursive: \(message.isRecursive), "
            + "limits: limits")
      }
      code.line(") { (structure) throws(DecodingError) in try unsafe self.read(structure) }")
    }
    code.line()
    code.block("package func serialize(into writer: inout ByteWriter)") {
      $0.line("unsafe Wire.encode(into: &writer) { unsafe self.copy(into: &$0) }")
    }
    code.line()
    code.block("package var serializedSize: Int") {
      $0.line("unsafe Wire.size { unsafe self.copy(into: &$0) }")
    }
    code.line()
    code.block(
      "@unsafe package init(copying structure: UnsafeRawPointer) throws(DecodingError)"
    ) { code in
      code.line("self.init()")
      code.line("try unsafe self.read(structure)")
    }
  }

  // MARK: Decoding

  private func decoding(_ code: inout CodeWriter) {
    code.block(
      "@unsafe package mutating func read(_ structure: UnsafeRawPointer) throws(DecodingError)"
    ) { code in
      code.line(
        "let c = unsafe structure.assumingMemoryBound(to: \(message.reference.cType).self)")
      for field in message.fields { decoding(field, &code) }
      code.block("if unsafe c.pointee.base.n_unknown_fields > 0") {
        $0.line("self.unknownFields = try unsafe UnknownFields(c.pointee.base)")
      }
    }
  }

  private func decoding(_ field: FieldModel, _ code: inout CodeWriter) {
    let value = ValueCode(kind: field.kind)
    let place = "c.pointee.f\(field.number)"
    let name = "self.\(field.swiftName)"
    switch field.cardinality {
    case .implicit: code.line("\(name) = \(value.decoded(place))")
    case .message:
      code.line(
        "if let value = unsafe \(place) { \(name) = \(value.decoded("value")) }")
    case .optional(let index):
      code.line(
        "if unsafe c.pointee.o\(index)_case.rawValue == \(field.number) "
          + "{ \(name) = \(value.decoded(place)) }")
    case .repeated: decodingRepeated(field, value, &code)
    case .map(_, _, let key):
      code.block("for index in unsafe 0..<c.pointee.n_f\(field.number)") { code in
        code.line("guard let entry = unsafe \(place)[index] else { continue }")
        let key = ValueCode(kind: .scalar(key)).decoded("entry.pointee.f1")
        code.line("let key = \(key)")
        if case .message = field.kind {
          code.line("\(name)[key] = \(value.type)()")
          code.block("if let value = unsafe entry.pointee.f2") {
            $0.line("\(name)[key] = \(value.decoded("value"))")
          }
        } else {
          code.line("\(name)[key] = \(value.decoded("entry.pointee.f2"))")
        }
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

  private func decodingRepeated(
    _ field: FieldModel, _ value: ValueCode, _ code: inout CodeWriter
  ) {
    let place = "c.pointee.f\(field.number)"
    let count = "c.pointee.n_f\(field.number)"
    let name = "self.\(field.swiftName)"
    code.block("if let list = unsafe \(place)") { code in
      if let function = value.arrayFunction {
        let attempt = function == "strings" ? "try unsafe" : "unsafe"
        code.line("\(name) = \(attempt) Wire.\(function)(\(count), list)")
        return
      }
      code.line("unsafe \(name).reserveCapacity(\(count))")
      code.block("for index in unsafe 0..<\(count)") { code in
        if case .message = field.kind {
          code.line("guard let value = unsafe list[index] else { continue }")
          code.line("\(name).append(\(value.decoded("value")))")
        } else {
          code.line("\(name).append(\(value.decoded("list[index]")))")
        }
      }
    }
  }

  // MARK: Encoding

  private func encoding(_ symbol: String, _ code: inout CodeWriter) {
    let type = message.reference.cType
    code.block(
      "@unsafe package func copy(into arena: inout Arena) -> UnsafeMutableRawPointer"
    ) { code in
      code.line("let structure = unsafe arena.room(MemoryLayout<\(type)>.size)")
      code.line("let c = unsafe structure.bindMemory(to: \(type).self, capacity: 1)")
      code.line("unsafe \(symbol)__init(c)")
      for field in message.fields { encoding(field, &code) }
      code.block("if !self.unknownFields.isEmpty") {
        $0.line("unsafe self.unknownFields.copy(into: &c.pointee.base, &arena)")
      }
      code.line("return unsafe structure")
    }
  }

  private func encoding(_ field: FieldModel, _ code: inout CodeWriter) {
    let value = ValueCode(kind: field.kind)
    let place = "c.pointee.f\(field.number)"
    let name = "self.\(field.swiftName)"
    switch field.cardinality {
    case .implicit: code.line("unsafe \(place) = \(value.encoded(name))")
    case .message:
      code.block("if let value = \(name)") {
        $0.line("unsafe \(place) = \(value.encoded("value"))")
      }
    case .optional(let index):
      code.block("if let value = \(name)") { code in
        code.line("unsafe c.pointee.o\(index)_case = .init(rawValue: \(field.number))")
        code.line("unsafe \(place) = \(value.encoded("value"))")
      }
    case .repeated: encodingRepeated(field, value, &code)
    case .map(let entry, let entryFullName, let key):
      encodingMap(field, entry, Names.cSymbol(entryFullName), key, &code)
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

  private func encodingRepeated(
    _ field: FieldModel, _ value: ValueCode, _ code: inout CodeWriter
  ) {
    let name = "self.\(field.swiftName)"
    code.block("if !\(name).isEmpty") { code in
      code.line("unsafe c.pointee.n_f\(field.number) = \(name).count")
      if value.arrayFunction != nil {
        code.line("unsafe c.pointee.f\(field.number) = arena.copy(\(name))")
        return
      }
      list(of: value.elementType, name, &code)
      code.block("for (index, value) in \(name).enumerated()") {
        $0.line("unsafe list[index] = \(value.encoded("value"))")
      }
      code.line("unsafe c.pointee.f\(field.number) = list")
    }
  }

  private func encodingMap(
    _ field: FieldModel, _ entry: String, _ entrySymbol: String, _ key: FieldProto.Kind,
    _ code: inout CodeWriter
  ) {
    let name = "self.\(field.swiftName)"
    let order = key == .bool ? "!$0.key && $1.key" : "$0.key < $1.key"
    code.block("if !\(name).isEmpty") { code in
      code.line("unsafe c.pointee.n_f\(field.number) = \(name).count")
      list(of: "UnsafeMutablePointer<\(entry)>?", name, &code)
      code.line("let entries = \(name).sorted(by: { \(order) })")
      code.block("for (index, (key, value)) in entries.enumerated()") { code in
        code.line("let entry = unsafe arena.room(MemoryLayout<\(entry)>.size)")
        code.indented { $0.line(".bindMemory(to: \(entry).self, capacity: 1)") }
        code.line("unsafe \(entrySymbol)__init(entry)")
        code.line(
          "unsafe entry.pointee.f1 = \(ValueCode(kind: .scalar(key)).encoded("key"))")
        code.line("unsafe entry.pointee.f2 = \(ValueCode(kind: field.kind).encoded("value"))")
        code.line("unsafe list[index] = entry")
      }
      code.line("unsafe c.pointee.f\(field.number) = list")
    }
  }

  /// Room for as many elements of the C type `type` as `name` has.
  private func list(of type: String, _ name: String, _ code: inout CodeWriter) {
    code.line("let list = unsafe arena.room(\(name).count * MemoryLayout<\(type)>.stride)")
    code.indented { $0.line(".bindMemory(to: \(type).self, capacity: \(name).count)") }
  }
}
