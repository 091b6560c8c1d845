import Testing

/// Our own sources against our own rules.
@Suite struct TidyTests {
  /// Every rule over every file.
  static func findings(in files: [SourceFile]) -> [Finding] {
    files.flatMap { file in
      ImportRules.check(file) + ShapeRules.check(file) + WordRules.check(file)
        + SafetyRules.check(file) + LeakRules.check(file)
    } + DocumentationRules.check(files)
  }

  @Test func everyFileKeepsEveryRule() throws {
    let files = try Project.files()
    try #require(files.contains { $0.path == "Package.swift" }, "The project's root was not found.")
    let findings = Self.findings(in: files)
    for finding in Exceptions.apply(Exceptions.all, to: findings) {
      Issue.record("\(finding)")
    }
    for exception in Exceptions.stale(Exceptions.all, for: findings) {
      Issue.record(
        "The exception for \(exception.path) (\(exception.rule)) allows nothing any more.")
    }
  }

  @Test func everyExceptionSaysWhy() {
    for exception in Exceptions.all {
      #expect(exception.reason.count > 20, "\(exception.path)")
    }
  }
}
