/// How long to wait before something is tried again: twice as long after each failure, up to a
/// bound. Pure.
package struct BackOff: Sendable, Hashable {
  package let first: Duration
  package let longest: Duration

  package init(first: Duration, longest: Duration) {
    self.first = first
    self.longest = longest
  }

  /// The wait after failure number `failures`, counted from 1; at least what was `asked` for, and
  /// never more than ``longest``.
  package func delay(afterFailures failures: Int, asked: Duration? = nil) -> Duration {
    var delay = first
    for _ in 1..<max(failures, 1) {
      guard delay < longest else { break }
      delay *= 2
    }
    return min(max(delay, asked ?? .zero), longest)
  }

  /// The wait after failure number `failures`, counted from 1, with full jitter, of somebody who
  /// waits for the answer. `random` lies in 0...1.
  ///
  /// What was `asked` for comes on top; nil when that is more than ``longest``: so long a wait is
  /// left to the caller.
  package func jitteredDelay(
    afterFailures failures: Int, asked: Duration?, random: Double
  ) -> Duration? {
    let delay = (asked ?? .zero) + delay(afterFailures: failures) * random
    return delay <= longest ? delay : nil
  }
}
