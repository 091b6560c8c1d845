import Testing

@testable import EventLoops

private final class Probe {
  private var poll: BusyPoll

  init(_ poll: BusyPoll) { self.poll = poll }

  func maySleep(hadWork: Bool, at now: UInt64) -> Bool { poll.maySleep(hadWork: hadWork, at: now) }
}

@Suite struct BusyPollTests {
  @Test func aLoopStaysAwakeForSomeTimeAfterItsLastWorkAndNoLonger() {
    let poll = Probe(BusyPoll(.microseconds(50)))
    // Nothing was done yet: whatever the clock says.
    #expect(poll.maySleep(hadWork: false, at: 10))
    #expect(!poll.maySleep(hadWork: true, at: 1_000_000))
    #expect(!poll.maySleep(hadWork: false, at: 1_049_999))
    #expect(poll.maySleep(hadWork: false, at: 1_050_000))
    #expect(poll.maySleep(hadWork: false, at: .max))
    // Each piece of work begins the time anew.
    #expect(!poll.maySleep(hadWork: true, at: 2_000_000))
    #expect(!poll.maySleep(hadWork: true, at: 2_040_000))
    #expect(!poll.maySleep(hadWork: false, at: 2_089_999))
    #expect(poll.maySleep(hadWork: false, at: 2_090_000))
  }

  @Test func withoutATimeItIsOff() {
    #expect(BusyPoll(.zero).isOff)
    #expect(!BusyPoll(.nanoseconds(1)).isOff)
    #expect(Probe(BusyPoll(.zero)).maySleep(hadWork: true, at: 5))
  }
}
