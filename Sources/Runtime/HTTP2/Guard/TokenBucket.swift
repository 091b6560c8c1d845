/// A token bucket that reads no clock while it has tokens: whoever takes the last one hands in the
/// time, and what has come back since is put in at once. A pure core.
struct TokenBucket {
  /// How much time is looked back on at most, so that the arithmetic can't overflow.
  private static let lookBackMax = Duration.seconds(3600)

  let burst: Int
  let perSecond: Int
  private var tokens: Int
  private var filledAt: Duration
  /// What ``take(at:earned:)`` was told last.
  private var earnedBefore: UInt64 = 0

  /// Full at `start`.
  init(burst: Int, perSecond: Int, start: Duration) {
    self.burst = burst
    self.perSecond = perSecond
    tokens = burst
    filledAt = start
  }

  /// Takes a token if there is one, without a clock.
  @inline(__always)
  mutating func takeAtHand() -> Bool {
    guard tokens > 0 else { return false }
    tokens -= 1
    return true
  }

  /// Puts a token back that was taken for nothing.
  mutating func putBack() { tokens = min(tokens + 1, burst) }

  /// Fills the bucket up and takes a token; `false` when there is none. `earned` counts tokens that
  /// were deserved otherwise than by waiting, since the start.
  mutating func take(at now: Duration, earned: UInt64) -> Bool {
    let elapsed = min(now - filledAt, Self.lookBackMax)
    if elapsed > .zero {
      let (seconds, attoseconds) = elapsed.components
      let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
      let whole = nanoseconds * perSecond / 1_000_000_000
      tokens = min(tokens + whole, burst)
      // What is left of a token's time counts the next time.
      if tokens == burst || perSecond == 0 {
        filledAt = now
      } else {
        filledAt = filledAt + .nanoseconds(whole * 1_000_000_000 / perSecond)
      }
    }
    let fresh = earned - min(earned, earnedBefore)
    earnedBefore = max(earned, earnedBefore)
    tokens = min(tokens + Int(min(fresh, UInt64(burst))), burst)
    return takeAtHand()
  }
}
