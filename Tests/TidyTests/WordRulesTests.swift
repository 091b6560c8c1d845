import Testing

/// Every other rule, fed with what it must find.
@Suite struct WordRulesTests {
  private static let source = "Sources/Domain/Registry/X.swift"

  private func words(_ text: String, _ path: String = source) -> Int {
    WordRules.check(SourceFile(path: path, text: text)).count
  }

  @Test(arguments: WordRules.bans.map(\.word))
  func everyBannedWordIsFoundInSources(_ word: String) {
    #expect(words("\(word) x") >= 1)
    #expect(words("// \(word) x") == 0)
    #expect(words("let a = \"\(word)\"") == 0)
    #expect(words("\(word) x", "Sources/Contract/API/X.pb.swift") == 0)
  }

  @Test func testsMayForceATry() {
    #expect(words("try! x()", "Tests/RegistryTests/XTests.swift") == 0)
    #expect(words("Task { }", "Tests/RegistryTests/XTests.swift") == 1)
  }

  @Test(arguments: WordRules.marks)
  func marksOfUnfinishedWorkAreFoundInAnyText(_ mark: String) {
    #expect(words("# \(mark) later", "scripts/x.sh") == 1)
    #expect(words("// \(mark) later") == 1)
    #expect(words("// \(mark)S are many") == 0 || mark.hasSuffix(":"))
  }

  private func safety(_ text: String, _ path: String = source) -> [Rule] {
    SafetyRules.check(SourceFile(path: path, text: text)).map(\.rule)
  }

  @Test func unsafeStaysAtTheBorder() {
    #expect(safety("unsafe free(p)") == [.unsafe])
    #expect(safety("unsafe free(p)", "Sources/Runtime/Crypto/X.swift").isEmpty)
  }

  @Test func sharedStateSaysWhatGuardsIt() {
    #expect(safety("final class A: @unchecked Sendable {}") == [.unchecked])
    #expect(safety("// On the loop.\nfinal class A: @unchecked Sendable {}").isEmpty)
    #expect(safety("// On the loop.\n@safe\nfinal class A: @unchecked Sendable {}").isEmpty)
    #expect(safety("// On the loop.\n\nnonisolated(unsafe) var a = 1").contains(.unchecked))
  }

  /// Swift 6.3.1 wraps a closure that stands in a `Mutex` twice more each time the lock is taken:
  /// after some thousand calls of it the stack was full.
  @Test func noClosureStandsInALock() {
    #expect(safety("let a = Mutex<(@Sendable () -> Void)?>(nil)") == [.lockedClosure])
    #expect(safety("let a = Mutex<Sink?>(nil)").isEmpty)
  }

  @Test func onlyProgramsPrint() {
    #expect(safety("print(1)") == [.printing])
    #expect(safety("print(1)", "Sources/Apps/trunkline/Main.swift").isEmpty)
  }

  @Test(arguments: LeakRules.leaks)
  func machinesAndRegistriesAreFound(_ leak: String) {
    let file = SourceFile(path: "docs/x.md", text: "see https://\(leak)x")
    #expect(LeakRules.check(file).map(\.rule).contains(.leaks))
  }

  @Test func exceptionsAllowOneRuleInOneFileAndGoStale() {
    let finding = Finding(rule: .unsafe, path: "a", line: 1, message: "")
    let exception = Exceptions.Exception(rule: .unsafe, path: "a", reason: "")
    #expect(Exceptions.apply([exception], to: [finding]).isEmpty)
    #expect(Exceptions.stale([exception], for: [finding]).isEmpty)
    #expect(Exceptions.apply([exception], to: []).isEmpty)
    #expect(Exceptions.stale([exception], for: []).count == 1)
  }
}
