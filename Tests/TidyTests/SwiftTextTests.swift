import Testing

@Suite struct SwiftTextTests {
  @Test func commentsAndLiteralsAreBlank() {
    #expect(SwiftText.code(of: "a // b") == "a     ")
    #expect(SwiftText.code(of: "a /* b /* c */ d */ e") == "a                   e")
    #expect(SwiftText.code(of: #"a("b // c") d"#) == #"a("      ") d"#)
    #expect(SwiftText.code(of: #"a("\"b") c"#) == #"a("   ") c"#)
    #expect(SwiftText.code(of: ##"a(#"b"c"#) d"##) == ##"a(#"   "#) d"##)
    #expect(
      SwiftText.code(of: "\"\"\"\n  try! \"x\"\n\"\"\"\nb") == "\"\"\"\n          \n\"\"\"\nb")
  }

  @Test func codeInAnInterpolationIsCode() {
    #expect(SwiftText.code(of: #"a("b\(c(d) + "e")f") g"#) == #"a(" \(c(d) + " ") ") g"#)
  }

  @Test func wordsAreWhole() {
    #expect(SwiftText.contains("unsafe f()", word: "unsafe"))
    #expect(!SwiftText.contains("unsafeFlags f()", word: "unsafe"))
    #expect(!SwiftText.contains("x.isUnsafe", word: "unsafe"))
    #expect(SwiftText.contains("let a = try! b", word: "try!"))
    #expect(!SwiftText.contains("MyTask {", word: "Task {"))
    #expect(!SwiftText.contains("a", word: "abc"))
  }
}
