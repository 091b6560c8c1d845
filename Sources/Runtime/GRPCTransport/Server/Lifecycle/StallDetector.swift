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

/// The streams of a connection that stand still. A pure core.
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
    /// Whether payload waits and the client has left no window for it.
    var isWindowShut = false
    /// Bytes that went.
    var sentByteCount: UInt64 = 0
  }

  /// What stands still.
  enum Stall: Hashable {
    case request
    case response
  }

  private var requests: [Int32: StallDetector] = [:]
  private var responses: [Int32: StallDetector] = [:]

  /// Takes a look at all open streams; gives those that stood still for too long, once each.
  mutating func looked(
    _ looks: [Look], at now: Duration, _ limits: ConnectionLimits
  ) -> [(id: Int32, stall: Stall)] {
    var stalled: [(id: Int32, stall: Stall)] = []
    var requests: [Int32: StallDetector] = [:]
    var responses: [Int32: StallDetector] = [:]
    for look in looks {
      if look.awaitsRequest {
        var detector = self.requests[look.id] ?? StallDetector()
        let time = detector.looked(isWaiting: true, progress: look.receivedByteCount, at: now)
        if time >= limits.requestStallMax {
          stalled.append((look.id, .request))
          continue
        }
        requests[look.id] = detector
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
}
