/// Tells how long something that waits has not moved. A pure core: whoever looks from time to time
/// tells it what it sees.
struct StallDetector: Hashable {
  private var progress: UInt64 = 0
  /// When it was first seen where it is.
  private var since: Duration?

  /// What a look at `now` found: whether anything waits, and a number that changes when some of it
  /// moves. Gives how long it has stood still, as far as was seen.
  mutating func looked(isWaiting: Bool, progress: UInt64, at now: Duration) -> Duration {
    guard isWaiting else {
      since = nil
      return .zero
    }
    guard let since, progress == self.progress else {
      self.progress = progress
      self.since = now
      return .zero
    }
    return now - since
  }
}

/// Tells whether a message that was begun comes too slowly. A pure core.
struct PaceDetector: Hashable {
  private var messageCount: UInt64
  private var byteCount: UInt64
  private var since: Duration

  /// A look at `now` found a message that is not whole, after `messageCount` whole ones, when
  /// `byteCount` bytes had come.
  init(messageCount: UInt64, byteCount: UInt64, at now: Duration) {
    self.messageCount = messageCount
    self.byteCount = byteCount
    since = now
  }

  /// Another look. Whether less than `rate` bytes a second of one message came over `window`; each
  /// message and each window begin anew.
  mutating func isTooSlow(
    messageCount: UInt64, byteCount: UInt64, rate: Int, window: Duration, at now: Duration
  ) -> Bool {
    guard messageCount == self.messageCount else {
      self = PaceDetector(messageCount: messageCount, byteCount: byteCount, at: now)
      return false
    }
    guard now - since >= window else { return false }
    let least = (now - since) / .seconds(1) * Double(rate)
    let came = byteCount - min(byteCount, self.byteCount)
    self = PaceDetector(messageCount: messageCount, byteCount: byteCount, at: now)
    return Double(came) < least
  }
}

/// The streams of a connection that stand still, or nearly so. A pure core.
///
/// It remembers only streams that a look found waiting, so calls that end between two looks cost
/// nothing.
struct StreamStalls {
  /// What a look finds of one stream.
  struct Look: Hashable {
    let id: Int32
    /// Whether part of a request has come and the client owes the rest.
    var awaitsRequest = false
    /// Bytes that came.
    var receivedByteCount: UInt64 = 0
    /// Whole messages that came.
    var messageCount: UInt64 = 0
    /// Whether payload waits and the client has left no window for it.
    var isWindowShut = false
    /// Bytes that went.
    var sentByteCount: UInt64 = 0
  }

  /// What stands still.
  enum Stall: Hashable {
    case request
    /// It moves, but less than ``ConnectionLimits/requestRateMin``.
    case slowRequest
    case response
  }

  private struct Request {
    var stall = StallDetector()
    var pace: PaceDetector
  }

  private var requests: [Int32: Request] = [:]
  private var responses: [Int32: StallDetector] = [:]

  /// Takes a look at all open streams; gives those that stood still for too long, once each.
  mutating func looked(
    _ looks: [Look], at now: Duration, _ limits: ConnectionLimits
  ) -> [(id: Int32, stall: Stall)] {
    var stalled: [(id: Int32, stall: Stall)] = []
    var requests: [Int32: Request] = [:]
    var responses: [Int32: StallDetector] = [:]
    for look in looks {
      if look.awaitsRequest {
        var request = self.requests[look.id] ?? Self.request(look, at: now)
        if let stall = Self.stall(of: &request, look, at: now, limits) {
          stalled.append((look.id, stall))
          continue
        }
        requests[look.id] = request
      }
      if look.isWindowShut {
        var detector = self.responses[look.id] ?? StallDetector()
        let time = detector.looked(isWaiting: true, progress: look.sentByteCount, at: now)
        if time >= limits.responseStallMax {
          stalled.append((look.id, .response))
          continue
        }
        responses[look.id] = detector
      }
    }
    self.requests = requests
    self.responses = responses
    return stalled
  }
  private static func request(_ look: Look, at now: Duration) -> Request {
    Request(
      pace: PaceDetector(
        messageCount: look.messageCount, byteCount: look.receivedByteCount, at: now))
  }

  private static func stall(
    of request: inout Request, _ look: Look, at now: Duration, _ limits: ConnectionLimits
  ) -> Stall? {
    let time = request.stall.looked(
      isWaiting: true, progress: look.receivedByteCount, at: now)
    if time >= limits.requestStallMax { return .request }
    let isTooSlow = request.pace.isTooSlow(
      messageCount: look.messageCount, byteCount: look.receivedByteCount,
      rate: limits.requestRateMin, window: limits.requestStallMax, at: now)
    return isTooSlow ? .slowRequest : nil
  }
}
