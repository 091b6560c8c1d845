/// Writes the Swift of one enum.
struct EnumRenderer {
  let value: EnumModel

  private var cases: [EnumModel.Case] { value.cases.filter { $0.aliasOf == nil } }

  func type(_ code: inout CodeWriter) {
    code.comment(value.comment)
    code.block("package enum \(value.swiftName): ProtoEnum") { code in
      for entry in cases {
        code.comment(entry.comment)
        code.line("case \(entry.swiftName)")
      }
      code.comment(" A number that this version of the contract does not know.")
      code.line("case unrecognized(Int32)")
      for entry in value.cases {
        guard let original = entry.aliasOf else { continue }
        code.line()
        code.comment(entry.comment)
        code.line("package static var \(entry.swiftName): Self { .\(original) }")
      }
      code.line()
      code.block("package init(rawValue: Int32)") { code in
        code.cases("switch rawValue") { code in
          for entry in cases { code.line("case \(entry.number): self = .\(entry.swiftName)") }
          code.line("default: self = .unrecognized(rawValue)")
        }
      }
      code.line()
      code.block("package var rawValue: Int32") { code in
        code.cases("switch self") { code in
          for entry in cases { code.line("case .\(entry.swiftName): \(entry.number)") }
          code.line("case .unrecognized(let number): number")
        }
      }
      code.line()
      code.line("package static let protoNames: [(number: Int32, name: String)] = [")
      code.indented { code in
        for entry in value.cases { code.line("(\(entry.number), \"\(entry.protoName)\"),") }
      }
      code.line("]")
    }
  }
}
