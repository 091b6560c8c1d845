import Testing

@testable import HTTP2

private typealias Frame = FrameScanner.Frame
private typealias FrameType = FrameScanner.FrameType

/// A guard with a clock that is set by hand.
private struct Watch {
  var flood: FloodGuard
  var moment: FloodGuard.Moment
  var clockReads = 0
  private let start = Duration.seconds(1)

  init(_ limits: FloodLimits = FloodLimits(), isServer: Bool = true) {
    moment = FloodGuard.Moment(now: start)
    flood = FloodGuard(limits, continuationsMax: 4, isServer: isServer, start: start)
  }

  mutating func pass(_ duration: Duration) { moment.now += duration }

  mutating func receive(_ type: UInt8, length: Int = 8, flags: UInt8 = 0) -> FloodReason? {
    var reads = 0
    let moment = moment
    let frame = Frame(length: length, type: type, flags: flags)
    let reason = flood.received(frame) {
      reads += 1
      return moment
    }
    clockReads += reads
    return reason
  }

  /// How many frames pass before one is too much, at most `bound`.
  mutating func passes(_ type: UInt8, length: Int = 8, upTo bound: Int) -> Int {
    for count in 0..<bound where receive(type, length: length) != nil { return count }
    return bound
  }
}

struct FloodGuardTests {
  @Test(arguments: [
    (FrameScanner.FrameType.ping, 1_000, 100, FloodReason.pings),
    (FrameScanner.FrameType.settings, 100, 10, .settings),
    (FrameScanner.FrameType.priority, 250, 10, .priorities),
    (FrameScanner.FrameType.priorityUpdate, 250, 10, .priorities),
    (FrameScanner.FrameType.windowUpdate, 250, 10, .windowUpdates),
    (FrameScanner.FrameType.resetStream, 10_000, 1_000, .resets),
    (FrameScanner.FrameType.goAway, 100, 10, .unknownFrames),
    (0xfa, 100, 10, .unknownFrames),
  ])
  func aBurstPassesThenTheRate(type: UInt8, burst: Int, rate: Int, reason: FloodReason) {
    var watch = Watch()
    #expect(watch.passes(type, upTo: burst + 1) == burst)
    #expect(watch.receive(type) == reason)
    watch.pass(.seconds(1))
    #expect(watch.passes(type, upTo: rate + 1) == rate)
    watch.pass(.seconds(3600))
    #expect(watch.passes(type, upTo: burst + 1) == burst)
  }

  @Test func noClockIsReadWithinTheBurst() {
    var watch = Watch()
    #expect(watch.passes(FrameType.ping, upTo: 1_000) == 1_000)
    for _ in 0..<5_000 {
      #expect(watch.receive(FrameType.headers) == nil)
      #expect(watch.receive(FrameType.data) == nil)
    }
    #expect(watch.clockReads == 0)
  }

  @Test func slowFramesAreNeverTooMany() {
    var watch = Watch()
    for _ in 0..<5_000 {
      watch.pass(.milliseconds(101))
      #expect(watch.receive(FrameType.settings) == nil)
    }
  }

  @Test func timeInSmallStepsIsNotLost() {
    var watch = Watch()
    #expect(watch.passes(FrameType.settings, upTo: 200) == 100)
    var passed = 0
    for _ in 0..<1_000 {
      watch.pass(.milliseconds(1))
      if watch.receive(FrameType.settings) == nil { passed += 1 }
    }
    #expect((9...10).contains(passed))
  }

  @Test func pingsOfAClientThatIsSentDataPass() {
    var watch = Watch()
    for _ in 0..<100_000 {
      watch.moment.dataFramesSent += 1
      #expect(watch.receive(FrameType.ping) == nil)
    }
  }

  @Test func windowUpdatesPassInTheRatioToWhatIsSent() {
    var watch = Watch()
    for _ in 0..<10_000 {
      watch.moment.dataFramesSent += 1
      for _ in 0..<20 { #expect(watch.receive(FrameType.windowUpdate) == nil) }
    }
    // What was earned beyond the burst is not kept.
    #expect(watch.passes(FrameType.windowUpdate, upTo: 1_000) <= 250)
    watch.moment.streamsOpened += 10
    #expect(watch.passes(FrameType.windowUpdate, upTo: 1_000) == 20)
  }

  @Test func emptyFramesAreCountedTogether() {
    var watch = Watch()
    for _ in 0..<40 {
      #expect(watch.receive(FrameType.data, length: 0) == nil)
      #expect(watch.receive(FrameType.headers, length: 0) == nil)
    }
    for _ in 0..<20 { #expect(watch.flood.emptyFrameReceived { watch.moment } == nil) }
    #expect(watch.receive(FrameType.data, length: 0) == .emptyFrames)
    #expect(watch.receive(FrameType.data, length: 0, flags: 1) == nil)
    #expect(watch.receive(FrameType.data, length: 1) == nil)
  }

  @Test func continuationsAreCountedPerBlock() {
    var watch = Watch()
    for _ in 0..<10 {
      #expect(watch.receive(FrameType.headers) == nil)
      for _ in 0..<4 { #expect(watch.receive(FrameType.continuation) == nil) }
    }
    #expect(watch.receive(FrameType.continuation) == .continuations)
  }

  @Test func headersOfStreamsAreNotIdle() {
    var watch = Watch()
    for _ in 0..<50_000 {
      #expect(watch.receive(FrameType.headers) == nil)
      watch.flood.headersBelongToStream()
    }
    #expect(watch.passes(FrameType.headers, upTo: 20_000) == 10_000)
    #expect(watch.receive(FrameType.headers) == .idleHeaders)
    var client = Watch(isServer: false)
    #expect(client.passes(FrameType.headers, upTo: 50_000) == 50_000)
  }

  @Test func onlyResetsThatThePeerCausedAreCounted() {
    var watch = Watch()
    let moment = watch.moment
    for code in [HTTP2ErrorCode.noError, .cancel, .refusedStream] {
      for _ in 0..<1_000 { #expect(watch.flood.resetSent(code) { moment } == nil) }
    }
    for _ in 0..<200 { #expect(watch.flood.resetSent(.protocolError) { moment } == nil) }
    #expect(watch.flood.resetSent(.flowControlError) { moment } == .inducedResets)
  }

  @Test func theSecondHugeBlockIsAnAttack() {
    var watch = Watch()
    let moment = watch.moment
    for _ in 0..<50 { #expect(watch.flood.largeBlockReceived(factor: 1) { moment } == nil) }
    #expect(watch.flood.largeBlockReceived(factor: 4) { moment } == nil)
    #expect(watch.flood.largeBlockReceived(factor: 3) { moment } == nil)
    #expect(watch.flood.largeBlockReceived(factor: 9) { moment } == .hugeHeaderBlocks)
  }

  @Test func largeBlocksHaveABurst() {
    var watch = Watch()
    let moment = watch.moment
    for _ in 0..<100 { #expect(watch.flood.largeBlockReceived(factor: 1) { moment } == nil) }
    #expect(watch.flood.largeBlockReceived(factor: 1) { moment } == .largeHeaderBlocks)
  }

  @Test func thousandsOfCancelledCallsOfAProxyPass() {
    var watch = Watch()
    for _ in 0..<60 {
      // A deadline strikes once per second: 1,000 calls are cancelled at once.
      for _ in 0..<1_000 {
        #expect(watch.receive(FrameType.headers) == nil)
        watch.flood.headersBelongToStream()
        watch.moment.streamsOpened += 1
      }
      #expect(watch.passes(FrameType.resetStream, upTo: 1_000) == 1_000)
      watch.pass(.seconds(1))
    }
  }
}
