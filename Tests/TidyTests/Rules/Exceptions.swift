/// What is allowed to break a rule, each with its reason. One that is no longer needed is an error.
enum Exceptions {
  struct Exception: Sendable {
    let rule: Rule
    let path: String
    let reason: String
  }

  static let all: [Exception] = [
    Exception(
      rule: .unsafe, path: "Sources/Testing/Fuzz/Entry.swift",
      reason: "libFuzzer's interface is C: it lends each input as a pointer."),
    Exception(
      rule: .unsafe, path: "Sources/Testing/Fuzz/RawSocket.swift",
      reason: "A blocking socket of its own: the fuzzed code is not on both ends."),
    Exception(
      rule: .words, path: "Sources/Testing/Fuzz/Blocking.swift",
      reason: "libFuzzer's callback is synchronous; what is not begins there."),
    Exception(
      rule: .words, path: "Sources/Runtime/GRPC/Call/CallTask.swift",
      reason: "The one place that starts a call's task, on its loop (design, section 4)."),
    Exception(
      rule: .words, path: "Sources/Runtime/HTTPServer/ServerCore.swift",
      reason: "The one place that starts a web request's handler, on its loop."),
    Exception(
      rule: .words, path: "Sources/Domain/Registry/Provisioning/BackgroundTasks.swift",
      reason: "The one owner of work that outlives its caller: bounded, waited for at the end."),
    Exception(
      rule: .words, path: "Sources/Runtime/GRPCInProcess/InProcessChannel.swift",
      reason: "A call in memory has no loop whose timer could end it; the sleep is its deadline."),
    Exception(
      rule: .words, path: "Sources/Runtime/Crypto/SecretVariable.swift",
      reason: "A key's variable is read for the program by who wipes it where it stands."),
    Exception(
      rule: .unsafe, path: "Sources/Testing/TestKit/TestAuthority.swift",
      reason: "Makes certificates at run time with OpenSSL, so that no key is committed."),
    Exception(
      rule: .functionLength, path: "Sources/Apps/Services/Errors/RegistryError+Status.swift",
      reason: "The one table of the registry's errors: flat, exhaustive, read as a whole."),
  ]

  /// `findings` without what is allowed.
  static func apply(_ all: [Exception], to findings: [Finding]) -> [Finding] {
    findings.filter { finding in
      !all.contains { $0.rule == finding.rule && $0.path == finding.path }
    }
  }

  /// The exceptions that allow nothing.
  static func stale(_ all: [Exception], for findings: [Finding]) -> [Exception] {
    all.filter { exception in
      !findings.contains { $0.rule == exception.rule && $0.path == exception.path }
    }
  }
}
