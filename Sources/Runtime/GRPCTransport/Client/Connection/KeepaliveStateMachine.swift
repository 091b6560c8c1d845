/// How a channel finds out that a connection is dead though nothing says so: it pings when the
/// server was silent for long (grpc/doc/keepalive.md, gRFC A8).
package struct KeepaliveConfiguration: Hashable, Sendable {
  /// The least ``time`` that gRFC A8 allows a client.
  package static let timeMin = Duration.seconds(10)

  /// After so long without a byte from the server comes a ping. Servers close connections whose
  /// client pings more often than they allow, by default every 5 minutes; then it is doubled.
  package let time: Duration
  /// After so long without a byte after a ping the connection is dead.
  package let timeout: Duration
  /// Whether connections without calls are pinged as well. Many servers forbid it.
  package let withoutCalls: Bool

  /// Makes a configuration; a `time` below `timeMin` counts as that.
  package init(
    time: Duration, timeout: Duration = .seconds(20), withoutCalls: Bool = false,
    timeMin: Duration = Self.timeMin
  ) {
    self.time = max(time, timeMin)
    self.timeout = timeout
    self.withoutCalls = withoutCalls
  }
}

/// When one connection pings. A pure core with one timer at a time.
///
/// ```
/// watching ──silent for time──▶ pinged ──silent for timeout──▶ dead
///    ▲ │ no calls                  │ a byte came
///    │ ▼                           │
/// dormant ──a call──▶ pinged       └──▶ watching
/// ```
struct KeepaliveStateMachine {
  enum Action: Equatable {
    case none
    /// Call ``timerFired(hasCalls:)`` after the delay.
    case wait(Duration)
    /// Send a ping, and call ``timerFired(hasCalls:)`` after the delay.
    case ping(thenWait: Duration)
    /// The connection is dead.
    case close
  }

  private enum Phase {
    case watching
    case pinged
    /// Nothing is watched: there are no calls, and pings without calls are off.
    case dormant
  }

  private let configuration: KeepaliveConfiguration
  private let time: Duration
  private var phase = Phase.watching
  /// Whether a byte came since the timer was set. Setting it is all that a read costs.
  private var hasReceived = false

  /// `time` is the configuration's, or longer after a server has complained.
  init(_ configuration: KeepaliveConfiguration, time: Duration) {
    self.configuration = configuration
    self.time = time
  }

  /// The connection is ready.
  mutating func began() -> Action { .wait(time) }

  /// Bytes came from the server.
  mutating func received() { hasReceived = true }

  /// A call begins.
  mutating func callBegan() -> Action {
    guard case .dormant = phase else { return .none }
    // Nobody has listened for long: is the server still there?
    phase = .pinged
    hasReceived = false
    return .ping(thenWait: configuration.timeout)
  }

  mutating func timerFired(hasCalls: Bool) -> Action {
    if hasReceived {
      hasReceived = false
      phase = .watching
      return .wait(time)
    }
    switch phase {
    case .pinged:
      return .close
    case .watching:
      guard hasCalls || configuration.withoutCalls else {
        phase = .dormant
        return .none
      }
      phase = .pinged
      return .ping(thenWait: configuration.timeout)
    case .dormant:
      return .none
    }
  }
}
