import Testing

@testable import GRPCTransport

@Suite struct SubchannelStateMachineTests {
  let start = ContinuousClock.now

  private func machine(connectTimeout: Duration = .seconds(20)) -> SubchannelStateMachine {
    SubchannelStateMachine(backOff: BackOffConfiguration(), connectTimeoutMin: connectTimeout)
  }

  @Test func connectsOnDemandOnly() {
    var machine = machine()
    #expect(machine.state == .idle)
    #expect(machine.connectRequested(now: start, chance: 0) == .connect(timeout: .seconds(20)))
    #expect(machine.connectRequested(now: start, chance: 0) == .none)
    #expect(machine.state == .connecting)
    #expect(machine.connected() == true)
    #expect(machine.state == .ready)
    #expect(machine.connected() == false)
    #expect(machine.connectRequested(now: start, chance: 0) == .none)
  }

  @Test func backOffCountsFromTheAttemptsStart() {
    var machine = machine()
    _ = machine.connectRequested(now: start, chance: 0)
    let soon = start.advanced(by: .milliseconds(300))
    #expect(machine.connectFailed(now: soon) == .backOff(.milliseconds(700)))
    #expect(machine.state == .transientFailure)
    #expect(machine.connectRequested(now: soon, chance: 0) == .none)
    #expect(machine.backOffPassed() == true)
    #expect(machine.state == .idle)
    let second = start.advanced(by: .seconds(1))
    _ = machine.connectRequested(now: second, chance: 0)
    // The attempt took longer than its back-off: nothing is left of it.
    let late = second.advanced(by: .seconds(20))
    #expect(machine.connectFailed(now: late) == .backOff(.zero))
  }

  @Test func delaysGrowUntilAConnectionIsReady() {
    var machine = machine()
    var now = start
    for delay in [Duration.seconds(1), .milliseconds(1600), .milliseconds(2560)] {
      _ = machine.connectRequested(now: now, chance: 0)
      #expect(machine.connectFailed(now: now) == .backOff(delay))
      #expect(machine.backOffPassed() == true)
    }
    _ = machine.connectRequested(now: now, chance: 0)
    #expect(machine.connected() == true)
    now = now.advanced(by: .seconds(60))
    #expect(machine.connectionEnded(now: now) == .becomeIdle)
    _ = machine.connectRequested(now: now, chance: 0)
    #expect(machine.connectFailed(now: now) == .backOff(.seconds(1)))
  }

  @Test func longBackOffLetsAnAttemptTakeAsLong() {
    var machine = machine(connectTimeout: .seconds(2))
    for _ in 0..<4 {
      _ = machine.connectRequested(now: start, chance: 0)
      _ = machine.connectFailed(now: start)
      _ = machine.backOffPassed()
    }
    #expect(
      machine.connectRequested(now: start, chance: 0) == .connect(timeout: .microseconds(6_553_600))
    )
  }

  @Test func aServerThatEndsEveryConnectionIsLeftAlone() {
    var machine = machine()
    for _ in 0..<SubchannelStateMachine.shortLivedMax {
      _ = machine.connectRequested(now: start, chance: 0)
      #expect(machine.connected() == true)
      #expect(machine.connectionEnded(now: start) == .becomeIdle)
    }
    for delay in [Duration.seconds(1), .milliseconds(1600)] {
      _ = machine.connectRequested(now: start, chance: 0)
      #expect(machine.connected() == true)
      #expect(machine.connectionEnded(now: start) == .backOff(delay))
      #expect(machine.backOffPassed() == true)
    }
    // One that stays for a while is forgiven.
    _ = machine.connectRequested(now: start, chance: 0)
    #expect(machine.connected() == true)
    let later = start.advanced(by: .seconds(5))
    #expect(machine.connectionEnded(now: later) == .becomeIdle)
    _ = machine.connectRequested(now: later, chance: 0)
    #expect(machine.connected() == true)
    #expect(machine.connectionEnded(now: later) == .becomeIdle)
  }

  @Test func nothingHappensAfterTheEnd() {
    var machine = machine()
    _ = machine.connectRequested(now: start, chance: 0)
    machine.shutDown()
    #expect(machine.state == .shutdown)
    #expect(machine.connected() == false)
    #expect(machine.connectFailed(now: start) == .none)
    #expect(machine.connectionEnded(now: start) == .none)
    #expect(machine.backOffPassed() == false)
    #expect(machine.connectRequested(now: start, chance: 0) == .none)
  }
}
