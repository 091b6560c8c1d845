/// A token bucket for each key: how often something may happen, with room for a burst.
///
/// Bounded: when there is no room for another key, those whose bucket is full again are forgotten,
/// and if there are none, all are. A pure value; whoever shares it guards it.
package struct TokenBuckets<Key: Hashable & Sendable>: Sendable {
  private struct Bucket {
    var level: Double
    var time: ContinuousClock.Instant
  }

  /// How many a second come back.
  private let rate: Double
  private let burst: Double
  private let keyCountMax: Int
  private var buckets: [Key: Bucket] = [:]

  /// - Precondition: all are greater than zero, the burst at least 1.
  package init(ratePerSecond rate: Double, burst: Int, keyCountMax: Int) {
    precondition(rate > 0 && burst >= 1 && keyCountMax > 0, "A bucket lets nothing through.")
    self.rate = rate
    self.burst = Double(burst)
    self.keyCountMax = keyCountMax
  }

  package var keyCount: Int { buckets.count }

  /// Takes one; if there is none, gives how long until there is.
  package mutating func take(_ key: Key, at now: ContinuousClock.Instant) -> Duration? {
    var bucket = present(key, at: now)
    guard bucket.level >= 1 else { return .seconds((1 - bucket.level) / rate) }
    bucket.level -= 1
    if buckets[key] == nil, buckets.count >= keyCountMax { makeRoom(at: now) }
    buckets[key] = bucket
    return nil
  }

  /// How long until there is one to take; nil when there is one now.
  package func wait(_ key: Key, at now: ContinuousClock.Instant) -> Duration? {
    let level = present(key, at: now).level
    return level >= 1 ? nil : .seconds((1 - level) / rate)
  }

  private func present(_ key: Key, at now: ContinuousClock.Instant) -> Bucket {
    guard let bucket = buckets[key] else { return Bucket(level: burst, time: now) }
    let passed = max(0, bucket.time.duration(to: now) / .seconds(1))
    return Bucket(level: min(burst, bucket.level + passed * rate), time: max(bucket.time, now))
  }

  private mutating func makeRoom(at now: ContinuousClock.Instant) {
    let full = buckets.keys.filter { present($0, at: now).level >= burst }
    for key in full { buckets[key] = nil }
    if buckets.count >= keyCountMax { buckets.removeAll() }
  }
}
