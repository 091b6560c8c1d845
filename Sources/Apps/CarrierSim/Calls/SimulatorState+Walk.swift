internal import Telephony

/// A call's way from the queue to its end.
///
/// ```
/// queued → initiated → ringing → in-progress → completed
///    └─────────┴──────────┴→ canceled, busy, failed, no-answer
/// ```
extension SimulatorState {
  mutating func callLeavesQueue(_ sid: String) {
    guard var call = calls[sid], call.status == .queued else { return }
    call.status = .initiated
    call.started = now
    call.updated = now
    call.queueMilliseconds = Int(now.milliseconds - call.created.milliseconds)
    calls[sid] = call
    emit(.initiated, sid)
    schedule(.callRings(sid), after: call.farEnd.ringAfter ?? settings.ringAfter)
  }

  mutating func queueTimeOver(_ sid: String) {
    guard calls[sid]?.status == .queued else { return }
    endCall(sid, .canceled)
  }

  mutating func callRings(_ sid: String) {
    guard let call = calls[sid], call.status == .initiated else { return }
    setStatus(.ringing, sid)
    emit(.ringing, sid)
    // About five seconds of slack come on top of the caller's limit.
    schedule(.ringTimeOver(sid), after: call.timeout + .seconds(5))
    guard call.farEnd.outcome != .noAnswer else { return }
    schedule(.farEndActs(sid), after: call.farEnd.answerAfter ?? settings.answerAfter)
  }

  mutating func farEndActs(_ sid: String) {
    guard let call = calls[sid], call.status == .ringing, !call.isInbound else { return }
    switch call.farEnd.outcome {
    case .answer:
      answerCall(sid)
      guard calls[sid]?.status == .inProgress else { return }
      if let text = call.inlineTwiML, let document = try? TwiMLDocument(xml: Array(text.utf8)) {
        begin(document, sid)
      } else {
        requestVoice(sid)
      }
    case .busy: endCall(sid, .busy)
    case .failed, .refuse:
      let code = call.farEnd.errorCode ?? 13224
      calls[sid]?.errors.append(
        SimulatedCall.CallError(code: code, message: "The call could not be completed."))
      endCall(sid, .failed)
    case .noAnswer: break
    }
  }

  mutating func ringTimeOver(_ sid: String) {
    guard let call = calls[sid], call.status == .ringing, !call.isInbound else { return }
    endCall(sid, .noAnswer)
  }

  /// The call is answered: by the far end, or on an inbound call by the TwiML.
  mutating func answerCall(_ sid: String) {
    guard let call = calls[sid], !call.status.isOver, call.status != .inProgress else { return }
    calls[sid]?.answered = now
    setStatus(.inProgress, sid)
    emit(.answered, sid)
    schedule(.timeLimitReached(sid), after: call.timeLimit)
    if let hangUpAfter = call.farEnd.hangUpAfter {
      schedule(.farEndHangsUp(sid), after: hangUpAfter)
    }
  }

  mutating func callerGivesUp(_ sid: String) {
    guard let call = calls[sid], call.status == .ringing, call.isInbound else { return }
    endCall(sid, .noAnswer)
  }

  /// Somebody hangs up, or the time is over: an answered call is complete, another is canceled.
  mutating func endConnection(_ sid: String) {
    guard let call = calls[sid], !call.status.isOver else { return }
    endCall(sid, call.status == .inProgress ? .completed : .canceled)
  }

  mutating func endCall(_ sid: String, _ status: SimulatedCall.Status) {
    guard var call = calls[sid], !call.status.isOver else { return }
    precondition(status.isOver, "\(status) is not an end")
    call.ended = now
    call.generation += 1
    call.sipCode = call.farEnd.sipCode ?? Self.sipCode(of: status)
    call.status = status
    call.updated = now
    if call.disposition == nil {
      call.disposition = ["kind": "ended", "status": .string(status.rawValue)]
    }
    calls[sid] = call
    emit(.completed, sid)
    answerWaiting(sid)
    if let other = livekit.calls.all.first(where: { $0.carrierCall == sid }) {
      endSIPCall(other.id)
    }
    if let delay = settings.priceDelay, call.answered != nil {
      schedule(.priceKnown(sid), after: delay)
    }
  }

  private static func sipCode(of status: SimulatedCall.Status) -> Int {
    switch status {
    case .queued, .initiated, .ringing, .inProgress, .completed: 200
    case .busy: 486
    case .failed: 404
    case .noAnswer, .canceled: 487
    }
  }

  mutating func setStatus(_ status: SimulatedCall.Status, _ sid: String) {
    calls[sid]?.status = status
    calls[sid]?.updated = now
  }

  /// Per minute begun: US$0.0140 out, US$0.0085 in.
  mutating func priceKnown(_ sid: String) {
    guard let call = calls[sid], call.price == nil else { return }
    let minutes = (call.seconds + 59) / 60
    let price = minutes * (call.isInbound ? 85 : 140)
    let digits = String(price % 10_000)
    calls[sid]?.price =
      "-\(price / 10_000)." + String(repeating: "0", count: 4 - digits.utf8.count) + digits
    calls[sid]?.updated = now
  }

  /// Sets what the call came to rest at, and tells who waits for it.
  mutating func rest(_ sid: String, at disposition: JSON) {
    calls[sid]?.disposition = disposition
    answerWaiting(sid)
  }

  mutating func answerWaiting(_ sid: String) {
    guard let call = calls[sid], !call.waiting.isEmpty else { return }
    calls[sid]?.waiting = []
    for id in call.waiting { actions.append(.answer(id, SimulatorAnswer(200, view(call)))) }
  }
}
