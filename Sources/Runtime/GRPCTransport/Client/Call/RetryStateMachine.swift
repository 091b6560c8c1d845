internal import GRPC

/// What comes after an attempt of a call that brought nothing of an answer, but perhaps a status
/// (gRFC A6). A pure core: chance is handed in.
struct RetryStateMachine {
  /// How an attempt ended.
  enum Outcome: Equatable {
    /// Its request never left this process, or the server's GOAWAY left it out.
    case unseen
    /// The server refused the stream before anybody read the request (RFC 9113, section 8.7).
    case refused
    /// The call has a status: the server's, or of a connection that broke.
    case status(StatusCode, PushBack)
  }

  /// What `grpc-retry-pushback-ms` says.
  enum PushBack: Equatable {
    case none
    case delay(Duration)
    /// Negative or malformed: no retry.
    case stop

    init(_ value: String?) {
      guard let value else {
        self = .none
        return
      }
      guard let milliseconds = Int32(value), milliseconds >= 0 else {
        self = .stop
        return
      }
      self = .delay(.milliseconds(Int64(milliseconds)))
    }
  }

  enum Decision: Equatable {
    /// Again at once; it doesn't count as an attempt.
    case retryTransparently
    case retry(after: Duration)
    /// The call has ended with this attempt.
    case end
  }

  /// How often one call starts again because nobody saw it.
  ///
  /// gRFC A6 leaves requests that never left without a bound and has one retry for those that
  /// GOAWAY left out; a server that does this again and again is the same trouble either way.
  static let unseenMax = 5
  /// How often a call starts again after REFUSED_STREAM without a policy (gRFC A6).
  static let refusedMax = 1

  private let policy: RetryPolicy?
  private var unseenCount = 0
  private var refusedCount = 0
  private var delayCount = 0
  /// How many attempts failed before the current one: `grpc-previous-rpc-attempts`.
  private(set) var previousAttempts = 0

  init(policy: RetryPolicy?) { self.policy = policy }

  /// Whether `outcome` is one that the throttle counts as a failure.
  func isFailure(_ code: StatusCode, _ pushBack: PushBack) -> Bool {
    guard let policy else { return false }
    return policy.retryableCodes.contains(code) || pushBack == .stop
  }

  /// An attempt ended before the call was committed to it. `mayRetry` is what the throttle says;
  /// `chance` is in -1...1.
  mutating func attemptEnded(_ outcome: Outcome, mayRetry: Bool, chance: Double) -> Decision {
    switch outcome {
    case .unseen:
      if unseenCount < Self.unseenMax {
        unseenCount += 1
        return .retryTransparently
      }
      return retry(.unavailable, .none, mayRetry: mayRetry, chance: chance)
    case .refused:
      if refusedCount < Self.refusedMax {
        refusedCount += 1
        return .retryTransparently
      }
      return retry(.unavailable, .none, mayRetry: mayRetry, chance: chance)
    case .status(let code, let pushBack):
      return retry(code, pushBack, mayRetry: mayRetry, chance: chance)
    }
  }

  private mutating func retry(
    _ code: StatusCode, _ pushBack: PushBack, mayRetry: Bool, chance: Double
  ) -> Decision {
    guard let policy, policy.retryableCodes.contains(code), mayRetry,
      previousAttempts + 1 < policy.attemptsMax
    else { return .end }
    switch pushBack {
    case .stop:
      return .end
    case .delay(let delay):
      previousAttempts += 1
      delayCount = 0
      return .retry(after: delay)
    case .none:
      previousAttempts += 1
      return .retry(after: nextDelay(policy, chance: chance))
    }
  }

  private mutating func nextDelay(_ policy: RetryPolicy, chance: Double) -> Duration {
    var delay = policy.initialBackOff
    for _ in 0..<delayCount { delay = delay * policy.backOffMultiplier }
    delay = min(delay, policy.backOffMax)
    delayCount += 1
    return delay + delay * (0.2 * min(max(chance, -1), 1))
  }
}

/// The tokens of ``GRPC/RetryThrottling``: one value per channel.
struct RetryThrottle {
  private let configuration: RetryThrottling
  private var tokens: Double

  init(_ configuration: RetryThrottling) {
    self.configuration = configuration
    tokens = configuration.tokensMax
  }

  /// Whether calls may be retried now.
  var mayRetry: Bool { tokens > configuration.tokensMax / 2 }

  /// A call ended with a status that its policy retries, or with a push-back that forbids it.
  mutating func attemptFailed() { tokens = max(tokens - 1, 0) }

  /// A call got an answer.
  mutating func attemptSucceeded() {
    tokens = min(tokens + configuration.tokenRatio, configuration.tokensMax)
  }
}
