import CallDispatch
import Telephony
import TestKit
import Testing

/// Answering, hanging up, and checking unsigned inbound calls.
struct CallStateMachineAnswerTests {
  let sid = CallSamples.carrierCallID(1)
  let plan = CallAnswer.connect(.sip(uri: "sip:a@example.com", login: nil))

  func accepted() -> CallStateMachine {
    var machine = CallStateMachine(CallSamples.outbound(1))
    _ = machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(1))
    machine.dialAccepted(as: sid, at: CallSamples.time(2))
    return machine
  }

  func inbound() -> CallStateMachine {
    CallStateMachine(CallSamples.inbound(1, carrierCall: 1))
  }

  func carrierCall(_ status: CarrierCallStatus, to: String = "+15005550006") -> CarrierCall {
    CarrierCall(
      id: sid, status: status, from: "anonymous", to: to, isInbound: true,
      createTime: CallSamples.time(0))
  }

  // MARK: Answering

  @Test func onlyTheFirstAnswerCounts() {
    var machine = inbound()
    machine.answered(plan, at: CallSamples.time(1))
    #expect(machine.call.state == .inProgress)
    let before = machine.call
    machine.answered(.reject(.busy), at: CallSamples.time(2))
    #expect(machine.call == before)
  }

  @Test func aRejectedInboundCallIsOver() {
    var busy = inbound()
    busy.answered(.reject(.busy), at: CallSamples.time(1))
    #expect(busy.call.state == .busy)
    #expect(busy.call.endReason == .rejected)
    var rejected = inbound()
    rejected.answered(.reject(.rejected), at: CallSamples.time(1))
    #expect(rejected.call.state == .canceled)
    #expect(rejected.call.endReason == .rejected)
  }

  // MARK: Hanging up

  @Test func aQueuedCallIsCanceledAndNeverDialled() {
    var machine = CallStateMachine(CallSamples.outbound(1))
    #expect(machine.hangUpRequested(at: CallSamples.time(1)) == .none)
    #expect(machine.call.state == .canceled)
    #expect(machine.call.endReason == .hungUp)
    #expect(machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(2)) == .leave)
  }

  @Test func aCallWhoseNameIsNotKnownYetIsEndedWhenItIs() {
    var machine = CallStateMachine(CallSamples.outbound(1))
    _ = machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(1))
    #expect(machine.hangUpRequested(at: CallSamples.time(2)) == .wait)
    #expect(machine.call.state == .dialing)
    machine.dialAccepted(as: sid, at: CallSamples.time(3))
    #expect(machine.call.work == PendingWork(.end, due: CallSamples.time(3)))
    machine.hangUpDone(at: CallSamples.time(4))
    #expect(machine.call.state == .canceled)
    #expect(machine.call.endReason == .hungUp)
  }

  @Test func aRefusedDialThatSomebodyHungUpIsNotRepeated() {
    var machine = CallStateMachine(CallSamples.outbound(1))
    _ = machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(1))
    _ = machine.hangUpRequested(at: CallSamples.time(2))
    machine.dialRefused(
      CarrierRefusal(.throttled), attempt: machine.attempt, at: CallSamples.time(3))
    #expect(machine.call.state == .canceled)
    #expect(machine.call.endReason == .hungUp)
  }

  @Test func theEndingFitsTheState() {
    var ringing = accepted()
    #expect(ringing.hangUpRequested(at: CallSamples.time(3)) == .end(sid, .canceled))
    var talking = accepted()
    talking.answered(plan, at: CallSamples.time(3))
    #expect(talking.hangUpRequested(at: CallSamples.time(4)) == .end(sid, .completed))
    #expect(talking.call.state == .inProgress)
    talking.hangUpDone(at: CallSamples.time(5))
    #expect(talking.call.state == .completed)
    #expect(talking.call.endReason == .hungUp)
  }

  @Test func aCallThatWasOverEndsAsTheCarrierSays() {
    var machine = accepted()
    _ = machine.hangUpRequested(at: CallSamples.time(3))
    machine.hangUpFoundOver(carrierCall(.noAnswer), at: CallSamples.time(4))
    #expect(machine.call.state == .noAnswer)
    var forgotten = accepted()
    _ = forgotten.hangUpRequested(at: CallSamples.time(3))
    forgotten.hangUpFoundOver(nil, at: CallSamples.time(4))
    #expect(forgotten.call.state == .canceled)
    #expect(forgotten.call.work == nil)
  }

  @Test func aHangUpIsTriedABoundedNumberOfTimes() {
    var machine = accepted()
    _ = machine.hangUpRequested(at: CallSamples.time(3))
    for failures in 1..<Limits.carrierRetryMax {
      machine.hangUpFailed(at: CallSamples.time(10 * failures))
      #expect(machine.call.work?.kind == .end)
      #expect(machine.call.work?.failures == failures)
    }
    machine.hangUpFailed(at: CallSamples.time(900))
    #expect(machine.call.work?.kind == .refresh)
    #expect(machine.call.hangUpRequested)
  }

  // MARK: Unsigned calls

  @Test func anUnsignedCallIsCheckedAndGoesOn() {
    var machine = inbound()
    machine.answered(plan, at: CallSamples.time(1))
    machine.verificationNeeded(at: CallSamples.time(1))
    #expect(machine.call.work == PendingWork(.verify, due: CallSamples.time(1)))
    #expect(machine.verified(carrierCall(.inProgress), at: CallSamples.time(2)) == .verified)
    #expect(machine.call.state == .inProgress)
    #expect(machine.call.work?.kind == .refresh)
  }

  @Test func aCallThatIsAnotherAtTheCarrierIsEnded() {
    var machine = inbound()
    machine.answered(plan, at: CallSamples.time(1))
    machine.verificationNeeded(at: CallSamples.time(1))
    let other = carrierCall(.inProgress, to: "+15005550007")
    #expect(machine.verified(other, at: CallSamples.time(2)) == .forged)
    #expect(machine.call.state == .failed)
    #expect(machine.call.endReason == .unverified)
    #expect(machine.call.work?.kind == .end)
    machine.hangUpDone(at: CallSamples.time(3))
    #expect(machine.call.work == nil)
    #expect(machine.call.state == .failed)
  }

  @Test func aCallThatTheCarrierDoesNotShowIsAskedForAgain() {
    var machine = inbound()
    machine.verificationNeeded(at: CallSamples.time(1))
    var time = CallSamples.time(1)
    for _ in 1..<Limits.verificationTriesMax {
      #expect(machine.verified(nil, at: time) == .askAgain)
      time = machine.call.work?.due ?? time
    }
    let asked = time.duration(since: CallSamples.time(1))
    #expect(asked >= .seconds(30))
    #expect(asked < .seconds(60))
    #expect(machine.verified(nil, at: time) == .forged)
    #expect(machine.call.endReason == .unverified)
  }

  // MARK: Silence

  @Test func aSilentCallIsLookedAfter() {
    var machine = accepted()
    #expect(machine.call.work?.kind == .refresh)
    machine.refreshed(carrierCall(.inProgress), at: CallSamples.time(100))
    #expect(machine.call.state == .inProgress)
    #expect(machine.call.work?.kind == .refresh)
    machine.refreshFailed(at: CallSamples.time(200))
    #expect(machine.call.work?.failures == 3)
    machine.refreshed(carrierCall(.completed), at: CallSamples.time(300))
    #expect(machine.call.state == .completed)
    var vanished = accepted()
    vanished.refreshed(nil, at: CallSamples.time(100))
    #expect(vanished.call.state == .failed)
    #expect(vanished.call.endReason == .carrierFailed)
  }
}
