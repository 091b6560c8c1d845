import Testing

@testable import GRPCTransport

@Suite struct RoundRobinStateMachineTests {
  let a = SubchannelID(number: 1)
  let b = SubchannelID(number: 2)
  let c = SubchannelID(number: 3)

  @Test func connectsAllAndUsesThoseThatAreReady() {
    var machine = RoundRobinStateMachine()
    #expect(machine.addressesChanged([a, b, c]) == [.connect(a), .connect(b), .connect(c)])
    #expect(machine.picker == .wait)
    _ = machine.subchannelChanged(c, .ready)
    #expect(machine.picker == .ready([c]))
    _ = machine.subchannelChanged(a, .ready)
    #expect(machine.picker == .ready([a, c]))
    #expect(machine.subchannelChanged(b, .transientFailure) == [.resolve])
    #expect(machine.state == .ready)
  }

  @Test func connectsAgainAtOnce() {
    var machine = RoundRobinStateMachine()
    _ = machine.addressesChanged([a])
    _ = machine.subchannelChanged(a, .ready)
    #expect(machine.subchannelChanged(a, .idle) == [.resolve, .connect(a)])
    #expect(machine.state == .connecting)
    #expect(machine.picker == .wait)
  }

  @Test func anAddressThatFailedCountsAsFailedUntilItIsReady() {
    var machine = RoundRobinStateMachine()
    _ = machine.addressesChanged([a, b])
    _ = machine.subchannelChanged(a, .transientFailure)
    #expect(machine.picker == .wait)
    _ = machine.subchannelChanged(b, .transientFailure)
    #expect(machine.picker == .fail)
    #expect(machine.subchannelChanged(a, .idle) == [.connect(a)])
    _ = machine.subchannelChanged(a, .connecting)
    #expect(machine.state == .transientFailure)
    _ = machine.subchannelChanged(a, .ready)
    #expect(machine.picker == .ready([a]))
  }

  @Test func addressesComeAndGo() {
    var machine = RoundRobinStateMachine()
    _ = machine.addressesChanged([a, b])
    _ = machine.subchannelChanged(a, .ready)
    _ = machine.subchannelChanged(b, .ready)
    #expect(machine.addressesChanged([b, c]) == [.connect(c)])
    #expect(machine.picker == .ready([b]))
    #expect(machine.subchannelChanged(a, .shutdown) == [])
    #expect(machine.addressesChanged([]) == [])
    #expect(machine.picker == .fail)
  }
}
