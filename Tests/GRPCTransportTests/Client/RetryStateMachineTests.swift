import GRPC
import Testing

@testable import GRPCTransport

@Suite struct RetryStateMachineTests {
  private static let policy = RetryPolicy(
    attemptsMax: 4, initialBackOff: .milliseconds(100), backOffMax: .milliseconds(250),
    backOffMultiplier: 2, retryableCodes: [.unavailable, .aborted])

  private func ended(
    _ machine: inout RetryStateMachine, _ code: StatusCode = .unavailable,
    _ pushBack: RetryStateMachine.PushBack = .none, chance: Double = 0
  ) -> RetryStateMachine.Decision {
    machine.attemptEnded(.status(code, pushBack), mayRetry: true, chance: chance)
  }

  @Test func delaysGrowToTheirBoundAndAttemptsEnd() {
    var machine = RetryStateMachine(policy: Self.policy)
    #expect(machine.previousAttempts == 0)
    #expect(ended(&machine) == .retry(after: .milliseconds(100)))
    #expect(machine.previousAttempts == 1)
    #expect(ended(&machine, .aborted) == .retry(after: .milliseconds(200)))
    #expect(ended(&machine) == .retry(after: .milliseconds(250)))
    #expect(machine.previousAttempts == 3)
    #expect(ended(&machine) == .end)
  }

  @Test func delaysSpreadByTwentyPercent() {
    var machine = RetryStateMachine(policy: Self.policy)
    #expect(ended(&machine, chance: 1) == .retry(after: .milliseconds(120)))
    #expect(ended(&machine, chance: -1) == .retry(after: .milliseconds(160)))
  }

  @Test func otherStatusesAndNoPolicyEndTheCall() {
    var machine = RetryStateMachine(policy: Self.policy)
    #expect(ended(&machine, .internal) == .end)
    var none = RetryStateMachine(policy: nil)
    #expect(ended(&none) == .end)
    #expect(!none.isFailure(.unavailable, .none))
  }

  @Test func serverSaysWhenOrNever() {
    var machine = RetryStateMachine(policy: Self.policy)
    _ = ended(&machine)
    let delay = ended(&machine, .unavailable, .delay(.seconds(7)))
    #expect(delay == .retry(after: .seconds(7)))
    // The back-off begins anew after a push-back.
    #expect(ended(&machine) == .retry(after: .milliseconds(100)))
    var stopped = RetryStateMachine(policy: Self.policy)
    #expect(ended(&stopped, .unavailable, .stop) == .end)
    #expect(stopped.isFailure(.internal, .stop))
  }

  @Test(
    arguments: [
      (nil, .none), ("0", .delay(.zero)), ("1500", .delay(.milliseconds(1500))), ("-1", .stop),
      ("", .stop), ("1.5", .stop), ("soon", .stop), ("99999999999", .stop), ("1 ", .stop),
    ] as [(String?, RetryStateMachine.PushBack)])
  func readsPushBack(_ text: String?, _ expected: RetryStateMachine.PushBack) {
    #expect(RetryStateMachine.PushBack(text) == expected)
  }

  @Test func unseenAndRefusedStartAgainWithoutAPolicy() {
    var machine = RetryStateMachine(policy: nil)
    #expect(
      machine.attemptEnded(.refused, mayRetry: false, chance: 0) == .retryTransparently)
    #expect(machine.attemptEnded(.refused, mayRetry: true, chance: 0) == .end)
    for _ in 0..<RetryStateMachine.unseenMax {
      #expect(
        machine.attemptEnded(.unseen, mayRetry: false, chance: 0) == .retryTransparently)
    }
    #expect(machine.attemptEnded(.unseen, mayRetry: true, chance: 0) == .end)
    #expect(machine.previousAttempts == 0)
  }

  @Test func refusedTwiceIsUnavailableForThePolicy() {
    var machine = RetryStateMachine(policy: Self.policy)
    _ = machine.attemptEnded(.refused, mayRetry: true, chance: 0)
    #expect(
      machine.attemptEnded(.refused, mayRetry: true, chance: 0)
        == .retry(after: .milliseconds(100)))
  }

  @Test func throttleStopsRetriesAtHalfItsTokens() {
    var throttle = RetryThrottle(RetryThrottling(tokensMax: 4, tokenRatio: 0.5))
    #expect(throttle.mayRetry)
    throttle.attemptFailed()
    #expect(throttle.mayRetry)
    throttle.attemptFailed()
    #expect(!throttle.mayRetry)
    throttle.attemptSucceeded()
    #expect(throttle.mayRetry)
    for _ in 0..<9 { throttle.attemptFailed() }
    for _ in 0..<4 { throttle.attemptSucceeded() }
    #expect(!throttle.mayRetry)
    for _ in 0..<99 { throttle.attemptSucceeded() }
    throttle.attemptFailed()
    #expect(throttle.mayRetry)
    var machine = RetryStateMachine(policy: Self.policy)
    let decision = machine.attemptEnded(
      .status(.unavailable, .none), mayRetry: false, chance: 0)
    #expect(decision == .end)
  }

  @Test func policyHasBounds() {
    #expect(RetryPolicy(attemptsMax: 9).attemptsMax == 5)
  }
}
