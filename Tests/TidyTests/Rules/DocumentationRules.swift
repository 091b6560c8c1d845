/// Each target has a page that says what it is for.
enum DocumentationRules {
  static func check(_ files: [SourceFile]) -> [Finding] {
    let paths = Set(files.map(\.path))
    var folders: Set<String> = []
    for file in files where file.isSwift && !file.path.hasSuffix("/Placeholder.swift") {
      if let floor = file.floor, let target = file.target {
        folders.insert("Sources/\(floor)/\(target)")
      }
    }
    return folders.sorted().compactMap { folder in
      guard let target = folder.split(separator: "/").last else { return nil }
      let page = "\(folder)/\(target).docc/\(target).md"
      guard !paths.contains(page) else { return nil }
      return Finding(
        rule: .documentation, path: page, line: 1,
        message: "The page is missing: what \(target) is for, what it must not know, what to read.")
    }
  }
}
