/// How many log lines may be written, or spans made: a token bucket, so that a peer that brings
/// about errors does not fill a disk. Time is handed in.
package struct LineBudget: Sendable {
  /// Lines that may come at once.
  private let burst: Double
  /// Lines per second that come back.
  private let rate: Double
  private var tokens: Double
  /// Nanoseconds.
  private var lastTime: UInt64 = 0
  /// Lines that were left out since the last one that was written.
  private var suppressedCount: Int64 = 0

  /// A bucket that is full.
  package init(burst: Int, perSecond rate: Int) {
    self.burst = Double(burst)
    self.rate = Double(rate)
    tokens = Double(burst)
  }

  /// Whether a line may be written at `now`, in nanoseconds of any clock that never goes back:
  /// `nil` when it may not, else how many were left out before it.
  package mutating func take(now: UInt64) -> Int64? {
    if now > lastTime {
      tokens = min(burst, tokens + Double(now - lastTime) / 1e9 * rate)
      lastTime = now
    }
    guard tokens >= 1 else {
      suppressedCount += 1
      return nil
    }
    tokens -= 1
    defer { suppressedCount = 0 }
    return suppressedCount
  }
}
