import Testing

@testable import GRPCTransport

@Suite struct ResolverStateMachineTests {
  let start = ContinuousClock.now

  private func machine() -> ResolverStateMachine {
    ResolverStateMachine(intervalMin: .seconds(30), backOff: BackOffConfiguration())
  }

  @Test func looksUpOnceAtATime() {
    var machine = machine()
    #expect(machine.requested(now: start) == .resolve)
    #expect(machine.requested(now: start) == .none)
    machine.resolved(now: start)
  }

  @Test func keepsTheIntervalBetweenLookups() {
    var machine = machine()
    _ = machine.requested(now: start)
    machine.resolved(now: start)
    let soon = start.advanced(by: .seconds(10))
    #expect(machine.requested(now: soon) == .wait(.seconds(20)))
    #expect(machine.requested(now: soon) == .none)
    #expect(machine.waitPassed() == .resolve)
    machine.resolved(now: start.advanced(by: .seconds(30)))
    #expect(machine.requested(now: start.advanced(by: .seconds(61))) == .resolve)
  }

  @Test func backsOffWhileNothingIsFound() {
    var machine = machine()
    _ = machine.requested(now: start)
    #expect(machine.failed(chance: 0) == .wait(.seconds(1)))
    #expect(machine.requested(now: start) == .none)
    #expect(machine.waitPassed() == .resolve)
    #expect(machine.failed(chance: 0) == .wait(.milliseconds(1600)))
    #expect(machine.waitPassed() == .resolve)
    machine.resolved(now: start)
    #expect(machine.waitPassed() == .none)
    #expect(machine.requested(now: start.advanced(by: .seconds(30))) == .resolve)
    #expect(machine.failed(chance: 0) == .wait(.seconds(1)))
  }
}
