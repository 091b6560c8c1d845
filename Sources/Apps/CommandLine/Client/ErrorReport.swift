internal import GRPC
internal import WellKnown

/// What the CLI says about a failure: lines for people, one JSON object for programs.
package struct ErrorReport: Sendable {
  private let failure: CommandFailure
  private let server: HostPort

  /// `server` is named when it could not be reached.
  package init(_ failure: CommandFailure, server: HostPort) {
    self.failure = failure
    self.server = server
  }

  /// For people: the cause, what is wrong in detail, and what to do.
  package var text: String {
    var lines: [String]
    switch failure {
    case .usage(let error): lines = [error.description]
    case .secret(let error): lines = [error.description]
    case .refused(let count, let total): lines = ["\(count) of \(total) calls were refused."]
    case .unhealthy(let count):
      lines = [count == 1 ? "One error was found." : "\(count) errors were found."]
    case .notImported(let count, let total):
      lines = ["\(count) of \(total) numbers were not imported."]
    case .unprintable: lines = ["The answer can't be shown as JSON."]
    case .call(let error, let requestID):
      lines = [Self.headline(error)]
      lines += Self.detailLines(ErrorDetails(error), message: error.message).map { "  \($0)" }
      lines += remedies(error, requestID).map { "  \($0)" }
    }
    return "error: " + lines.map(Table.printable).joined(separator: "\n") + "\n"
  }

  /// For programs: `{"error":{…}}` on one line. `code`, `status`, `message` and `exitCode` are
  /// always there; the rest where it is known.
  package var json: String {
    let error =
      switch failure {
      case .call(let error, let requestID): Self.members(error, requestID)
      case .usage, .secret: Self.local("INVALID_ARGUMENT", .invalidArgument, summary)
      case .refused, .notImported: Self.local("PARTIAL", .ok, summary)
      case .unhealthy: Self.local("UNHEALTHY", .ok, summary)
      case .unprintable: Self.local("INTERNAL", .internal, summary)
      }
    let exit = JSON.Member("exitCode", .number(Int(failure.exitCode.rawValue)))
    return JSON.object([.init("error", .object(error + [exit]))]).text + "\n"
  }

  private var summary: String {
    String(text.dropFirst("error: ".count).dropLast())
  }

  private static func headline(_ error: RPCError) -> String {
    let message = error.message.isEmpty ? "The server gave no reason." : error.message
    guard let reason = ErrorDetails(error).info?.reason, !reason.isEmpty else {
      return "\(message) (\(error.code))"
    }
    return "\(message) (\(error.code), \(reason))"
  }

  /// What is wrong in detail, a line each; what the message says already is left out.
  static func detailLines(_ details: ErrorDetails, message: String) -> [String] {
    var facts: [(name: String, text: String)] = []
    facts += (details.badRequest?.fieldViolations ?? []).map { ($0.field, $0.description_) }
    facts += (details.precondition?.violations ?? []).map { ($0.subject, $0.description_) }
    facts += (details.quota?.violations ?? []).map { ($0.subject, $0.description_) }
    facts += (details.info?.metadata ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    facts += (details.help?.links ?? []).map { ($0.description_, $0.url) }
    return facts.filter { !message.contains($0.text) }.map { "\($0.name): \($0.text)" }
  }

  private func remedies(_ error: RPCError, _ requestID: String?) -> [String] {
    var lines: [String] = []
    let details = ErrorDetails(error)
    if error.code == .unavailable, details.info == nil {
      lines.append("Does trunklined listen on \(server)? --server names another address.")
    }
    if error.code == .deadlineExceeded {
      lines.append("--timeout allows more time.")
    }
    if error.code == .unimplemented {
      lines.append("The server at \(server) is older than this program, or does not serve this.")
    }
    if let delay = details.retryDelay {
      lines.append("The server asks to wait \(Self.seconds(delay)) before trying again.")
    }
    if let requestID, ExitCode(error.code) == .unavailable {
      lines.append("It may have been done: --request-id \(requestID) repeats it safely.")
    }
    return lines
  }

  private static func seconds(_ delay: Duration) -> String {
    let (seconds, attoseconds) = delay.components
    return "\(attoseconds > 0 ? seconds + 1 : seconds) s"
  }

  // MARK: JSON

  private static func local(
    _ status: String, _ code: StatusCode, _ message: String
  ) -> [JSON.Member] {
    [
      .init("code", .number(code.rawValue)), .init("status", .string(status)),
      .init("message", .string(message)),
    ]
  }

  private static func members(_ error: RPCError, _ requestID: String?) -> [JSON.Member] {
    let details = ErrorDetails(error)
    var members = local(error.code.description, error.code, error.message)
    if let info = details.info {
      members.append(.init("reason", .string(info.reason)))
      members.append(.init("domain", .string(info.domain)))
      let metadata = info.metadata.sorted { $0.key < $1.key }
      if !metadata.isEmpty {
        members.append(
          .init("metadata", .object(metadata.map { .init($0.key, .string($0.value)) })))
      }
    }
    if let violations = details.badRequest?.fieldViolations, !violations.isEmpty {
      let list = violations.map {
        violation("field", $0.field, $0.description_, "reason", $0.reason)
      }
      members.append(.init("fieldViolations", .array(list)))
    }
    if let violations = details.precondition?.violations, !violations.isEmpty {
      let list = violations.map {
        violation("subject", $0.subject, $0.description_, "type", $0.type)
      }
      members.append(.init("preconditionViolations", .array(list)))
    }
    if let violations = details.quota?.violations, !violations.isEmpty {
      let list = violations.map {
        violation("subject", $0.subject, $0.description_, "quota", $0.quotaMetric)
      }
      members.append(.init("quotaViolations", .array(list)))
    }
    if let delay = details.retryDelay {
      members.append(.init("retryDelay", .string(seconds(delay).filter { $0 != " " })))
    }
    if let requestID { members.append(.init("requestId", .string(requestID))) }
    return members
  }

  private static func violation(
    _ name: String, _ value: String, _ description: String, _ kind: String, _ reason: String
  ) -> JSON {
    var members: [JSON.Member] = [
      .init(name, .string(value)), .init("description", .string(description)),
    ]
    if !reason.isEmpty { members.append(.init(kind, .string(reason))) }
    return .object(members)
  }
}
