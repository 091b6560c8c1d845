import Testing

@testable import GRPCTransport

@Suite struct KeepaliveStateMachineTests {
  private func machine(withoutCalls: Bool = false) -> KeepaliveStateMachine {
    let configuration = KeepaliveConfiguration(time: .seconds(60), withoutCalls: withoutCalls)
    return KeepaliveStateMachine(configuration, time: configuration.time)
  }

  @Test func timeHasALeast() {
    #expect(KeepaliveConfiguration(time: .seconds(1)).time == .seconds(10))
    #expect(KeepaliveConfiguration(time: .seconds(11)).time == .seconds(11))
    #expect(KeepaliveConfiguration(time: .seconds(60)).timeout == .seconds(20))
  }

  @Test func pingsASilentServerAndTakesAnyByteAsAnAnswer() {
    var machine = machine()
    #expect(machine.began() == .wait(.seconds(60)))
    machine.received()
    #expect(machine.timerFired(hasCalls: true) == .wait(.seconds(60)))
    #expect(machine.timerFired(hasCalls: true) == .ping(thenWait: .seconds(20)))
    machine.received()
    #expect(machine.timerFired(hasCalls: true) == .wait(.seconds(60)))
    #expect(machine.timerFired(hasCalls: true) == .ping(thenWait: .seconds(20)))
    #expect(machine.timerFired(hasCalls: true) == .close)
  }

  @Test func sleepsWithoutCallsAndAsksWhenOneComes() {
    var machine = machine()
    _ = machine.began()
    #expect(machine.callBegan() == .none)
    #expect(machine.timerFired(hasCalls: false) == .none)
    #expect(machine.callBegan() == .ping(thenWait: .seconds(20)))
    #expect(machine.callBegan() == .none)
    #expect(machine.timerFired(hasCalls: true) == .close)
  }

  @Test func pingsWithoutCallsIfItIsTold() {
    var machine = machine(withoutCalls: true)
    _ = machine.began()
    #expect(machine.timerFired(hasCalls: false) == .ping(thenWait: .seconds(20)))
  }
}
