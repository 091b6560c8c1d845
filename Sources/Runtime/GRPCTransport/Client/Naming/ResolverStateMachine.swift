/// When a channel looks its name up (again). A pure core: time and chance are handed in.
///
/// ```
/// idle ──requested──▶ resolving ──resolved──▶ fresh ──requested──▶ waiting
///                      ▲  └──failed (back-off)──────────────────────▲ │
///                      └────────────waitPassed────────────────────────┘
/// ```
struct ResolverStateMachine {
  enum Action: Equatable {
    case none
    /// Look the name up, and report how it went.
    case resolve
    /// Report ``waitPassed()`` after the delay.
    case wait(Duration)
  }

  private enum Phase {
    case idle
    case resolving
    case fresh(since: ContinuousClock.Instant)
    case waiting
  }

  /// A lookup begins no sooner than so long after the last one that found something.
  private let intervalMin: Duration
  private var backOff: BackOff
  private var phase = Phase.idle

  init(intervalMin: Duration, backOff: BackOffConfiguration) {
    self.intervalMin = intervalMin
    self.backOff = BackOff(backOff)
  }

  /// Somebody wants to know: the channel leaves idleness, a connection failed or was ended.
  mutating func requested(now: ContinuousClock.Instant) -> Action {
    switch phase {
    case .idle:
      phase = .resolving
      return .resolve
    case .resolving, .waiting:
      return .none
    case .fresh(let since):
      let rest = intervalMin - since.duration(to: now)
      guard rest > .zero else {
        phase = .resolving
        return .resolve
      }
      phase = .waiting
      return .wait(rest)
    }
  }

  mutating func resolved(now: ContinuousClock.Instant) {
    guard case .resolving = phase else { return }
    backOff.reset()
    phase = .fresh(since: now)
  }

  /// `chance` is in -1...1.
  mutating func failed(chance: Double) -> Action {
    guard case .resolving = phase else { return .none }
    phase = .waiting
    return .wait(backOff.next(chance: chance))
  }

  mutating func waitPassed() -> Action {
    guard case .waiting = phase else { return .none }
    phase = .resolving
    return .resolve
  }
}
