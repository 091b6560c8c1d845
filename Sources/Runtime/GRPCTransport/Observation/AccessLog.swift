internal import EventLoops
internal import GRPC
internal import Telemetry

/// One loop's access log: a line per call that is worth one, never with metadata or contents.
/// Used on that loop only.
final class AccessLog {
  /// What a line is made from, gathered only for a call that gets one.
  struct Call {
    let method: String
    let code: StatusCode
    let error: RPCError?
    let cause: CancellationCause?
    let peer: String
    let userAgent: String?
    let traceID: String?
    let record: CallRecord
    /// Nanoseconds.
    let duration: UInt64
  }

  /// Lines of errors that may come at once, per loop; for the selection `all`
  /// there is no such bound.
  static let lineBurstMax = 500
  /// Lines of errors per second and loop, after a burst.
  static let lineRateMax = 100
  /// Bytes of an error's text in a line.
  static let errorLengthMax = 256
  /// Bytes of a user agent in a line.
  static let userAgentLengthMax = 128

  private let logger: Logger
  private let selection: AccessLogConfiguration.Selection
  /// Nanoseconds.
  private let slowCallMin: UInt64
  private var budget = LineBudget(burst: lineBurstMax, perSecond: lineRateMax)

  init(_ configuration: AccessLogConfiguration) {
    logger = configuration.logger
    selection = configuration.selection
    slowCallMin = configuration.slowCallMin.map { $0.wholeNanoseconds } ?? .max
  }

  /// Whether a call gets a line: a pure decision, a few comparisons.
  func wants(_ code: StatusCode, _ kind: MethodKind?, duration: UInt64) -> Bool {
    switch selection {
    case .off: false
    case .all: true
    case .errors: code.isLoggedError || (duration > slowCallMin && kind == .unary)
    }
  }

  /// Writes the line of `call`, which ended at `now`.
  func write(_ call: borrowing Call, now: UInt64) {
    var suppressedCount: Int64 = 0
    if selection != .all {
      guard let count = budget.take(now: now) else { return }
      suppressedCount = count
    }
    logger.log(
      call.code.logLevel, "call", list: Self.fields(call, suppressedCount: suppressedCount))
  }

  static func fields(_ call: borrowing Call, suppressedCount: Int64) -> [(String, LogValue)] {
    let record = call.record
    var fields: [(String, LogValue)] = [
      ("method", .text(call.method)), ("status", .text(call.code.description)),
      ("peer", .text(call.peer)), ("duration", .nanoseconds(call.duration)),
    ]
    if record.answeredAt > record.startedAt {
      fields.append(("first_response", .nanoseconds(record.answeredAt - record.startedAt)))
    }
    fields += [
      ("received_messages", .count(record.received.count)),
      ("received_bytes", .count(record.received.byteCount)),
      ("sent_messages", .count(record.sent.count)),
      ("sent_bytes", .count(record.sent.byteCount)),
    ]
    if let trace = call.traceID { fields.append(("trace_id", .text(trace))) }
    if let cause = call.cause { fields.append(("cause", .text(cause.logName))) }
    if let error = call.error, !error.message.isEmpty {
      let text = NumberMask.maskedDigits(error.message.cut(to: errorLengthMax))
      fields.append(("error", .text(text)))
    }
    if let agent = call.userAgent {
      fields.append(
        ("user_agent", .text(NumberMask.maskedDigits(agent.cut(to: userAgentLengthMax)))))
    }
    if suppressedCount > 0 { fields.append(("suppressed", .integer(suppressedCount))) }
    return fields
  }
}

extension LogValue {
  static func nanoseconds(_ count: UInt64) -> LogValue {
    .duration(.nanoseconds(Int64(clamping: count)))
  }

  static func count(_ count: UInt64) -> LogValue { .integer(Int64(clamping: count)) }
}

extension StatusCode {
  /// Whether a call with this status is in the log of errors: faults of the server, and limits,
  /// which are asked about most.
  var isLoggedError: Bool { isServerError || self == .resourceExhausted }

  var logLevel: LogLevel {
    switch self {
    case .unknown, .internal, .dataLoss: .error
    default: isLoggedError ? .warning : .info
    }
  }
}

extension CancellationCause {
  /// Whether the stream ended because the client reset it or is gone.
  var isClientsEnd: Bool {
    switch self {
    case .clientReset, .disconnect: true
    case .deadline, .stalled, .tooSlow, .connectionAge, .overBudget, .shutdown: false
    }
  }

  var logName: String {
    switch self {
    case .clientReset: "client_reset"
    case .deadline: "deadline"
    case .disconnect: "disconnect"
    case .stalled: "stalled"
    case .tooSlow: "too_slow"
    case .connectionAge: "connection_age"
    case .overBudget: "over_budget"
    case .shutdown: "shutdown"
    }
  }
}

extension String {
  /// The first bytes, without a torn character at the end.
  fileprivate func cut(to byteCountMax: Int) -> String {
    guard utf8.count > byteCountMax else { return self }
    var end = utf8.index(utf8.startIndex, offsetBy: byteCountMax)
    while end > utf8.startIndex, String.Index(end, within: unicodeScalars) == nil {
      end = utf8.index(before: end)
    }
    return String(self[..<end])
  }
}
