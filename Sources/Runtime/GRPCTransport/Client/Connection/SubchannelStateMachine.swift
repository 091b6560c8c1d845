/// The life of the connections to one address: at most one at a time is made or used
/// (grpc/doc/connection-backoff.md). A pure core: time and chance are handed in.
///
/// ```
/// idle ──connectRequested──▶ connecting ──connected──▶ ready ──lost, GOAWAY──▶ idle
///  ▲                             │ failed                 │ too soon, too often
///  └────backOffPassed──── transientFailure ◀──────────────┘      any ──shutDown──▶ shutdown
/// ```
struct SubchannelStateMachine {
  private enum Phase {
    case idle
    /// The next attempt begins no sooner than `next`.
    case connecting(began: ContinuousClock.Instant, next: ContinuousClock.Instant)
    case ready(began: ContinuousClock.Instant, next: ContinuousClock.Instant)
    case backingOff
    case shutdown
  }

  enum ConnectAction: Equatable {
    case none
    /// Begin, and report a failure after `timeout`.
    case connect(timeout: Duration)
  }

  enum EndAction: Equatable {
    case none
    /// The subchannel is idle: a connection may be asked for at once.
    case becomeIdle
    /// Report ``backOffPassed()`` after the delay.
    case backOff(Duration)
  }

  /// So many connections in a row may end soon after they were ready before that is a failure.
  ///
  /// A server that takes connections only to end them is not asked again without a pause.
  static let shortLivedMax = 5

  private let connectTimeoutMin: Duration
  /// A connection that ends sooner is short-lived.
  private let shortLife: Duration
  private var backOff: BackOff
  private var phase = Phase.idle
  private var shortLivedCount = 0

  init(backOff: BackOffConfiguration, connectTimeoutMin: Duration) {
    self.backOff = BackOff(backOff)
    self.connectTimeoutMin = connectTimeoutMin
    shortLife = backOff.initial
  }

  var state: ConnectivityState {
    switch phase {
    case .idle: .idle
    case .connecting: .connecting
    case .ready: .ready
    case .backingOff: .transientFailure
    case .shutdown: .shutdown
    }
  }

  /// A connection is wanted. `chance` is in -1...1.
  mutating func connectRequested(now: ContinuousClock.Instant, chance: Double) -> ConnectAction {
    guard case .idle = phase else { return .none }
    let next = now.advanced(by: backOff.next(chance: chance))
    phase = .connecting(began: now, next: next)
    return .connect(timeout: max(connectTimeoutMin, now.duration(to: next)))
  }

  /// The peer's SETTINGS came: the connection takes calls. `false` when nobody wants it any more.
  mutating func connected() -> Bool {
    guard case .connecting(let began, let next) = phase else { return false }
    phase = .ready(began: began, next: next)
    return true
  }

  /// The attempt failed, or took too long.
  mutating func connectFailed(now: ContinuousClock.Instant) -> EndAction {
    guard case .connecting(_, let next) = phase else { return .none }
    return fail(now: now, next: next)
  }

  /// The connection broke, or its server asked for no more calls on it.
  mutating func connectionEnded(now: ContinuousClock.Instant) -> EndAction {
    guard case .ready(let began, let next) = phase else { return .none }
    if began.duration(to: now) < shortLife {
      shortLivedCount += 1
      if shortLivedCount > Self.shortLivedMax { return fail(now: now, next: next) }
    } else {
      shortLivedCount = 0
    }
    backOff.reset()
    phase = .idle
    return .becomeIdle
  }

  private mutating func fail(
    now: ContinuousClock.Instant, next: ContinuousClock.Instant
  ) -> EndAction {
    phase = .backingOff
    return .backOff(max(now.duration(to: next), .zero))
  }

  /// The delay of ``EndAction/backOff(_:)`` is over. `true` when the subchannel is idle again.
  mutating func backOffPassed() -> Bool {
    guard case .backingOff = phase else { return false }
    phase = .idle
    return true
  }

  /// The address is used no more.
  mutating func shutDown() { phase = .shutdown }
}
