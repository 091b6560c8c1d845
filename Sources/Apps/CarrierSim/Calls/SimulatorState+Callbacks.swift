internal import Telephony

/// Status callbacks: made as the call walks, sent one after the other, held or shuffled on demand.
extension SimulatorState {
  /// Makes the callback of an event, if somebody wants it. A number's own callback is told the end.
  mutating func emit(_ event: CallEvent, _ sid: String) {
    guard let call = calls[sid] else { return }
    if let target = call.statusTarget, target.events.contains(event) {
      let policy = call.farEnd.callbacks ?? callbackPolicy
      let form = callbackForm(call, event)
      let index = call.callbacks.count
      calls[sid]?.callbacks.append(
        SimulatedCall.CallbackRecord(
          event: event, sequence: index, form: form, state: policy.hold ? .held : .queued))
      if !policy.hold, policy.order == .inOrder { enqueue([index], policy.repeats, sid) }
      if !policy.hold, policy.order != .inOrder, call.status.isOver {
        let indices = (0...index).filter { calls[sid]?.callbacks[$0].state == .queued }
        enqueue(sorted(indices, policy.order), policy.repeats, sid)
      }
    }
    if event == .completed { answerWithheld(sid, after: nil) }
  }

  mutating func sorted(_ indices: [Int], _ order: CallbackPolicy.Order) -> [Int] {
    switch order {
    case .inOrder: indices
    case .reverse: indices.reversed()
    case .random: indices.shuffled(using: &random)
    }
  }

  /// Source: twilio.com/docs/voice/api/call-resource, StatusCallback.
  private func callbackForm(_ call: SimulatedCall, _ event: CallEvent) -> FormFields {
    var form = voiceForm(call)
    form.append("CallbackSource", "call-progress-events")
    form.append("SequenceNumber", String(call.callbacks.count))
    form.append("Timestamp", CarrierTime(now).mailDate)
    if event == .completed {
      form.append("CallDuration", String(call.seconds))
      form.append("Duration", String((call.seconds + 59) / 60))
      if let code = call.sipCode { form.append("SipResponseCode", String(code)) }
      if call.answered != nil, let by = call.farEnd.answeredBy { form.append("AnsweredBy", by) }
      if let error = call.errors.last, call.status == .failed {
        form.append("ErrorCode", String(error.code))
        form.append("ErrorMessage", error.message)
      }
    }
    return form
  }

  /// Sends the callbacks behind those that wait already, each once and `repeats` times more.
  mutating func enqueue(_ indices: [Int], _ repeats: Int, _ sid: String) {
    for index in indices {
      calls[sid]?.callbacks[index].state = .queued
      for _ in 0...repeats { calls[sid]?.callbackQueue.append(index) }
    }
    sendNextCallback(sid)
  }

  private mutating func sendNextCallback(_ sid: String) {
    guard let call = calls[sid], !call.isSendingCallback, let target = call.statusTarget,
      let index = call.callbackQueue.first
    else { return }
    calls[sid]?.callbackQueue.removeFirst()
    calls[sid]?.isSendingCallback = true
    calls[sid]?.callbacks[index].state = .sending
    guard let address = WebhookAddress(target.url) else {
      return callbackEnded(sid, index, .failed(.connect))
    }
    send(
      .callback(call: sid, index: index), address, method: target.method,
      form: call.callbacks[index].form, token: random.secret(), call)
  }

  mutating func callbackEnded(_ sid: String, _ index: Int, _ outcome: WebhookOutcome) {
    guard let call = calls[sid] else { return }
    var status = 0
    if case .answered(let answered, _, _) = outcome { status = answered }
    let isDelivered = (200...299).contains(status)
    calls[sid]?.callbacks[index].deliveries.append(status)
    calls[sid]?.callbacks[index].state = isDelivered ? .delivered : .failed
    calls[sid]?.isSendingCallback = false
    if !isDelivered {
      calls[sid]?.errors.append(
        SimulatedCall.CallError(code: 15003, message: "Status callback answered \(status)"))
    }
    sendNextCallback(sid)
    answerWithheld(sid, after: call.callbacks[index].event)
  }

  /// Answers the POST that waited for `event`'s callback, or for a call that is over without it.
  private mutating func answerWithheld(_ sid: String, after event: CallEvent?) {
    guard let call = calls[sid], let withheld = call.withheld else { return }
    let isPending = call.callbacks.contains { [.held, .queued, .sending].contains($0.state) }
    guard event == withheld.event || (call.status.isOver && !isPending) else { return }
    calls[sid]?.withheld = nil
    actions.append(.answer(withheld.request, withheld.answer))
  }
}
