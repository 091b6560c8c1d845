import EventLoops
import HTTP2
import Testing

@testable import GRPCTransport

private typealias Machine = ConnectionStateMachine
private let quiet = Machine.Output()

extension Machine {
  /// A plaintext connection whose client has said all that belongs to its begin, at 0 s.
  fileprivate static func serving(
    _ change: (inout ConnectionLimits) -> Void = { _ in }
  ) -> Machine {
    var limits = ConnectionLimits.defaults
    limits.keepaliveTime = nil
    limits.idleMax = nil
    limits.ageMax = nil
    limits.ageGrace = nil
    change(&limits)
    var machine = Machine(limits: limits, jitter: 0, at: .zero)
    #expect(machine.opened(at: .zero) == .none)
    machine.received(headerBlock: nil, at: .zero)
    machine.settingsReceived(at: .zero)
    machine.settingsAcknowledged()
    return machine
  }

  /// What there is to do at `seconds`, in order.
  fileprivate mutating func actions(at seconds: Double, _ output: Output = quiet) -> [Action] {
    var actions: [Action] = []
    while true {
      let action = deadlinePassed(at: .seconds(seconds), output: output)
      if action == .none { return actions }
      actions.append(action)
    }
  }
}

@Suite struct ConnectionStateMachineTests {
  // MARK: The begin

  @Test func everyStepOfTheBeginIsBounded() {
    var machine = Machine(limits: .defaults, jitter: 0, at: .seconds(100))
    #expect(machine.wakeAt == .seconds(110))
    #expect(machine.actions(at: 109) == [])
    #expect(machine.deadlinePassed(at: .seconds(110), output: quiet) == .close(.handshakeTimeout))

    machine = Machine(limits: .defaults, jitter: 0, at: .zero)
    #expect(machine.opened(at: .seconds(9)) == .none)
    #expect(machine.actions(at: 10) == [])
    machine.received(headerBlock: nil, at: .seconds(12))
    #expect(machine.wakeAt == .seconds(19))
    #expect(machine.deadlinePassed(at: .seconds(19), output: quiet) == .close(.prefaceTimeout))

    machine = Machine(limits: .defaults, jitter: 0, at: .zero)
    #expect(machine.opened(at: .zero) == .none)
    machine.settingsReceived(at: .seconds(9))
    #expect(machine.actions(at: 18) == [])
    #expect(
      machine.actions(at: 19) == [
        .terminate(.settingsTimeout, debugData: "SETTINGS not acknowledged", .settingsTimeout)
      ])
  }

  @Test func aShutdownGivesAHandshakeLittleTime() {
    var machine = Machine(limits: .defaults, jitter: 0, at: .zero)
    #expect(machine.shutdownBegan(at: .seconds(1)) == .none)
    #expect(machine.wakeAt == .seconds(6))
    #expect(machine.actions(at: 5) == [])
    var late = machine
    #expect(late.deadlinePassed(at: .seconds(6), output: quiet) == .close(.drained(.shutdown)))
    // One that is done in time is said goodbye to like any other.
    #expect(machine.opened(at: .seconds(5)) == .sendShutdownNotice)

    machine = Machine(limits: .defaults, jitter: 0, at: .zero)
    #expect(machine.shutdownBegan(at: .seconds(8)) == .none)
    #expect(machine.wakeAt == .seconds(10))
  }

  @Test func aConnectionThatHasBegunWaitsForNothing() {
    let machine = Machine.serving()
    #expect(machine.phase == .serving)
    var again = machine
    #expect(again.actions(at: 1e6) == [])
    #expect(again.wakeAt == nil)
  }

  @Test func oneSlowHeaderBlockEndsTheConnectionManyQuickOnesDont() {
    var machine = Machine.serving()
    for number in 1...20 {
      machine.received(headerBlock: UInt64(number), at: .seconds(number))
      #expect(machine.actions(at: Double(number)) == [])
    }
    machine.received(headerBlock: 20, at: .seconds(29))
    #expect(machine.actions(at: 29) == [])
    #expect(
      machine.actions(at: 30) == [
        .terminate(.enhanceYourCalm, debugData: "header block too slow", .headerBlockTimeout)
      ])

    machine = .serving()
    machine.received(headerBlock: 1, at: .zero)
    machine.received(headerBlock: nil, at: .seconds(9))
    #expect(machine.actions(at: 11) == [])
  }

  // MARK: Idle, age, grace

  @Test func anIdleConnectionIsAskedToGo() {
    var machine = Machine.serving { $0.idleMax = .seconds(60) }
    #expect(machine.streamOpened(1, at: .seconds(50)) == .none)
    machine.lastStreamClosed(at: .seconds(55))
    #expect(machine.streamOpened(3, at: .seconds(56)) == .none)
    #expect(machine.actions(at: 100) == [.checkStreams])
    machine.lastStreamClosed(at: .seconds(110))
    #expect(machine.actions(at: 169) == [])
    #expect(machine.actions(at: 170) == [.sendShutdownNotice])
    #expect(machine.pingAcknowledged() == .sendGoAway(debugData: "max_idle"))
    #expect(machine.pingAcknowledged() == .none)
    machine.ended(nil, at: .seconds(171))
    #expect(machine.phase == .ending(.drained(.idle)))
  }

  @Test(arguments: [(-1.0, 90), (0.0, 100), (1.0, 110)])
  func ageHasJitter(jitter: Double, due: Int) {
    var limits = ConnectionLimits.defaults
    limits.ageMax = .seconds(100)
    limits.keepaliveTime = nil
    var machine = Machine(limits: limits, jitter: jitter, at: .zero)
    _ = machine.opened(at: .zero)
    machine.settingsReceived(at: .zero)
    machine.settingsAcknowledged()
    #expect(machine.actions(at: Double(due) - 0.1) == [])
    #expect(machine.actions(at: Double(due) + 0.1) == [.sendShutdownNotice])
  }

  @Test func anOldConnectionsCallsHaveTheGraceToEnd() {
    var machine = Machine.serving {
      $0.ageMax = .seconds(100)
      $0.ageGrace = .seconds(30)
    }
    #expect(machine.streamOpened(1, at: .seconds(99)) == .none)
    #expect(machine.actions(at: 100) == [.sendShutdownNotice])
    // No answer to the ping: the second GOAWAY goes out all the same.
    #expect(machine.actions(at: 104) == [])
    #expect(machine.actions(at: 105) == [.sendGoAway(debugData: "max_age")])
    #expect(machine.actions(at: 129).allSatisfy { $0 == .checkStreams })
    #expect(machine.deadlinePassed(at: .seconds(130), output: quiet) == .cutOff(.cutOff(.age)))
    #expect(machine.closed(.cutOff(.age)) == .cutOff(.age))
    #expect(machine.actions(at: 1000) == [])
  }

  @Test func withoutGraceCallsGoOn() {
    var machine = Machine.serving { $0.ageMax = .seconds(100) }
    #expect(machine.streamOpened(1, at: .zero) == .none)
    _ = machine.actions(at: 100)
    #expect(machine.pingAcknowledged() == .sendGoAway(debugData: "max_age"))
    #expect(machine.actions(at: 1e6) == [.checkStreams])
  }

  @Test func usedUpStreamIdentifiersMakeItGo() {
    var machine = Machine.serving()
    #expect(machine.streamOpened(0x5FFF_FFFF, at: .zero) == .none)
    #expect(machine.streamOpened(0x6000_0001, at: .zero) == .sendShutdownNotice)
    #expect(machine.streamOpened(0x6000_0003, at: .zero) == .none)
    #expect(machine.pingAcknowledged() == .sendGoAway(debugData: "stream ids used up"))
  }

  // MARK: Shutdown

  @Test func shutdownIsToldInTwoSteps() {
    var machine = Machine.serving()
    #expect(machine.shutdownBegan(at: .seconds(1)) == .sendShutdownNotice)
    #expect(machine.shutdownBegan(at: .seconds(2)) == .none)
    #expect(machine.streamOpened(1, at: .seconds(2)) == .none)
    #expect(machine.pingAcknowledged() == .sendGoAway(debugData: "server shutting down"))
    #expect(machine.actions(at: 6) == [])
    machine.lastStreamClosed(at: .seconds(7))
    machine.ended(nil, at: .seconds(7))
    machine.outputEnded(at: .seconds(8))
    #expect(machine.actions(at: 8.9) == [])
    #expect(
      machine.deadlinePassed(at: .seconds(9), output: quiet) == .close(.drained(.shutdown)))
    #expect(machine.closed(.clientClosed) == .drained(.shutdown))
  }

  @Test func aConnectionInItsHandshakeHearsOfTheShutdownWhenItCanBeTold() {
    var machine = Machine(limits: .defaults, jitter: 0, at: .zero)
    #expect(machine.shutdownBegan(at: .seconds(1)) == .none)
    #expect(machine.opened(at: .seconds(2)) == .sendShutdownNotice)
    // The client never says a word.
    #expect(machine.actions(at: 7) == [.sendGoAway(debugData: "server shutting down")])
    machine.ended(nil, at: .seconds(7))
    machine.outputEnded(at: .seconds(7))
    #expect(
      machine.deadlinePassed(at: .seconds(8), output: quiet) == .close(.drained(.shutdown)))
  }

  @Test func theAnswerToAnEarlierPingIsNotTheAnswerToTheNotice() {
    var machine = Machine.serving { $0.keepaliveTime = .seconds(10) }
    #expect(machine.actions(at: 10) == [.sendPing])
    #expect(machine.shutdownBegan(at: .seconds(11)) == .sendShutdownNotice)
    #expect(machine.pingAcknowledged() == .none)
    #expect(machine.pingAcknowledged() == .sendGoAway(debugData: "server shutting down"))
  }

  // MARK: Keepalive

  @Test func aSilentClientIsPingedAndOneThatStaysSilentIsLeft() {
    var machine = Machine.serving { $0.keepaliveTime = .seconds(100) }
    #expect(machine.wakeAt == .seconds(10) || machine.wakeAt == .seconds(100))
    machine.received(headerBlock: nil, at: .seconds(50))
    #expect(machine.actions(at: 149) == [])
    #expect(machine.actions(at: 150) == [.sendPing])
    #expect(machine.wakeAt == .seconds(170))
    machine.received(headerBlock: nil, at: .seconds(169))
    #expect(machine.actions(at: 170) == [])
    #expect(machine.actions(at: 269) == [.sendPing])
    #expect(machine.actions(at: 288) == [])
    #expect(machine.deadlinePassed(at: .seconds(289), output: quiet) == .close(.keepaliveTimeout))
  }

  // MARK: Pings of the client

  @Test func theFourthHurriedPingIsOneTooMany() {
    var machine = Machine.serving()
    _ = machine.streamOpened(1, at: .zero)
    #expect(machine.pingReceived(framesSent: 5, at: .seconds(0)) == .none)
    #expect(machine.pingReceived(framesSent: 5, at: .seconds(10)) == .none)
    #expect(machine.pingReceived(framesSent: 5, at: .seconds(20)) == .none)
    #expect(
      machine.pingReceived(framesSent: 5, at: .seconds(30))
        == .terminate(
          .enhanceYourCalm, debugData: "too_many_pings",
          .tooManyPings(interval: .seconds(10), allowed: .seconds(300))))
    #expect(machine.closed(.clientClosed).name == "too_many_pings")
  }

  @Test func aClientThatIsSentSomethingMayPing() {
    var machine = Machine.serving()
    _ = machine.streamOpened(1, at: .zero)
    for number in 1...1000 {
      #expect(
        machine.pingReceived(framesSent: UInt64(number), at: .milliseconds(number)) == .none)
    }
    // One frame forgives what came before it.
    for second in 2...3 {
      #expect(machine.pingReceived(framesSent: 1000, at: .seconds(second)) == .none)
    }
    #expect(machine.pingReceived(framesSent: 1001, at: .seconds(4)) == .none)
    for second in 5...6 {
      #expect(machine.pingReceived(framesSent: 1001, at: .seconds(second)) == .none)
    }
    #expect(machine.pingReceived(framesSent: 1001, at: .seconds(7)) != .none)
  }

  @Test func withoutCallsPingsAreRarer() {
    var machine = Machine.serving()
    var seconds = 0
    for _ in 1...3 {
      #expect(machine.pingReceived(framesSent: 0, at: .seconds(seconds)) == .none)
      seconds += 301
    }
    #expect(machine.pingReceived(framesSent: 0, at: .seconds(seconds)) != .none)

    machine = .serving { $0.permitsPingsWithoutCalls = true }
    for number in 0..<20 {
      #expect(machine.pingReceived(framesSent: 0, at: .seconds(number * 301)) == .none)
    }
    machine = .serving()
    for number in 0..<20 {
      #expect(machine.pingReceived(framesSent: 0, at: .seconds(number * 7200)) == .none)
    }
  }

  // MARK: Output

  @Test func outputThatMovesIsGivenTimeOutputThatDoesNotIsNot() {
    var machine = Machine.serving()
    machine.outputBlocked(at: .zero)
    #expect(machine.actions(at: 14) == [])
    #expect(machine.wakeAt == .seconds(15))
    for step in 1...20 {
      let output = Machine.Output(isWaiting: true, progress: UInt64(step))
      #expect(machine.actions(at: Double(step) * 15, output) == [])
    }
    let stuck = Machine.Output(isWaiting: true, progress: 20)
    #expect(machine.actions(at: 315, stuck) == [])
    #expect(machine.actions(at: 345, stuck) == [])
    #expect(machine.deadlinePassed(at: .seconds(360), output: stuck) == .close(.writeStall))

    machine = .serving()
    machine.outputBlocked(at: .zero)
    #expect(machine.actions(at: 15) == [])
    #expect(machine.wakeAt == nil)
  }

  @Test func theEndOfAConnectionIsBoundedToo() {
    var machine = Machine.serving()
    machine.ended(.session(.badPreface), at: .zero)
    let stuck = Machine.Output(isWaiting: true, progress: 1)
    for second in [15.0, 30, 45, 60] { #expect(machine.actions(at: second, stuck) == []) }
    #expect(machine.deadlinePassed(at: .seconds(75), output: stuck) == .close(.writeStall))
    #expect(machine.closed(.writeStall) == .session(.badPreface))
  }

  // MARK: Whatever comes

  /// A generator of the same numbers every time (xorshift64).
  private struct Numbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }

  @Test(arguments: 1...50)
  func everyDeadlineIsDoneWithInAFewSteps(seed: UInt64) {
    var numbers = Numbers(state: seed &* 0x9E37_79B9_7F4A_7C15)
    var limits = ConnectionLimits.defaults
    limits.idleMax = .seconds(20)
    limits.ageMax = .seconds(300)
    limits.ageGrace = .seconds(30)
    limits.keepaliveTime = .seconds(15)
    var machine = Machine(limits: limits, jitter: 0, at: .zero)
    var now = Duration.zero
    var count = 0
    while machine.phase != .over {
      now += .milliseconds(Int.random(in: 0...9000, using: &numbers))
      switch Int.random(in: 0..<12, using: &numbers) {
      case 0: _ = machine.opened(at: now)
      case 1: machine.settingsReceived(at: now)
      case 2: machine.settingsAcknowledged()
      case 3: machine.received(headerBlock: UInt64(count / 9), at: now)
      case 4, 5: machine.received(headerBlock: nil, at: now)
      case 6: _ = machine.streamOpened(Int32(count), at: now)
      case 7: machine.lastStreamClosed(at: now)
      case 8: _ = machine.pingReceived(framesSent: UInt64(count / 3), at: now)
      case 9: _ = machine.pingAcknowledged()
      case 10: machine.outputBlocked(at: now)
      default: if count > 100 { machine.ended(nil, at: now) }
      }
      var steps = 0
      let output = Machine.Output(isWaiting: count % 4 == 0, progress: UInt64(count / 8))
      due: while true {
        switch machine.deadlinePassed(at: now, output: output) {
        case .none: break due
        case .close(let reason), .cutOff(let reason): _ = machine.closed(reason)
        default: break
        }
        steps += 1
        #expect(steps < 8, "the machine does not come to rest")
      }
      if let wakeAt = machine.wakeAt { #expect(wakeAt > now) }
      if case .ending = machine.phase { machine.outputEnded(at: now) }
      count += 1
      // Its age is bounded, so all of it is.
      #expect(count < 1000 && (machine.phase == .over || now < .seconds(600)))
    }
  }
}
