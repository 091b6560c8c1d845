import Telephony
import Testing

@Suite struct BackOffTests {
  private let backOff = BackOff(first: .milliseconds(250), longest: .seconds(3))

  @Test func waitsDoubleUpToTheBound() {
    let waits = (0...7).map { backOff.delay(afterFailures: $0) }
    #expect(
      waits == [
        .milliseconds(250), .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(2),
        .seconds(3), .seconds(3), .seconds(3),
      ])
    #expect(backOff.delay(afterFailures: .max) == .seconds(3))
  }

  @Test func whoAsksForMoreGetsItWithinTheBound() {
    #expect(backOff.delay(afterFailures: 1, asked: .seconds(2)) == .seconds(2))
    #expect(backOff.delay(afterFailures: 3, asked: .milliseconds(1)) == .seconds(1))
    #expect(backOff.delay(afterFailures: 1, asked: .seconds(9)) == .seconds(3))
  }

  @Test func whoWaitsIsToldWhenItWouldTakeTooLong() {
    let wait = { (failures: Int, asked: Duration?, random: Double) in
      backOff.jitteredDelay(afterFailures: failures, asked: asked, random: random)
    }
    #expect(wait(1, nil, 1) == .milliseconds(250))
    #expect(wait(2, nil, 0.5) == .milliseconds(250))
    #expect(wait(9, nil, 1) == .seconds(3))
    #expect(wait(1, .seconds(2), 1) == .milliseconds(2250))
    #expect(wait(1, .seconds(3), 0) == .seconds(3))
    #expect(wait(1, .seconds(3), 1) == nil)
  }
}
