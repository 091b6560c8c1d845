internal import Telephony

// The steps that several events share.
extension CallStateMachine {
  /// Moves forward, never back; says whether it moved.
  @discardableResult
  mutating func advance(to state: CallState) -> Bool {
    guard state.rank > call.state.rank else { return false }
    call.state = state
    return true
  }

  /// Ends the call. The first end counts.
  mutating func finish(_ state: CallState, _ reason: EndReason, at time: Timestamp) {
    precondition(state.isTerminal, "a call can't end in \(state)")
    guard advance(to: state) else { return }
    call.endReason = reason
    call.endTime = time
    call.outcomeUnknown = false
    settle()
    workDone()
  }

  /// Nothing more is to be done at the carrier.
  mutating func workDone() {
    call.work = nil
  }

  mutating func settle() {
    if call.dial != nil { call.dial?.phase = .settled }
  }

  /// The POST of this attempt may have been sent, and its outcome is not known.
  func isOut(_ attempt: Int) -> Bool {
    guard let dial = call.dial, dial.attempt == attempt else { return false }
    return dial.phase == .sending || dial.phase == .unknown
  }

  /// The carrier has the call, under this name.
  mutating func found(as id: CarrierCallSID, at time: Timestamp) {
    call.carrierCallID = id
    call.outcomeUnknown = false
    settle()
    advance(to: .dialing)
    if call.hangUpRequested {
      call.work = PendingWork(.end, due: time)
    } else if call.dial != nil {
      refreshLater(at: time)
    }
  }

  /// Sends the same dial again after a wait, if it was not done too often.
  mutating func dialAgain(
    else reason: EndReason, after wait: Duration?, at time: Timestamp
  ) {
    guard let dial = call.dial, dial.refusals < Limits.dialRetryMax else {
      return finish(.failed, reason, at: time)
    }
    call.dial?.refusals = dial.refusals + 1
    call.dial?.phase = .intent
    let backoff = BackOff(first: Limits.dialRetryDelay, longest: Limits.dialRetryDelayMax)
    let own = backoff.delay(afterFailures: dial.refusals + 1)
    let delay = min(max(own, wait ?? .zero), Limits.dialRetryDelayMax)
    call.work = PendingWork(.dial, due: time.advanced(by: delay))
  }

  /// Puts the work off.
  mutating func workFailed(_ kind: PendingWork.Kind, _ backoff: BackOff, at time: Timestamp) {
    let failures = (call.work?.kind == kind ? call.work?.failures ?? 0 : 0) + 1
    let due = time.advanced(by: backoff.delay(afterFailures: failures))
    call.work = PendingWork(kind, due: due, failures: failures)
  }

  /// Looks at the call later, for the case that no callback comes.
  mutating func refreshLater(at time: Timestamp) {
    workFailed(
      .refresh, BackOff(first: Limits.refreshDelay, longest: Limits.refreshDelayMax), at: time)
  }

  mutating func apply(_ carrierCall: CarrierCall, at time: Timestamp) {
    apply(
      carrierCall.status, at: carrierCall.endTime ?? time,
      durationSeconds: carrierCall.durationSeconds)
  }

  /// Takes the carrier's word for the state, if it is ahead of ours.
  mutating func apply(
    _ status: CarrierCallStatus, at time: Timestamp, durationSeconds: Int? = nil
  ) {
    let hungUp: EndReason? = call.hangUpRequested ? .hungUp : nil
    switch status {
    case .queued, .initiated: advance(to: .dialing)
    case .ringing:
      if advance(to: .ringing) { call.ringTime = time }
    case .inProgress:
      if advance(to: .inProgress) { call.answerTime = time }
    case .completed:
      if !call.state.isTerminal, call.answerTime == nil {
        call.answerTime = time.advanced(by: .seconds(-Int64(max(durationSeconds ?? 0, 0))))
      }
      finish(.completed, hungUp ?? .completed, at: time)
    case .busy: finish(.busy, .busy, at: time)
    case .noAnswer: finish(.noAnswer, .noAnswer, at: time)
    case .failed: finish(.failed, .carrierFailed, at: time)
    case .canceled: finish(.canceled, hungUp ?? .canceled, at: time)
    }
  }
}
