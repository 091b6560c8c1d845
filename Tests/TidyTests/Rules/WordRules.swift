/// Words that do not appear, each with what to write instead.
enum WordRules {
  /// Where a word is banned.
  enum Scope: Sendable {
    /// Sources only.
    case sources
    /// Sources but those of programs.
    case modules
    /// Sources and tests.
    case everywhere
  }

  struct Ban: Sendable {
    let word: String
    let scope: Scope
    let instead: String

    init(_ word: String, _ scope: Scope, _ instead: String) {
      self.word = word
      self.scope = scope
      self.instead = instead
    }
  }

  static let bans: [Ban] = [
    Ban("public", .everywhere, "`package` shares across targets; this is one package"),
    Ban("open class", .everywhere, "`final class`"),
    Ban("try!", .sources, "a typed throw, or a precondition that names the state"),
    Ban("as!", .sources, "a typed interface"),
    Ban("Task {", .everywhere, "a task group, or `withServer`-like scope"),
    Ban("Task(", .everywhere, "a task group, or `withServer`-like scope"),
    Ban("Task.detached", .everywhere, "a task group"),
    Ban("Task.init", .everywhere, "a task group"),
    Ban("Task.immediate", .sources, "a task group; calls are started by the one place for it"),
    Ban("Task.sleep", .everywhere, "a timer of the loop, or a Clock that the caller passes"),
    Ban("Thread.sleep", .everywhere, "a timer of the loop, or a Clock that the caller passes"),
    Ban("usleep(", .everywhere, "a timer of the loop, or a Clock that the caller passes"),
    Ban("nanosleep(", .everywhere, "a timer of the loop, or a Clock that the caller passes"),
    Ban("DispatchQueue", .everywhere, "an EventLoop of its own"),
    Ban("DispatchSemaphore", .everywhere, "a continuation"),
    Ban("NSLock", .everywhere, "Mutex<State>"),
    Ban("import Dispatch", .everywhere, "an EventLoop"),
    Ban("import XCTest", .everywhere, "Testing"),
    Ban("fatalError(", .sources, "a preconditionFailure that names the state"),
    Ban("ProcessInfo", .modules, "a Configuration; only the programs read the environment"),
    Ban("getenv(", .modules, "a Configuration; only the programs read the environment"),
  ]

  /// Marks of unfinished work, in any text; split so that this file does not hold them.
  static let marks = ["FIX" + "ME", "TO" + "DO", "XX" + "X:", "HA" + "CK"]

  /// Whether the word is banned in this file.
  private static func holds(_ ban: Ban, in file: SourceFile) -> Bool {
    switch ban.scope {
    case .everywhere: true
    case .sources: file.isSource
    case .modules: file.isSource && !SafetyRules.printingTargets.contains(file.target ?? "")
    }
  }

  static func check(_ file: SourceFile) -> [Finding] {
    var findings: [Finding] = []
    if !file.path.hasSuffix("LICENSE") {
      for (index, line) in file.lines.enumerated() {
        for mark in marks where SwiftText.contains(line, word: mark) {
          findings.append(
            Finding(
              rule: .words, path: file.path, line: index + 1,
              message: "\(mark): do it, or leave it out."))
        }
      }
    }
    guard file.isSwift, !file.isGenerated else { return findings }
    for (index, line) in file.code.enumerated() {
      for ban in bans where holds(ban, in: file) {
        guard SwiftText.contains(line, word: ban.word) else { continue }
        findings.append(
          Finding(
            rule: .words, path: file.path, line: index + 1,
            message: "`\(ban.word)` is not used here. Instead: \(ban.instead)."))
      }
    }
    return findings
  }
}
