import Testing

@Suite struct ShapeRulesTests {
  private func file(_ text: String, _ path: String = "Sources/Domain/Registry/X.swift")
    -> SourceFile
  {
    SourceFile(path: path, text: text)
  }

  @Test func aLineOf101ColumnsIsFound() {
    let good = String(repeating: "a", count: 100)
    #expect(ShapeRules.check(file(good)).isEmpty)
    #expect(ShapeRules.check(file("\n" + good + "a")).map(\.line) == [2])
  }

  @Test func aFileOf400LinesIsFound() {
    let lines = String(repeating: "let a = 1\n", count: 399)
    #expect(ShapeRules.check(file(lines)).isEmpty)
    #expect(ShapeRules.check(file(lines + "let b = 1\n")).map(\.rule) == [.fileLength])
    #expect(
      ShapeRules.check(file(lines + "let b = 1\n", "Sources/Contract/API/X.pb.swift")).isEmpty)
  }

  @Test(arguments: ["func f() {", "init(a: Int) throws(E)\n{", "subscript(i: Int) -> Int {"])
  func aFunctionOf70LinesIsFound(_ head: String) {
    let headLines = head.split(separator: "\n").count
    func function(lines: Int) -> String {
      head + "\n" + String(repeating: "  if a { b() }\n", count: lines - headLines - 1) + "}\n"
    }
    #expect(ShapeRules.check(file("\n" + function(lines: 69))).isEmpty)
    #expect(ShapeRules.check(file("\n" + function(lines: 70))).map(\.line) == [2])
  }

  @Test func functionsAreMeasuredFromTheirDeclaration() {
    let code = """
      struct S {
        func long(
          a: Int
        ) {
          let x = T.init { y }
          if a { b }
        }
        func short() {}
      }
      protocol P {
        func required()
      }
      """
    #expect(
      ShapeRules.functions(in: SwiftText.lines(of: code)) == [
        .init(line: 2, lineCount: 6), .init(line: 8, lineCount: 1),
      ])
  }
}
