import Testing

@Suite struct DocumentationRulesTests {
  private static let folder = "Sources/Domain/Registry"
  private static let source = SourceFile(
    path: "\(folder)/X.swift",
    text: """
      /// As ``Outer/Inner``, ``Outer/write(to:_:)`` and ``Domain/Other``.
      package struct Outer {
        enum Inner { case one, two(Int, name: String) }
        let size = [1: "let none = 1"]
        func write(to place: [Int: (Int, Int)], _ bytes: () -> Void = {}) { let local = 1 }
        init?<Each>(of each: Each) {}
      }
      protocol Asked { func ask() -> Int }
      private enum Hidden {}
      extension Outer { static func `default`() {} }
      """)
  private static let other = SourceFile(
    path: "Sources/Domain/Domain/Y.swift", text: "package enum Other { case one }\n")

  private func findings(_ page: String?, _ sources: [SourceFile] = [source]) -> [Finding] {
    var files = sources + [Self.other]
    files.append(
      SourceFile(
        path: "Sources/Domain/Domain/Domain.docc/Domain.md",
        text: "It must not know.\n\nRead first: `Other`."))
    if let page {
      files.append(SourceFile(path: "\(Self.folder)/Registry.docc/Registry.md", text: page))
    }
    return DocumentationRules.check(files)
  }

  @Test func aTargetWithoutItsPageIsFound() {
    #expect(findings(nil).map(\.path) == ["\(Self.folder)/Registry.docc/Registry.md"])
  }

  @Test func aPageSaysWhatItsTargetMustNotKnowAndWhatToRead() {
    #expect(findings("# ``Registry``").count == 2)
    #expect(findings("It must not know.").count == 1)
    #expect(findings("It must not know.\n\nRead first: ``Outer``, `Asked`.").isEmpty)
    #expect(findings("It must not know.\n\nRead first: ``Outer``. For more: `Gone`.").isEmpty)
    #expect(findings("It must not know.\n\nRead first: `Gone`.").count == 1)
  }

  @Test func whereThereAreThreeTypesThePageNamesThree() {
    let third = SourceFile(path: "\(Self.folder)/Z.swift", text: "final class Third {}\n")
    func findings(_ names: String) -> [Finding] {
      self.findings("It must not know.\n\nRead first: \(names).", [Self.source, third])
    }
    #expect(findings("``Outer``, ``Asked``, and\n`Third`").isEmpty)
    #expect(findings("``Outer``, ``Asked``").count == 1)
    #expect(findings("``Outer``, ``Asked``, `Hidden`, `Third`").count == 1)
    #expect(findings("``Outer``, ``Asked``, `Third`, `Gone`").count == 1)
  }

  @Test(arguments: [
    "Outer", "Inner", "Outer/Inner", "Outer/Inner/one", "Outer/Inner/two(_:name:)", "Outer/size",
    "Outer/write(to:_:)", "Outer/write", "write(to:_:)", "Outer/init(of:)", "Asked/ask()",
    "Outer/default()", "Domain/Other", "Domain/Other/one", "Registry",
  ])
  func aLinkToWhatIsThereIsNone(_ link: String) {
    #expect(findings("It must not know ``\(link)``.\n\nRead first: `Outer`.").isEmpty)
  }

  @Test(arguments: [
    "Gone", "Outer/gone", "Outer/write(_:_:)", "Asked/size", "Outer/local", "Outer/one", "Other",
    "Domain/Outer", "Outer/none",
  ])
  func aLinkToWhatIsNotThereIsFound(_ link: String) {
    let inPage = findings("It must not know ``\(link)``.\n\nRead first: `Outer`.")
    #expect(inPage.map(\.line) == [1])
    let file = SourceFile(
      path: "\(Self.folder)/Z.swift", text: "let text = \"``\(link)``\"\n/// As ``\(link)``.\n")
    let inComment = findings("It must not know.\n\nRead first: `Outer`.", [Self.source, file])
    #expect(inComment.map(\.path) == [file.path] && inComment.map(\.line) == [2])
  }
}
