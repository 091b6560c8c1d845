/// The way to JSON and back.
extension MessageRenderer {
  func jsonWriting(_ code: inout CodeWriter) {
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

  func jsonReading(_ code: inout CodeWriter) {
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
