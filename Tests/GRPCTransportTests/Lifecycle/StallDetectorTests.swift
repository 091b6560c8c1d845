import Testing

@testable import GRPCTransport

@Suite struct StallDetectorTests {
  @Test func timeCountsFromTheFirstLookThatFoundItThere() {
    var detector = StallDetector()
    #expect(detector.looked(isWaiting: true, progress: 7, at: .seconds(1)) == .zero)
    #expect(detector.looked(isWaiting: true, progress: 7, at: .seconds(3)) == .seconds(2))
    #expect(detector.looked(isWaiting: true, progress: 8, at: .seconds(4)) == .zero)
    #expect(detector.looked(isWaiting: true, progress: 8, at: .seconds(9)) == .seconds(5))
    #expect(detector.looked(isWaiting: false, progress: 8, at: .seconds(10)) == .zero)
    #expect(detector.looked(isWaiting: true, progress: 8, at: .seconds(11)) == .zero)
  }

  @Test func streamsAreToldApart() {
    var limits = ConnectionLimits.defaults
    limits.requestStallMax = .seconds(10)
    limits.responseStallMax = .seconds(20)
    var stalls = StreamStalls()
    func look(_ seconds: Int, _ looks: [StreamStalls.Look]) -> [Int32] {
      stalls.looked(looks, at: .seconds(seconds), limits).map(\.id)
    }
    let slow = StreamStalls.Look(id: 1, awaitsRequest: true, receivedByteCount: 3)
    let shut = StreamStalls.Look(id: 3, isWindowShut: true, sentByteCount: 9)
    let patient = StreamStalls.Look(id: 5)
    #expect(look(0, [slow, shut, patient]) == [])
    #expect(look(9, [slow, shut, patient]) == [])
    #expect(look(10, [slow, shut, patient]) == [1])
    #expect(look(15, [shut, patient]) == [])
    #expect(look(20, [shut, patient]) == [3])
    #expect(look(1000, [patient]) == [])
  }

  @Test func aStreamThatMovedOrEndedStartsAnew() {
    var limits = ConnectionLimits.defaults
    limits.requestStallMax = .seconds(10)
    limits.requestRateMin = 0
    var stalls = StreamStalls()
    for second in 0..<100 {
      let moving = StreamStalls.Look(
        id: 1, awaitsRequest: true, receivedByteCount: UInt64(second))
      #expect(stalls.looked([moving], at: .seconds(second * 9), limits).isEmpty)
    }
    let stuck = StreamStalls.Look(id: 1, awaitsRequest: true)
    #expect(stalls.looked([stuck], at: .seconds(1000), limits).isEmpty)
    #expect(stalls.looked([], at: .seconds(1005), limits).isEmpty)
    #expect(stalls.looked([stuck], at: .seconds(1010), limits).isEmpty)
  }

  /// Looks every 15 s, as a connection does with its defaults, at a stream of which `bytes` came by
  /// each look and `messages` whole messages.
  private func ends(
    rate: Int = 240, bytes: (Int) -> Int, messages: (Int) -> Int = { _ in 0 }
  ) -> [Int] {
    var limits = ConnectionLimits.defaults
    limits.requestRateMin = rate
    var stalls = StreamStalls()
    return (0..<40).filter { turn in
      let look = StreamStalls.Look(
        id: 1, awaitsRequest: true, receivedByteCount: UInt64(bytes(turn)),
        messageCount: UInt64(messages(turn)))
      let found = stalls.looked([look], at: .seconds(15 * turn), limits)
      #expect(found.allSatisfy { $0.stall == .slowRequest })
      return !found.isEmpty
    }
  }

  @Test func aMessageThatCreepsEndsAfterTheWindow() {
    // A byte now and then never stands still for a minute.
    #expect(ends { $0 }.first == 4)
    #expect(ends { $0 * 239 * 15 }.first == 4)
    #expect(ends { $0 * 240 * 15 } == [])
    #expect(ends(rate: 0) { $0 } == [])
  }

  @Test func aMessageIsMeasuredFromItsBegin() {
    // Small messages now and then, each torn when it is looked at: none of them is slow.
    #expect(ends(bytes: { $0 * 10 }, messages: { $0 }) == [])
    // What was fast before is too slow from the second window on.
    #expect(ends { min($0, 4) * 240 * 15 + $0 }.first == 8)
  }
}
