internal import HTTP2

/// The life of one server connection, from its accept to its close: events in, actions out.
///
/// ```
/// securing ──handshake done──▶ greeting ──SETTINGS came──▶ serving ──all said──▶ ending ──▶ over
///
/// while greeting or serving:  asked to go ──notice, PING──▶ noticed ──answer──▶ final GOAWAY
/// ```
///
/// Times are of the loop's clock, whose zero means nothing. There is one timer: ``wakeAt`` says
/// when ``deadlinePassed(at:output:)`` is to be called. Events on a call's path only note a time;
/// what it means is found out when the timer fires.
struct ConnectionStateMachine {
  /// The steps of a graceful end (RFC 9113, section 6.8).
  private enum Drain: Hashable {
    case none
    /// To be begun when there is a session to say it in.
    case wanted(DrainReason)
    /// The first GOAWAY and a PING are out.
    case noticed(DrainReason)
    /// The second one is.
    case final(DrainReason)
  }

  /// A client whose pings break the rule more often is sent away (gRFC A8).
  static let pingStrikesMax = 2
  /// Between pings without calls, unless they are permitted (gRFC A8).
  static let pingIntervalWithoutCalls = Duration.seconds(7200)
  /// Stream identifiers above it make the connection go: three quarters of them are used up.
  static let streamIDMax: Int32 = 0x6000_0000

  /// When ``deadlinePassed(at:output:)`` is to be called. It may be early.
  private(set) var wakeAt: Duration?
  private(set) var phase = Phase.securing

  /// Whether all was said: what comes is not listened to.
  var isEnding: Bool {
    switch phase {
    case .ending, .over: true
    case .securing, .greeting, .serving: false
    }
  }

  private let limits: ConnectionLimits
  private var drain = Drain.none
  /// Of `securing` and `greeting`.
  private var setupDeadline: Duration
  private var settingsAckDeadline: Duration?
  private var headerBlockNumber: UInt64 = 0
  private var headerBlockDeadline: Duration?
  /// `nil` while calls are open.
  private var idleSince: Duration?
  private var ageDeadline: Duration?
  private var graceDeadline: Duration?
  private var goAwayDeadline: Duration?
  private var lingerDeadline: Duration?
  private var lastReadAt: Duration
  /// When the keepalive ping went out that has not been answered.
  private var keepaliveSentAt: Duration?
  /// Our pings that have not been answered.
  private var unansweredPings = 0
  private var lastPingAt: Duration?
  private var framesSentAtLastPing: UInt64 = 0
  private var pingStrikes = 0
  private var nextSampleAt: Duration?
  private var outputStall = StallDetector()

  /// The connection was accepted. `jitter`, from -1 to 1, says which part of a tenth is added to
  /// the age.
  init(limits: ConnectionLimits, jitter: Double, at now: Duration) {
    self.limits = limits
    lastReadAt = now
    idleSince = now
    setupDeadline = now + limits.handshakeMax
    ageDeadline = limits.ageMax.map { now + $0 * (1 + jitter / 10) }
    wakeAt = setupDeadline
  }

  // MARK: Events

  /// The TLS handshake is done; in plaintext, at once.
  mutating func opened(at now: Duration) -> Action {
    guard phase == .securing else { return .none }
    phase = .greeting
    setupDeadline = now + limits.prefaceMax
    wake(by: setupDeadline)
    guard case .wanted(let reason) = drain else { return .none }
    return beginDrain(reason, at: now)
  }

  /// SETTINGS of the client came.
  mutating func settingsReceived(at now: Duration) {
    guard phase == .greeting else { return }
    phase = .serving
    settingsAckDeadline = now + limits.settingsAckMax
    wakeAt = nextDeadline
  }

  /// The client acknowledged our SETTINGS.
  mutating func settingsAcknowledged() { settingsAckDeadline = nil }

  /// Bytes came, and the session has taken them. `headerBlock` is the number of the header block
  /// that is not complete yet.
  mutating func received(headerBlock: UInt64?, at now: Duration) {
    lastReadAt = now
    keepaliveSentAt = nil
    guard let headerBlock else {
      headerBlockDeadline = nil
      return
    }
    guard headerBlockDeadline == nil || headerBlock != headerBlockNumber else { return }
    headerBlockNumber = headerBlock
    let deadline = now + limits.headerBlockMax
    headerBlockDeadline = deadline
    wake(by: deadline)
  }

  /// The client opened a stream.
  mutating func streamOpened(_ id: Int32, at now: Duration) -> Action {
    idleSince = nil
    beginSampling(at: now)
    return id > Self.streamIDMax ? beginDrain(.streamIDs, at: now) : .none
  }

  /// No stream is open any more.
  mutating func lastStreamClosed(at now: Duration) {
    idleSince = now
    if let idleMax = limits.idleMax, drain == .none { wake(by: now + idleMax) }
  }

  /// The socket did not take all.
  mutating func outputBlocked(at now: Duration) { beginSampling(at: now) }

  /// The client pings. `framesSent` counts the HEADERS and DATA frames that it was sent so far: a
  /// client that is sent something may measure the line (gRFC A8).
  mutating func pingReceived(framesSent: UInt64, at now: Duration) -> Action {
    defer {
      lastPingAt = now
      framesSentAtLastPing = framesSent
    }
    guard phase == .serving else { return .none }
    if framesSent != framesSentAtLastPing {
      pingStrikes = 0
      return .none
    }
    let hasCalls = idleSince == nil
    let allowed =
      hasCalls || limits.permitsPingsWithoutCalls
      ? limits.pingIntervalMin : Self.pingIntervalWithoutCalls
    guard let lastPingAt, now - lastPingAt < allowed else { return .none }
    pingStrikes += 1
    guard pingStrikes > Self.pingStrikesMax else { return .none }
    return terminate(
      .enhanceYourCalm, "too_many_pings",
      .tooManyPings(interval: now - lastPingAt, allowed: allowed))
  }

  /// The client answered a ping of ours; they are answered in their order.
  mutating func pingAcknowledged() -> Action {
    if unansweredPings > 0 { unansweredPings -= 1 }
    guard unansweredPings == 0 else { return .none }
    return sendFinalGoAway()
  }

  /// The server is asked to stop.
  mutating func shutdownBegan(at now: Duration) -> Action { beginDrain(.shutdown, at: now) }

  /// The session has said all and takes no more. `cause` is why, if the client or the session
  /// brought it about.
  mutating func ended(_ cause: CloseReason?, at now: Duration) {
    switch phase {
    case .ending, .over: return
    case .securing, .greeting, .serving: break
    }
    end(cause ?? drainReason.map { .drained($0) } ?? .clientClosed)
    beginSampling(at: now)
  }

  /// All that was said is out, and our side is closed.
  mutating func outputEnded(at now: Duration) {
    guard case .ending = phase, lingerDeadline == nil else { return }
    let deadline = now + limits.lingerMax
    lingerDeadline = deadline
    wake(by: deadline)
  }

  /// The socket is closed. Gives the reason: `cause`, unless it was decided before.
  mutating func closed(_ cause: CloseReason) -> CloseReason {
    defer {
      phase = .over
      wakeAt = nil
    }
    if case .ending(let reason) = phase { return reason }
    return cause
  }

  // MARK: The graceful end

  /// Why the client was asked to go, if it was.
  private var drainReason: DrainReason? {
    switch drain {
    case .none: nil
    case .wanted(let reason), .noticed(let reason), .final(let reason): reason
    }
  }

  private mutating func beginDrain(_ reason: DrainReason, at now: Duration) -> Action {
    switch (phase, drain) {
    case (.securing, .none):
      drain = .wanted(reason)
      // There is nothing to say it in yet, and a client that says nothing can't hold up the end.
      setupDeadline = min(setupDeadline, now + limits.goAwayWait)
      wake(by: setupDeadline)
      return .none
    case (.greeting, .none), (.greeting, .wanted), (.serving, .none):
      drain = .noticed(reason)
      unansweredPings += 1
      let deadline = now + limits.goAwayWait
      goAwayDeadline = deadline
      wake(by: deadline)
      if reason == .age, let grace = limits.ageGrace {
        graceDeadline = now + grace
        wake(by: now + grace)
      }
      return .sendShutdownNotice
    default:
      return .none
    }
  }

  private mutating func sendFinalGoAway() -> Action {
    guard case .noticed(let reason) = drain else { return .none }
    drain = .final(reason)
    goAwayDeadline = nil
    return .sendGoAway(debugData: reason.debugData)
  }

  private mutating func terminate(
    _ code: HTTP2ErrorCode, _ debugData: String, _ reason: CloseReason
  ) -> Action {
    end(reason)
    return .terminate(code, debugData: debugData, reason)
  }

  private mutating func end(_ reason: CloseReason) {
    phase = .ending(reason)
    goAwayDeadline = nil
    graceDeadline = nil
    wakeAt = nextDeadline
  }

  // MARK: Deadlines

  private mutating func wake(by deadline: Duration) {
    if let wakeAt, wakeAt <= deadline { return }
    wakeAt = deadline
  }

  private mutating func beginSampling(at now: Duration) {
    guard nextSampleAt == nil else { return }
    let deadline = now + limits.samplePeriod
    nextSampleAt = deadline
    wake(by: deadline)
  }

  /// The time is ``wakeAt`` or later. To be called again until it gives `none`: several deadlines
  /// may have passed.
  mutating func deadlinePassed(at now: Duration, output: Output) -> Action {
    guard phase != .over else { return .none }
    var action = setupAction(at: now)
    if action == .none { action = sampleAction(at: now, output) }
    if action == .none { action = keepaliveAction(at: now) }
    if action == .none { action = drainAction(at: now) }
    wakeAt = nextDeadline
    return action
  }

  private mutating func setupAction(at now: Duration) -> Action {
    switch phase {
    case .securing:
      guard now >= setupDeadline else { return .none }
      return .close(drainReason.map { .drained($0) } ?? .handshakeTimeout)
    case .greeting:
      return now >= setupDeadline ? .close(.prefaceTimeout) : .none
    case .serving:
      if let settingsAckDeadline, now >= settingsAckDeadline {
        return terminate(.settingsTimeout, "SETTINGS not acknowledged", .settingsTimeout)
      }
      if let headerBlockDeadline, now >= headerBlockDeadline {
        return terminate(.enhanceYourCalm, "header block too slow", .headerBlockTimeout)
      }
      return .none
    case .ending(let reason):
      if let lingerDeadline, now >= lingerDeadline { return .close(reason) }
      return .none
    case .over: return .none
    }
  }

  private mutating func sampleAction(at now: Duration, _ output: Output) -> Action {
    guard let due = nextSampleAt, now >= due else { return .none }
    let time = outputStall.looked(
      isWaiting: output.isWaiting, progress: output.progress, at: now)
    if time >= limits.writeStallMax { return .close(.writeStall) }
    let hasCalls = idleSince == nil
    nextSampleAt = hasCalls || output.isWaiting ? now + limits.samplePeriod : nil
    return hasCalls && phase == .serving ? .checkStreams : .none
  }

  private mutating func keepaliveAction(at now: Duration) -> Action {
    guard phase == .serving, let time = limits.keepaliveTime else { return .none }
    if let sentAt = keepaliveSentAt {
      return now >= sentAt + limits.keepaliveTimeout ? .close(.keepaliveTimeout) : .none
    }
    guard now >= lastReadAt + time else { return .none }
    keepaliveSentAt = now
    unansweredPings += 1
    return .sendPing
  }

  private mutating func drainAction(at now: Duration) -> Action {
    if let goAwayDeadline, now >= goAwayDeadline { return sendFinalGoAway() }
    if let graceDeadline, now >= graceDeadline {
      self.graceDeadline = nil
      return .cutOff(.cutOff(.age))
    }
    guard phase == .serving, drain == .none else { return .none }
    if let ageDeadline, now >= ageDeadline { return beginDrain(.age, at: now) }
    if let idleSince, let idleMax = limits.idleMax, now >= idleSince + idleMax {
      return beginDrain(.idle, at: now)
    }
    return .none
  }

  private var nextDeadline: Duration? {
    var next: Duration?
    func consider(_ deadline: Duration?) {
      guard let deadline else { return }
      next = next.map { min($0, deadline) } ?? deadline
    }
    switch phase {
    case .securing, .greeting:
      consider(setupDeadline)
    case .serving:
      consider(settingsAckDeadline)
      consider(headerBlockDeadline)
      if let time = limits.keepaliveTime {
        consider(keepaliveSentAt.map { $0 + limits.keepaliveTimeout } ?? lastReadAt + time)
      }
      if drain == .none {
        consider(ageDeadline)
        if let idleSince, let idleMax = limits.idleMax { consider(idleSince + idleMax) }
      }
    case .ending:
      consider(lingerDeadline)
    case .over:
      return nil
    }
    consider(goAwayDeadline)
    consider(graceDeadline)
    consider(nextSampleAt)
    return next
  }
}
