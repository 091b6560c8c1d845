import FoundationEssentials

/// One text file of the project, as the rules see it.
struct SourceFile: Sendable {
  /// Where it lies, from the project's root.
  let path: String
  /// Its lines as they stand.
  let lines: [String]
  /// The same lines with comments and the contents of string literals blanked, for Swift files.
  let code: [String]

  init(path: String, text: String) {
    self.path = path
    let stripped = path.hasSuffix(".swift") ? SwiftText.code(of: text) : text
    lines = SwiftText.lines(of: text)
    code = SwiftText.lines(of: stripped)
  }

  var isSwift: Bool { path.hasSuffix(".swift") }

  /// Written by `make generate`; the generator's own tests judge it.
  var isGenerated: Bool { path.hasSuffix(".pb.swift") || path.hasSuffix(".grpc.swift") }

  /// Below `Sources/`, not a test.
  var isSource: Bool { path.hasPrefix("Sources/") }

  /// The floor of a source file: `Runtime` in `Sources/Runtime/Buffers/X.swift`.
  var floor: String? { component(1) }

  /// The target of a source file: `Buffers` in `Sources/Runtime/Buffers/X.swift`.
  var target: String? { component(2) }

  private func component(_ index: Int) -> String? {
    let parts = path.split(separator: "/")
    guard isSource, parts.count > index + 1 else { return nil }
    return String(parts[index])
  }
}

/// A place where a rule is broken.
struct Finding: Sendable, Hashable, CustomStringConvertible {
  let rule: Rule
  let path: String
  /// Counted from 1.
  let line: Int
  /// What is wrong and what to write instead.
  let message: String

  var description: String { "\(path):\(line): [\(rule)] \(message)" }
}

/// The names of the rules, as the list of exceptions uses them.
enum Rule: String, Sendable, CaseIterable, CustomStringConvertible {
  case imports, importAccess, columns, fileLength, functionLength, words, unsafe, unchecked
  case printing, documentation, leaks, lockedClosure

  var description: String { rawValue }
}

/// Reads the project's files.
enum Project {
  /// Folders that are made and not kept.
  private static let skipped: Set<String> = [
    ".build", ".git", ".venv", ".run", ".swiftpm", "__pycache__", ".pytest_cache",
  ]
  /// Endings of the files that the rules read.
  private static let endings: [String] = [
    ".swift", ".c", ".cc", ".h", ".md", ".py", ".sh", ".proto", ".yaml", ".yml", ".json", ".txt",
    ".modulemap", "Makefile", "Containerfile", "LICENSE", "NOTICE", ".ci/run", ".gitignore",
  ]

  /// The project's root: two folders above this target's.
  static var root: String {
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
      .joined(separator: "/")
  }

  /// Every text file of the project.
  static func files() throws -> [SourceFile] {
    var files: [SourceFile] = []
    try collect("", into: &files)
    return files.sorted { $0.path < $1.path }
  }

  private static func collect(_ folder: String, into files: inout [SourceFile]) throws {
    let manager = FileManager.default
    for name in try manager.contentsOfDirectory(atPath: "\(root)/\(folder)") {
      let path = folder.isEmpty ? name : "\(folder)/\(name)"
      var isFolder = false
      guard manager.fileExists(atPath: "\(root)/\(path)", isDirectory: &isFolder) else { continue }
      if isFolder {
        if !skipped.contains(name) { try collect(path, into: &files) }
      } else if endings.contains(where: path.hasSuffix),
        let text = try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)
      {
        files.append(SourceFile(path: path, text: text))
      }
    }
  }
}
