import Testing

@testable import GRPCTransport

@Suite struct BackOffTests {
  @Test func growsToItsBoundAndStartsOver() {
    var backOff = BackOff(BackOffConfiguration())
    var delays: [Duration] = []
    for _ in 0..<13 { delays.append(backOff.next(chance: 0)) }
    #expect(delays[0] == .seconds(1))
    #expect(delays[1] == .milliseconds(1600))
    #expect(delays[2] == .milliseconds(2560))
    #expect(delays[12] == .seconds(120))
    backOff.reset()
    #expect(backOff.next(chance: 0) == .seconds(1))
  }

  @Test func jitterIsATwentyPercentAtMost() {
    var backOff = BackOff(BackOffConfiguration())
    #expect(backOff.next(chance: 1) == .milliseconds(1200))
    #expect(backOff.next(chance: -1) == .milliseconds(1280))
    #expect(backOff.next(chance: 7) == .milliseconds(3072))
  }
}
