/// Tells floods from traffic: events in, a verdict out. It reads no clock and does no I/O.
///
/// Frames are counted before nghttp2 sees them, so a flood ends in the read that carries it; header
/// blocks, padding and our own resets are counted when nghttp2 tells of them. While a peer stays
/// within its bursts nothing but a counter moves; time is asked for when a bucket is empty.
struct FloodGuard {
  /// What tokens come back for.
  struct Moment {
    /// Of a clock whose zero means nothing.
    var now: Duration
    /// Since the start of the connection.
    var streamsOpened: UInt64 = 0
    var headersFramesSent: UInt64 = 0
    var dataFramesSent: UInt64 = 0
  }

  /// How many times larger than its bound a header block is that is an attack and no mistake.
  static let hugeBlockFactor = 4
  /// How many times larger it is when no more of it is read.
  static let endlessBlockFactor = 16

  private var pings: TokenBucket
  private var settings: TokenBucket
  private var priorities: TokenBucket
  private var windowUpdates: TokenBucket
  private var emptyFrames: TokenBucket
  private var unknownFrames: TokenBucket
  private var resets: TokenBucket
  private var inducedResets: TokenBucket
  private var idleHeaders: TokenBucket
  private var largeBlocks: TokenBucket
  private var hugeBlocksLeft: Int
  private let continuationsMax: Int
  private var continuationCount = 0
  /// A client can't help headers that come on streams which it has just cancelled.
  private let countsIdleHeaders: Bool

  init(
    _ limits: FloodLimits, continuationsMax: Int, isServer: Bool, start: Duration
  ) {
    func bucket(_ burst: Int, _ perSecond: Int) -> TokenBucket {
      TokenBucket(burst: burst, perSecond: perSecond, start: start)
    }
    pings = bucket(limits.pingBurst, limits.pingsPerSecond)
    settings = bucket(limits.settingsBurst, limits.settingsPerSecond)
    priorities = bucket(limits.priorityBurst, limits.prioritiesPerSecond)
    windowUpdates = bucket(limits.windowUpdateBurst, limits.windowUpdatesPerSecond)
    emptyFrames = bucket(limits.emptyFrameBurst, limits.emptyFramesPerSecond)
    unknownFrames = bucket(limits.unknownFrameBurst, limits.unknownFramesPerSecond)
    resets = bucket(limits.resetBurst, limits.resetsPerSecond)
    inducedResets = bucket(limits.inducedResetBurst, limits.inducedResetsPerSecond)
    idleHeaders = bucket(limits.idleHeadersBurst, limits.idleHeadersPerSecond)
    largeBlocks = bucket(limits.largeBlockBurst, limits.largeBlocksPerSecond)
    hugeBlocksLeft = limits.hugeBlocksMax
    self.continuationsMax = continuationsMax
    countsIdleHeaders = isServer
  }

  // MARK: Events

  /// A frame's header came. `moment` is asked for rarely.
  @inline(__always)
  mutating func received(
    _ frame: FrameScanner.Frame, _ moment: () -> Moment
  ) -> FloodReason? {
    // A plain call is HEADERS and DATA, and costs no more than this.
    if frame.type == FrameScanner.FrameType.data, !frame.isEmpty { return nil }
    if frame.type == FrameScanner.FrameType.headers, frame.length > 0 {
      continuationCount = 0
      if !countsIdleHeaders || idleHeaders.takeAtHand() { return nil }
      return idleHeaders.take(at: moment().now, earned: 0) ? nil : .idleHeaders
    }
    return receivedOther(frame, moment)
  }

  private mutating func receivedOther(
    _ frame: FrameScanner.Frame, _ moment: () -> Moment
  ) -> FloodReason? {
    typealias FrameType = FrameScanner.FrameType
    switch frame.type {
    case FrameType.data, FrameType.headers:
      return emptyFrameReceived(moment)
    case FrameType.continuation:
      continuationCount += 1
      if continuationCount > continuationsMax { return .continuations }
      return frame.isEmpty ? emptyFrameReceived(moment) : nil
    case FrameType.ping:
      return Self.take(&pings, moment, .pings) { $0.headersFramesSent + $0.dataFramesSent }
    case FrameType.settings:
      return Self.take(&settings, moment, .settings) { _ in 0 }
    case FrameType.priority, FrameType.priorityUpdate:
      return Self.take(&priorities, moment, .priorities) { $0.streamsOpened * 10 }
    case FrameType.windowUpdate:
      return Self.take(&windowUpdates, moment, .windowUpdates) {
        $0.streamsOpened * 2 + $0.dataFramesSent * 20
      }
    case FrameType.resetStream:
      return Self.take(&resets, moment, .resets) { _ in 0 }
    default:
      return Self.take(&unknownFrames, moment, .unknownFrames) { _ in 0 }
    }
  }

  /// A frame came that carries nothing but padding, or nothing at all.
  mutating func emptyFrameReceived(_ moment: () -> Moment) -> FloodReason? {
    Self.take(&emptyFrames, moment, .emptyFrames) { _ in 0 }
  }

  /// A HEADERS frame belongs to a stream, so it was not idle.
  mutating func headersBelongToStream() {
    if countsIdleHeaders { idleHeaders.putBack() }
  }

  /// We had to reset a stream.
  mutating func resetSent(_ code: HTTP2ErrorCode, _ moment: () -> Moment) -> FloodReason? {
    switch code {
    case .noError, .cancel, .refusedStream: nil
    default: Self.take(&inducedResets, moment, .inducedResets) { _ in 0 }
    }
  }

  /// A header block broke a bound, `factor` times over.
  mutating func largeBlockReceived(factor: Int, _ moment: () -> Moment) -> FloodReason? {
    if factor >= Self.hugeBlockFactor {
      hugeBlocksLeft -= 1
      if hugeBlocksLeft < 0 { return .hugeHeaderBlocks }
    }
    return Self.take(&largeBlocks, moment, .largeHeaderBlocks) { _ in 0 }
  }

  private static func take(
    _ bucket: inout TokenBucket, _ moment: () -> Moment, _ reason: FloodReason,
    earned: (Moment) -> UInt64
  ) -> FloodReason? {
    if bucket.takeAtHand() { return nil }
    let moment = moment()
    return bucket.take(at: moment.now, earned: earned(moment)) ? nil : reason
  }
}
