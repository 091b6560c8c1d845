/// How much a log line matters.
package enum LogLevel: String, Sendable, Hashable, CaseIterable, Comparable {
  /// For who looks for a defect.
  case debug
  /// What an operator wants to have seen: starts, stops, changes of state.
  case info
  /// Something went wrong and was dealt with.
  case warning
  /// Something went wrong and somebody has to act.
  case error

  private var rank: Int {
    switch self {
    case .debug: 0
    case .info: 1
    case .warning: 2
    case .error: 3
    }
  }

  package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}
