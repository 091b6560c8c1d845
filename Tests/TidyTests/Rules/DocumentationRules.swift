/// Each target has a page that says what it is for, what it must not know and which types to read
/// first, and what links name is there.
enum DocumentationRules {
  /// A page names so many types to read first, where its target has as many.
  static let typesToRead = 3

  static func check(_ files: [SourceFile]) -> [Finding] {
    var targets: [String: Declarations] = [:]
    var folders: [String: String] = [:]
    var pages: [String: SourceFile] = [:]
    for file in files {
      if file.path.hasSuffix(".md") { pages[file.path] = file }
      guard file.isSwift, !file.path.hasSuffix("/Placeholder.swift"), let floor = file.floor,
        let target = file.target
      else { continue }
      folders["Sources/\(floor)/\(target)"] = target
      targets[target, default: Declarations()].read(file)
    }
    var findings: [Finding] = []
    for (folder, target) in folders.sorted(by: { $0.key < $1.key }) {
      let path = "\(folder)/\(target).docc/\(target).md"
      if let page = pages[path] {
        findings += check(page, of: target, targets[target] ?? Declarations())
      } else {
        findings.append(
          finding(
            path, 0,
            "The page is missing: what \(target) is for, what it must not know, what to read."))
      }
    }
    for file in files where file.isSource { findings += checkLinks(file, targets) }
    return findings
  }

  private static func finding(_ path: String, _ line: Int, _ message: String) -> Finding {
    Finding(rule: .documentation, path: path, line: line + 1, message: message)
  }

  // MARK: What a page says

  private static func check(
    _ page: SourceFile, of target: String, _ declarations: Declarations
  ) -> [Finding] {
    var findings: [Finding] = []
    if !page.lines.contains(where: { $0.contains("must not know") }) {
      findings.append(finding(page.path, 0, "Say what \(target) must not know."))
    }
    guard let (line, names) = typesToRead(page) else {
      findings.append(finding(page.path, 0, "Say `Read first:` and name types of \(target)."))
      return findings
    }
    let own = names.filter { name in
      name.split(separator: ".").last.map { declarations.hasType($0) } ?? false
    }
    // Fewer types are a small target, or one that is generated.
    let hasEnough = declarations.types.count >= typesToRead
    let isRight =
      hasEnough
      ? own.count == typesToRead && names.count == typesToRead
      : (1...typesToRead).contains(own.count)
    if !isRight {
      findings.append(
        finding(
          page.path, line,
          "\(own.count) of \(names.count) names are types of \(target). Name the \(typesToRead) to"
            + " read first; others go into a sentence of their own."))
    }
    return findings
  }

  /// Where the page says `Read first:`, and the names of that sentence.
  private static func typesToRead(_ page: SourceFile) -> (line: Int, names: [String])? {
    let mark = "Read first:"
    guard let line = page.lines.firstIndex(where: { $0.hasPrefix(mark) }) else { return nil }
    let paragraph = page.lines[line...].prefix { !$0.isEmpty }.joined(separator: " ")
    var sentence = Substring(paragraph)
    if let end = paragraph.firstRange(of: ". ") { sentence = paragraph[..<end.lowerBound] }
    let parts = sentence.replacing("``", with: "`").split(
      separator: "`", omittingEmptySubsequences: false)
    return (line, parts.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) })
  }

  // MARK: Links

  /// Links stand in two backticks, in pages and in comments. A link into another target begins with
  /// that target's name.
  private static func checkLinks(
    _ file: SourceFile, _ targets: [String: Declarations]
  ) -> [Finding] {
    let isPage = file.path.hasSuffix(".md")
    guard isPage || (file.isSwift && !file.isGenerated), let target = file.target else { return [] }
    var findings: [Finding] = []
    for (index, line) in file.lines.enumerated() where line.contains("``") {
      // Three open or close a block.
      let isText = isPage || line.drop(while: { $0 == " " }).hasPrefix("//")
      guard isText, !line.contains("```") else { continue }
      let parts = line.replacing("``", with: "\u{0}").split(
        separator: "\u{0}", omittingEmptySubsequences: false)
      for (number, link) in parts.enumerated()
      where number % 2 == 1 && !leads(link, from: target, targets) {
        findings.append(
          finding(
            file.path, index,
            "``\(link)`` is not in \(target). Mend the name, put a target's before it, or take"
              + " single backticks."))
      }
    }
    return findings
  }

  private static func leads(
    _ link: Substring, from target: String, _ targets: [String: Declarations]
  ) -> Bool {
    if link == target { return true }
    let path = link.split(separator: "/")[...]
    if targets[target]?.leads(path) == true { return true }
    guard path.count > 1, let first = path.first, let other = targets[String(first)]
    else { return false }
    return other.leads(path.dropFirst())
  }
}
