internal import Telephony

/// Far ends, faults and callbacks on demand, as the control API sets them.
extension SimulatorState {
  static let policyMembers = ["hold", "repeat", "order", "before_answer"]

  // MARK: Far ends

  mutating func setFarEnd(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(
      request,
      [
        "to", "outcome", "ring_after_ms", "answer_after_ms", "hang_up_after_ms", "sip_code",
        "error_code", "status", "answered_by", "callbacks",
      ])
    let to = try body.text(required: "to")
    guard farEnds.count < SimulatorLimits.farEndCountMax || farEnds[to] != nil else {
      throw .full("far ends", SimulatorLimits.farEndCountMax)
    }
    var farEnd = FarEnd()
    farEnd.outcome = try body.word("outcome", FarEnd.Outcome.self) ?? .answer
    farEnd.ringAfter = try body.milliseconds("ring_after_ms")
    farEnd.answerAfter = try body.milliseconds("answer_after_ms")
    farEnd.hangUpAfter = try body.milliseconds("hang_up_after_ms")
    farEnd.sipCode = try body.integer("sip_code", in: 100...699)
    farEnd.errorCode = try body.integer("error_code")
    farEnd.status = try body.integer("status", in: 400...599) ?? 400
    farEnd.answeredBy = try body.text("answered_by")
    if let callbacks = body.json("callbacks") {
      farEnd.callbacks = try policy(
        ControlBody(callbacks, Self.policyMembers), CallbackPolicy())
    }
    farEnds[to] = farEnd
    return view(farEnd, to: to)
  }

  func view(_ farEnd: FarEnd, to: String) -> JSON {
    [
      "to": .string(to), "outcome": .string(farEnd.outcome.rawValue),
      "ring_after_ms": milliseconds(farEnd.ringAfter),
      "answer_after_ms": milliseconds(farEnd.answerAfter),
      "hang_up_after_ms": milliseconds(farEnd.hangUpAfter),
      "sip_code": JSON(farEnd.sipCode), "error_code": JSON(farEnd.errorCode),
      "status": .integer(farEnd.status), "answered_by": JSON(farEnd.answeredBy),
      "callbacks": farEnd.callbacks.map(view) ?? .null,
    ]
  }

  // MARK: Faults

  mutating func addFault(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(
      request,
      [
        "kind", "region", "method", "path", "to", "skip", "count", "probability", "delay_ms",
        "status", "code", "retry_after", "effect",
      ])
    guard faults.count < SimulatorLimits.faultCountMax else {
      throw .full("faults", SimulatorLimits.faultCountMax)
    }
    guard let kind = try body.word("kind", Fault.Kind.self) else {
      throw .bad("kind is missing.")
    }
    var fault = Fault(id: nextFaultID, kind: kind)
    fault.region = try body.word("region", Region.self)
    fault.method = try body.text("method")
    fault.path = try body.text("path") ?? "*"
    fault.to = try body.text("to")
    fault.skip = try body.integer("skip") ?? 0
    let count = try body.integer("count") ?? 1
    fault.count = count == 0 ? nil : count
    fault.probability = try body.number("probability") ?? 1
    fault.delay = try body.milliseconds("delay_ms") ?? .zero
    fault.status = try body.integer("status", in: 400...599) ?? 500
    fault.code = try body.integer("code")
    fault.retryAfter = try body.integer("retry_after")
    fault.effect = try body.flag("effect") ?? (kind == .delay)
    nextFaultID += 1
    faults.append(fault)
    return view(fault)
  }

  func view(_ fault: Fault) -> JSON {
    [
      "id": .integer(fault.id), "kind": .string(fault.kind.rawValue),
      "region": JSON(fault.region?.rawValue), "method": JSON(fault.method),
      "path": .string(fault.path), "to": JSON(fault.to), "skip": .integer(fault.skip),
      "count": .integer(fault.count ?? 0), "probability": .double(fault.probability),
      "delay_ms": milliseconds(fault.delay), "status": .integer(fault.status),
      "code": JSON(fault.code), "retry_after": JSON(fault.retryAfter),
      "effect": .bool(fault.effect), "fired": .integer(fault.fired),
    ]
  }

  // MARK: Callbacks

  func policy(
    _ body: ControlBody, _ former: CallbackPolicy
  ) throws(ControlError) -> CallbackPolicy {
    enum Before: String, CaseIterable { case initiated, ringing, answered, completed, none }
    var policy = former
    policy.hold = try body.flag("hold") ?? policy.hold
    policy.repeats =
      try body.integer("repeat", in: 0...SimulatorLimits.repeatCountMax) ?? policy.repeats
    policy.order = try body.word("order", CallbackPolicy.Order.self) ?? policy.order
    if let before = try body.word("before_answer", Before.self) {
      policy.beforeAnswer = CallEvent(rawValue: before.rawValue)
    } else if body.has("before_answer") {
      policy.beforeAnswer = nil
    }
    return policy
  }

  func view(_ policy: CallbackPolicy) -> JSON {
    [
      "hold": .bool(policy.hold), "repeat": .integer(policy.repeats),
      "order": .string(policy.order.rawValue),
      "before_answer": JSON(policy.beforeAnswer?.rawValue),
    ]
  }

  /// Sends what is held, of one call or of all.
  mutating func releaseCallbacks(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(request, ["call_sid", "order", "repeat", "count"])
    let order = try body.word("order", CallbackPolicy.Order.self) ?? .inOrder
    let repeats = try body.integer("repeat", in: 0...SimulatorLimits.repeatCountMax) ?? 0
    var left = try body.integer("count") ?? .max
    let only = try body.text("call_sid")
    if let only, calls[only] == nil { throw .missing(only) }
    var released = 0
    for sid in only.map({ [$0] }) ?? callOrder {
      let held = (calls[sid]?.callbacks ?? []).indices.filter {
        calls[sid]?.callbacks[$0].state == .held
      }
      let chosen = Array(sorted(Array(held), order).prefix(left))
      guard !chosen.isEmpty else { continue }
      enqueue(chosen, repeats, sid)
      released += chosen.count
      left -= chosen.count
    }
    return ["released": .integer(released)]
  }

  mutating func repeatCallbacks(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(request, ["call_sid", "times"])
    let sid = try body.text(required: "call_sid")
    guard let call = calls[sid] else { throw .missing(sid) }
    let times = try body.integer("times", in: 1...SimulatorLimits.repeatCountMax) ?? 1
    let sent = call.callbacks.indices.filter { call.callbacks[$0].state != .held }
    enqueue(Array(sent), times - 1, sid)
    return ["repeated": .integer(sent.count * times)]
  }

  func callbacksView(state: String?) throws(ControlError) -> JSON {
    var shown: [JSON] = []
    if let state, SimulatedCall.CallbackRecord.State(rawValue: state) == nil {
      throw .bad("state is none of held, queued, sending, delivered, failed.")
    }
    for sid in callOrder {
      for record in calls[sid]?.callbacks ?? []
      where state == nil || record.state.rawValue == state {
        shown.append(view(record, sid))
      }
    }
    return ["callbacks": .array(shown)]
  }
}
