package import Telemetry

/// What a server tells of itself: which calls it logs, which become spans, and where it tells of
/// connections.
///
/// Its metrics are always counted; see ``GRPCServer/metrics()``.
package struct ServerObservation: Sendable {
  /// Where and which lines go to the access log; `nil` writes none.
  package var accessLog: AccessLogConfiguration?
  /// Which calls become spans; `nil` makes none. A trace that comes is handed on all the same.
  package var tracing: TracingConfiguration?
  /// Where connections that were refused or had to be ended are told of, a few per second.
  package var logger: Logger

  package init(
    accessLog: AccessLogConfiguration? = nil, tracing: TracingConfiguration? = nil,
    logger: Logger = .silent
  ) {
    self.accessLog = accessLog
    self.tracing = tracing
    self.logger = logger
  }

  /// Metrics, no log, no spans.
  package static let defaults = ServerObservation()
}

/// Which calls have a line in the log.
package struct AccessLogConfiguration: Sendable {
  package enum Selection: String, Sendable, CaseIterable {
    case off
    /// Calls that ended with UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED,
    /// INTERNAL, UNAVAILABLE or DATA_LOSS, and slow ones.
    case errors
    case all
  }

  /// A call's line has the level `error` for UNKNOWN, INTERNAL and DATA_LOSS, `warning` for the
  /// other statuses of ``Selection/errors``, and else `info`.
  package var logger: Logger
  package var selection: Selection
  /// A call that took longer is slow; `nil` finds none slow. A call that streams is as long as its
  /// client wants, so only unary ones count.
  package var slowCallMin: Duration?

  package init(
    logger: Logger, selection: Selection = .errors, slowCallMin: Duration? = slowCallMinDefault
  ) {
    self.logger = logger
    self.selection = selection
    self.slowCallMin = slowCallMin
  }

  /// When a unary call counts as slow: 1 s.
  package static let slowCallMinDefault = Duration.seconds(1)
}
