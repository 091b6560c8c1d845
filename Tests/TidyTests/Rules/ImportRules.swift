/// The arrows between modules, and the access level that each import names.
enum ImportRules {
  private static let levels: Set<String> = [
    "public", "package", "internal", "fileprivate", "private",
  ]
  private static let kinds: Set<String> = [
    "struct", "class", "enum", "protocol", "func", "var", "let", "typealias",
  ]

  /// One import: its module, and whether it names an access level.
  struct Import: Equatable {
    let module: String
    let level: String?
  }

  /// What `line` imports, if it is an import.
  static func parse(_ line: String) -> Import? {
    var words = line.split(separator: " ").map(String.init)[...]
    while let first = words.first, first.hasPrefix("@") { words = words.dropFirst() }
    var level: String?
    if let first = words.first, levels.contains(first) {
      level = first
      words = words.dropFirst()
    }
    guard words.first == "import" else { return nil }
    words = words.dropFirst()
    if let first = words.first, kinds.contains(first) { words = words.dropFirst() }
    guard let path = words.first, let module = path.split(separator: ".").first else { return nil }
    return Import(module: String(module), level: level)
  }

  static func check(_ file: SourceFile) -> [Finding] {
    guard file.isSwift, let target = file.target else { return [] }
    var findings: [Finding] = []
    func report(_ rule: Rule, _ line: Int, _ message: String) {
      findings.append(Finding(rule: rule, path: file.path, line: line + 1, message: message))
    }
    guard let row = ImportTable.rows[target] else {
      report(.imports, 0, "\(target) has no row in TidyTests' import table.")
      return findings
    }
    if file.floor != row.floor {
      report(.imports, 0, "\(target) belongs on the floor \(row.floor).")
    }
    for (index, line) in file.code.enumerated() {
      guard let imported = parse(line) else { continue }
      if !row.ours.contains(imported.module) && !row.system.contains(imported.module) {
        report(.imports, index, "\(target) must not import \(imported.module).")
      }
      if imported.level == nil {
        report(
          .importAccess, index,
          "Say `internal import \(imported.module)`, or `package import` when package declarations"
            + " show its types.")
      }
    }
    return findings
  }
}
