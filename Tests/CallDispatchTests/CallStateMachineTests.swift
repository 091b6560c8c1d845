import CallDispatch
import Telephony
import TestKit
import Testing

/// The outbound machine, as lists of events and what they answer.
struct CallStateMachineTests {
  let sid = CallSamples.carrierCallID(1)

  func machine() -> CallStateMachine { CallStateMachine(CallSamples.outbound(1)) }

  func sending() -> CallStateMachine {
    var machine = machine()
    #expect(machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(1)) == .send)
    return machine
  }

  func accepted() -> CallStateMachine {
    var machine = sending()
    machine.dialAccepted(as: sid, at: CallSamples.time(2))
    return machine
  }

  func report(
    _ status: CarrierCallStatus, _ sequence: Int?, sid: CarrierCallSID? = nil,
    duration: Int? = nil, sipCode: Int? = nil
  ) -> StatusWebhook {
    StatusWebhook(
      account: CallSamples.account, carrierCallID: sid ?? self.sid, status: status,
      sequence: sequence, time: CallSamples.time(10 + (sequence ?? 0)), sipCode: sipCode,
      durationSeconds: duration)
  }

  @Test func anAnsweredCallGoesThroughEveryState() {
    var machine = machine()
    #expect(machine.call.state == .queued)
    #expect(machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(1)) == .send)
    #expect(machine.call.state == .dialing)
    #expect(machine.call.dial?.phase == .sending)
    #expect(machine.call.work?.kind == .reconcile)
    machine.dialAccepted(as: sid, at: CallSamples.time(2))
    #expect(machine.call.dial?.phase == .settled)
    #expect(machine.call.work?.kind == .refresh)
    #expect(machine.reported(report(.initiated, 0), at: CallSamples.time(3)) == .changed)
    #expect(machine.reported(report(.ringing, 1), at: CallSamples.time(4)) == .changed)
    #expect(machine.call.state == .ringing)
    #expect(machine.reported(report(.inProgress, 2), at: CallSamples.time(5)) == .changed)
    #expect(machine.call.state == .inProgress)
    #expect(machine.reported(report(.completed, 3), at: CallSamples.time(6)) == .changed)
    #expect(machine.call.state == .completed)
    #expect(machine.call.endReason == .completed)
    #expect(machine.call.work == nil)
    #expect(machine.call.answerTime == CallSamples.time(12))
    #expect(machine.call.endTime == CallSamples.time(13))
  }

  @Test func aDialIsSentOnce() {
    var machine = sending()
    let before = machine.call
    #expect(machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(5)) == .leave)
    #expect(machine.call == before)
    machine.dialAccepted(as: sid, at: CallSamples.time(6))
    #expect(machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(7)) == .leave)
  }

  @Test func aLostDialIsNeverSentAgain() {
    var machine = sending()
    machine.dialLost(attempt: machine.attempt, at: CallSamples.time(2))
    #expect(machine.call.outcomeUnknown)
    #expect(machine.call.isUnresolved)
    #expect(machine.call.work?.kind == .reconcile)
    #expect(machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(3)) == .leave)
    machine.reconciledWithoutResult(at: CallSamples.time(4))
    #expect(machine.call.work?.kind == .reconcile)
    #expect(machine.call.work?.due == CallSamples.time(6))
    machine.reconciledWithoutResult(at: CallSamples.time(6))
    #expect(machine.call.work?.due == CallSamples.time(10))
    machine.reconciledWithoutResult(at: CallSamples.time(86_402))
    #expect(machine.call.state == .failed)
    #expect(machine.call.endReason == .outcomeUnknown)
    #expect(machine.call.outcomeUnknown)
    #expect(machine.call.work == nil)
  }

  @Test func aLostDialIsFoundAtTheCarrier() {
    var machine = sending()
    machine.dialLost(attempt: machine.attempt, at: CallSamples.time(2))
    let carrierCall = CarrierCall(
      id: sid, status: .ringing, from: "+1", to: "+2", isInbound: false,
      createTime: CallSamples.time(1))
    machine.reconciled(carrierCall, at: CallSamples.time(4))
    #expect(machine.call.carrierCallID == sid)
    #expect(machine.call.state == .ringing)
    #expect(!machine.call.outcomeUnknown)
    #expect(!machine.call.isUnresolved)
    // It was another's call: the callback with our own token knows better.
    let ours = CallSamples.carrierCallID(2)
    let callback = report(.inProgress, 2, sid: ours)
    #expect(machine.reported(callback, at: CallSamples.time(5)) == .changed)
    #expect(machine.call.carrierCallID == ours)
    // And now it is settled.
    #expect(machine.reported(report(.completed, 3), at: CallSamples.time(6)) == .foreign)
  }

  @Test func aRefusalWithoutEffectIsRepeatedABoundedNumberOfTimes() {
    var machine = machine()
    let busy = CarrierRefusal(.throttled, code: 20_429, retryAfter: .seconds(3))
    var time = 0
    for _ in 0..<Limits.dialRetryMax {
      #expect(machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(time)) == .send)
      machine.dialRefused(busy, attempt: machine.attempt, at: CallSamples.time(time))
      #expect(machine.call.dial?.phase == .intent)
      #expect(machine.call.work?.kind == .dial)
      #expect((machine.call.work?.due ?? CallSamples.epoch) >= CallSamples.time(time + 3))
      time += 20
    }
    #expect(machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(time)) == .send)
    machine.dialRefused(busy, attempt: machine.attempt, at: CallSamples.time(time))
    #expect(machine.call.state == .failed)
    #expect(machine.call.endReason == .carrierUnavailable)
    #expect(machine.call.carrierCode == 20_429)
  }

  @Test(arguments: CarrierRefusal.Kind.allCases.filter { !$0.isRepeatable })
  func anyOtherRefusalFails(_ kind: CarrierRefusal.Kind) {
    var machine = sending()
    machine.dialRefused(
      CarrierRefusal(kind, code: 21_211), attempt: machine.attempt, at: CallSamples.time(2))
    #expect(machine.call.state == .failed)
    #expect(machine.call.endReason == .carrierRefused)
    #expect(machine.call.carrierCode == 21_211)
    #expect(machine.call.work == nil)
  }

  @Test func aCallbackMayComeBeforeTheDialsOwnAnswer() {
    var machine = sending()
    #expect(machine.reported(report(.ringing, 1), at: CallSamples.time(2)) == .changed)
    #expect(machine.call.carrierCallID == sid)
    #expect(machine.call.state == .ringing)
    let before = machine.call
    machine.dialAccepted(as: sid, at: CallSamples.time(3))
    #expect(machine.call == before)
    machine.dialLost(attempt: machine.attempt, at: CallSamples.time(4))
    machine.dialRefused(
      CarrierRefusal(.throttled), attempt: machine.attempt, at: CallSamples.time(4))
    #expect(machine.call == before)
  }

  @Test func aBlockedDialWaitsAndThenFails() {
    var machine = machine()
    machine.dialBlocked(at: CallSamples.time(10))
    #expect(machine.call.work == PendingWork(.dial, due: CallSamples.time(11)))
    #expect(machine.call.state == .queued)
    machine.dialBlocked(at: CallSamples.time(300))
    #expect(machine.call.state == .failed)
    #expect(machine.call.endReason == .attemptUnresolved)
  }

  @Test(arguments: [
    (CarrierCallStatus.busy, CallState.busy, EndReason.busy),
    (.noAnswer, .noAnswer, .noAnswer), (.failed, .failed, .carrierFailed),
    (.canceled, .canceled, .canceled), (.completed, .completed, .completed),
  ])
  func aTerminalStateIsNeverLeft(
    _ status: CarrierCallStatus, _ state: CallState, _ reason: EndReason
  ) {
    var machine = accepted()
    _ = machine.reported(report(status, 3, sipCode: 486), at: CallSamples.time(9))
    #expect(machine.call.state == state)
    #expect(machine.call.endReason == reason)
    #expect(machine.call.sipCode == 486)
    let before = machine.call
    for (index, late) in CarrierCallStatus.allCases.enumerated() {
      let result = machine.reported(report(late, 4 + index), at: CallSamples.time(20))
      #expect(result == .unchanged)
    }
    machine.dialAccepted(as: sid, at: CallSamples.time(20))
    machine.dialLost(attempt: machine.attempt, at: CallSamples.time(20))
    machine.refreshed(nil, at: CallSamples.time(20))
    machine.hangUpDone(at: CallSamples.time(20))
    #expect(machine.hangUpRequested(at: CallSamples.time(20)) == .none)
    #expect(machine.call == before)
  }

  /// Every order of a call's callbacks, with the dial's own answer anywhere among them, and each
  /// callback twice.
  @Test(arguments: [CarrierCallStatus.completed, .busy, .noAnswer, .failed, .canceled])
  func everyOrderOfCallbacksEndsTheSame(_ end: CarrierCallStatus) {
    enum Event {
      case report(StatusWebhook)
      case answer
    }
    let events: [Event] = [
      .report(report(.initiated, 0)), .report(report(.ringing, 1)),
      .report(report(.inProgress, 2)), .report(report(end, 3, duration: 1)), .answer,
    ]
    let orders = permutations(events)
    #expect(orders.count == 120)
    var ends: Set<String> = []
    for order in orders {
      var machine = sending()
      var rank = machine.call.state.rank
      var ended: Call?
      for event in order {
        for _ in 0..<2 {
          switch event {
          case .answer: machine.dialAccepted(as: sid, at: CallSamples.time(30))
          case .report(let report): _ = machine.reported(report, at: CallSamples.time(30))
          }
          #expect(machine.call.state.rank >= rank)
          rank = machine.call.state.rank
          if let ended { #expect(machine.call == ended) }
          if machine.call.state.isTerminal { ended = machine.call }
        }
      }
      let call = machine.call
      ends.insert("\(call.state) \(String(describing: call.endReason)) \(call.endTime as Any)")
      #expect(call.carrierCallID == sid)
      #expect(call.dial?.phase == .settled)
      #expect(call.work == nil)
      if end == .completed { #expect(call.answerTime == CallSamples.time(12)) }
    }
    #expect(ends.count == 1)
  }
}

/// Every order of the elements.
func permutations<Element>(_ elements: [Element]) -> [[Element]] {
  guard elements.count > 1 else { return [elements] }
  return elements.indices.flatMap { index in
    var rest = elements
    let first = rest.remove(at: index)
    return permutations(rest).map { [first] + $0 }
  }
}
