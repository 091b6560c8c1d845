import Testing

@testable import GRPCTransport

@Suite struct PickFirstStateMachineTests {
  let a = SubchannelID(number: 1)
  let b = SubchannelID(number: 2)
  let c = SubchannelID(number: 3)

  @Test func connectsWhenSomebodyCalls() {
    var machine = PickFirstStateMachine()
    #expect(machine.addressesChanged([a, b]) == [])
    #expect(machine.state == .idle)
    #expect(machine.connectionWanted() == [.connect(a)])
    #expect(machine.connectionWanted() == [])
    #expect(machine.subchannelChanged(a, .connecting) == [])
    #expect(machine.picker == .wait)
    #expect(machine.subchannelChanged(a, .ready) == [])
    #expect(machine.picker == .ready([a]))
  }

  @Test func triesTheNextAddressAndSticksToIt() {
    var machine = PickFirstStateMachine()
    _ = machine.addressesChanged([a, b, c])
    _ = machine.connectionWanted()
    #expect(machine.subchannelChanged(a, .transientFailure) == [.connect(b)])
    #expect(machine.state == .connecting)
    #expect(machine.subchannelChanged(b, .ready) == [])
    #expect(machine.subchannelChanged(a, .idle) == [])
    #expect(machine.picker == .ready([b]))
    // A new list that still has it changes nothing.
    #expect(machine.addressesChanged([c, b]) == [])
    #expect(machine.picker == .ready([b]))
  }

  @Test func isIdleWhenItsConnectionEnded() {
    var machine = PickFirstStateMachine()
    _ = machine.addressesChanged([a, b])
    _ = machine.connectionWanted()
    _ = machine.subchannelChanged(a, .ready)
    #expect(machine.subchannelChanged(a, .idle) == [.resolve])
    #expect(machine.state == .idle)
    #expect(machine.picker == .wait)
    #expect(machine.connectionWanted() == [.connect(a)])
  }

  @Test func failsWhenAllFailedAndGoesOnTrying() {
    var machine = PickFirstStateMachine()
    _ = machine.addressesChanged([a, b])
    _ = machine.connectionWanted()
    _ = machine.subchannelChanged(a, .transientFailure)
    #expect(machine.subchannelChanged(b, .transientFailure) == [.resolve])
    #expect(machine.state == .transientFailure)
    #expect(machine.picker == .fail)
    #expect(machine.connectionWanted() == [])
    // Each is tried after its back-off, and calls fail until one is ready.
    #expect(machine.subchannelChanged(a, .idle) == [.connect(a)])
    #expect(machine.subchannelChanged(a, .connecting) == [])
    #expect(machine.picker == .fail)
    #expect(machine.subchannelChanged(b, .idle) == [.connect(b)])
    #expect(machine.subchannelChanged(b, .ready) == [])
    #expect(machine.picker == .ready([b]))
    #expect(machine.subchannelChanged(a, .ready) == [.disconnect(a)])
    #expect(machine.picker == .ready([b]))
  }

  @Test func firstAddressThatRecoveredDuringAPassIsTriedAtItsEnd() {
    var machine = PickFirstStateMachine()
    _ = machine.addressesChanged([a, b])
    _ = machine.connectionWanted()
    _ = machine.subchannelChanged(a, .transientFailure)
    #expect(machine.subchannelChanged(a, .idle) == [])
    #expect(machine.subchannelChanged(b, .transientFailure) == [.resolve, .connect(a)])
  }

  @Test func newAddressesAreTriedAfterAFailure() {
    var machine = PickFirstStateMachine()
    #expect(machine.addressesChanged([]) == [])
    #expect(machine.picker == .fail)
    #expect(machine.addressesChanged([a]) == [.connect(a)])
    #expect(machine.picker == .wait)
  }

  @Test func addressInUseThatVanishesIsLeft() {
    var machine = PickFirstStateMachine()
    _ = machine.addressesChanged([a])
    _ = machine.connectionWanted()
    _ = machine.subchannelChanged(a, .ready)
    #expect(machine.addressesChanged([b]) == [])
    #expect(machine.state == .idle)
    #expect(machine.subchannelChanged(a, .shutdown) == [])
    #expect(machine.connectionWanted() == [.connect(b)])
  }
}
