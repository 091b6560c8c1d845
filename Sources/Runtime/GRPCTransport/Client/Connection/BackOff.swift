/// How long a channel waits before it tries again what failed (grpc/doc/connection-backoff.md).
package struct BackOffConfiguration: Hashable, Sendable {
  /// The first delay.
  package var initial = Duration.seconds(1)
  /// How much longer each delay is than the one before.
  package var multiplier = 1.6
  /// Which share of a delay is added or taken away at random, so that many clients don't come back
  /// at once: 0 to 1.
  package var jitter = 0.2
  /// The longest delay, before the jitter.
  package var max = Duration.seconds(120)

  package init() {}
}

/// The growing delay between attempts. A pure core: chance is handed in.
struct BackOff: Equatable {
  private let configuration: BackOffConfiguration
  private var current: Duration

  init(_ configuration: BackOffConfiguration) {
    self.configuration = configuration
    current = configuration.initial
  }

  /// The next delay, and a longer one the time after. `chance` is in -1...1.
  mutating func next(chance: Double) -> Duration {
    let delay = current + current * (configuration.jitter * min(max(chance, -1), 1))
    current = min(current * configuration.multiplier, configuration.max)
    return delay
  }

  /// Something went well: the next delay is the first one again.
  mutating func reset() { current = configuration.initial }
}
