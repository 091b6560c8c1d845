import Testing

@testable import EventLoops

@Suite struct QuietTimeTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func isWhileLittleCPUTimeIsUsed() {
    var quiet = QuietTime()
    // 1 s of 10 is a tenth, and a little more is too much.
    let looks: [(cpu: UInt64, at: UInt64)] = [(5, 100), (6, 110), (8, 120), (8, 130)]
    let found = looks.map {
      quiet.isNow(cpuNanoseconds: $0.cpu * Self.second, at: $0.at * Self.second)
    }
    #expect(found == [false, true, false, true])
  }

  @Test func comesNowAndThenForWhoIsAlwaysBusy() {
    var quiet = QuietTime()
    var found: [UInt64] = []
    for look in 0...100 as ClosedRange<UInt64> {
      let seconds = look * 10
      if quiet.isNow(cpuNanoseconds: seconds * Self.second, at: seconds * Self.second) {
        found.append(seconds)
      }
    }
    #expect(found == [300, 600, 900])
  }
}
