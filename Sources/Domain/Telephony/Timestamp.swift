/// A point of wall-clock time in whole microseconds since 1970-01-01T00:00:00Z, leap seconds not
/// counted.
///
/// For what is stored and shown. Deadlines inside one process use `ContinuousClock` instead.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Microseconds since the epoch; negative before it.
  package let microseconds: Int64

  package init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  package init(milliseconds: Int64) {
    self.microseconds = milliseconds * 1000
  }

  /// Whole milliseconds since the epoch, rounded towards the past.
  package var milliseconds: Int64 {
    microseconds >= 0 ? microseconds / 1000 : -((999 - microseconds) / 1000)
  }

  /// The time `duration` later; parts under a microsecond are cut, overflow stops at the range's
  /// end.
  package func advanced(by duration: Duration) -> Timestamp {
    let (seconds, attoseconds) = duration.components
    let (scaled, tooLong) = seconds.multipliedReportingOverflow(by: 1_000_000)
    let (sum, tooLate) = microseconds.addingReportingOverflow(scaled)
    if tooLong || tooLate {
      return Timestamp(microseconds: seconds < 0 ? .min : .max)
    }
    return Timestamp(microseconds: sum + attoseconds / 1_000_000_000_000)
  }

  /// How long after `earlier` this is; negative when it is before.
  package func duration(since earlier: Timestamp) -> Duration {
    .microseconds(microseconds - earlier.microseconds)
  }

  package var description: String { "\(microseconds)µs" }

  package static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.microseconds < right.microseconds
  }
}
