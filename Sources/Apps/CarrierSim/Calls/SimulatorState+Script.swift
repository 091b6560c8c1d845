internal import Telephony

/// Carrying a TwiML document out, verb by verb, up to where the call rests.
extension SimulatorState {
  /// Begins a new document; what the call did before is over.
  mutating func begin(_ document: TwiMLDocument, _ sid: String) {
    guard calls[sid]?.status.isOver == false else { return }
    calls[sid]?.script = document.verbs
    calls[sid]?.nextVerb = 0
    calls[sid]?.generation += 1
    calls[sid]?.disposition = nil
    runScript(sid)
  }

  /// A verb's time is over.
  mutating func goOn(_ sid: String, _ generation: Int) {
    guard let call = calls[sid], call.generation == generation, !call.status.isOver else { return }
    runScript(sid)
  }

  private mutating func runScript(_ sid: String) {
    while let call = calls[sid], !call.status.isOver {
      guard call.nextVerb < call.script.count else {
        if call.disposition == nil { calls[sid]?.disposition = ["kind": "end"] }
        if call.isInbound { answerCall(sid) }
        return endConnection(sid)
      }
      let verb = call.script[call.nextVerb]
      calls[sid]?.nextVerb += 1
      guard perform(verb, call) else { return }
    }
  }

  /// True when the next verb can follow at once.
  private mutating func perform(_ verb: XMLElement, _ call: SimulatedCall) -> Bool {
    let sid = call.sid
    switch verb.name {
    case "Reject":
      return reject(verb, call)
    case "Redirect":
      requestDocument(sid, url: verb.text, method: verb["method"] ?? "POST", extra: [])
      return false
    case "Hangup":
      calls[sid]?.disposition = ["kind": "hangup"]
      if call.isInbound { answerCall(sid) }
      endConnection(sid)
      return false
    case "Pause":
      answerCall(sid)
      let length = Duration.seconds(verb["length"].flatMap { Int($0) } ?? 1)
      schedule(.verbEnds(sid, generation: call.generation), after: length)
      return false
    case "Dial":
      dial(verb, call)
      return false
    case "Connect", "Enqueue", "Record", "Gather", "Refer":
      answerCall(sid)
      rest(sid, at: Self.disposition(verb))
      return false
    case "Play" where verb["loop"] == "0":
      answerCall(sid)
      rest(sid, at: Self.disposition(verb))
      return false
    default:
      // Say, Play, Start, Stop, Leave: no time passes.
      answerCall(sid)
      return true
    }
  }

  /// On a call that rings the caller hears a refusal; otherwise it is hung up.
  private mutating func reject(_ verb: XMLElement, _ call: SimulatedCall) -> Bool {
    let reason = verb["reason"] ?? "rejected"
    calls[call.sid]?.disposition = ["kind": "reject", "reason": .string(reason)]
    if call.isInbound, call.status == .ringing {
      endCall(call.sid, reason == "busy" ? .busy : .noAnswer)
    } else {
      endConnection(call.sid)
    }
    return false
  }

  // MARK: Dial

  private mutating func dial(_ verb: XMLElement, _ call: SimulatedCall) {
    let waitsForAnswer = verb["answerOnBridge"] == "true" && call.isInbound
    if !waitsForAnswer { answerCall(call.sid) }
    rest(call.sid, at: Self.disposition(verb))
    let far = farEnd(of: Self.dialled(verb))
    let delay = (far.ringAfter ?? settings.ringAfter) + (far.answerAfter ?? settings.answerAfter)
    let limit = Duration.seconds(verb["timeout"].flatMap { Int($0) } ?? 30)
    let isAnswered = far.outcome != .noAnswer && delay < limit
    schedule(
      .dialledPartyActs(call.sid, generation: call.generation), after: isAnswered ? delay : limit)
  }

  /// Whom a Dial calls first.
  private static func dialled(_ verb: XMLElement) -> String {
    verb.elements.first?.text ?? verb.text
  }

  mutating func dialledPartyActs(_ sid: String, _ generation: Int) {
    guard let call = calls[sid], call.generation == generation, !call.status.isOver,
      call.nextVerb > 0, call.script[call.nextVerb - 1].name == "Dial"
    else { return }
    let verb = call.script[call.nextVerb - 1]
    let outcome = farEnd(of: Self.dialled(verb)).outcome
    guard outcome != .answer else { return answerCall(sid) }
    let status =
      switch outcome {
      case .busy: "busy"
      case .noAnswer: "no-answer"
      case .answer, .failed, .refuse: "failed"
      }
    guard let action = verb["action"], WebhookAddress(action) != nil else {
      calls[sid]?.disposition = nil
      return runScript(sid)
    }
    calls[sid]?.disposition = nil
    requestDocument(
      sid, url: action, method: verb["method"] ?? "POST",
      extra: [FormFields.Field(name: "DialCallStatus", value: status)])
  }

  // MARK: What it would do

  /// A verb that a call rests at, as the control API tells it.
  static func disposition(_ verb: XMLElement) -> JSON {
    let noun = verb.elements.first
    switch (verb.name, noun?.name) {
    case ("Connect", "Stream"):
      let parameters = (noun?.elements ?? []).map { parameter in
        JSON.Member(name: parameter["name"] ?? "", value: .string(parameter["value"] ?? ""))
      }
      return [
        "kind": "connect_stream", "url": JSON(noun?["url"]), "name": JSON(noun?["name"]),
        "parameters": .object(parameters),
      ]
    case ("Connect", let name):
      return ["kind": .string("connect_" + (name ?? "").lowercased()), "url": JSON(noun?["url"])]
    case ("Dial", _):
      var targets = verb.elements.map { target -> JSON in
        [
          "kind": .string(target.name.lowercased()), "to": .string(target.text),
          "username": JSON(target["username"]), "password": JSON(target["password"]),
        ]
      }
      if !verb.text.isEmpty { targets.append(["kind": "number", "to": .string(verb.text)]) }
      return [
        "kind": "dial", "targets": .array(targets), "caller_id": JSON(verb["callerId"]),
        "answer_on_bridge": .bool(verb["answerOnBridge"] == "true"),
      ]
    case (let name, _):
      return ["kind": .string(name.lowercased()), "text": .string(verb.text)]
    }
  }

  /// An element as the control API shows it.
  static func view(_ element: XMLElement) -> JSON {
    [
      "verb": .string(element.name),
      "attributes": .object(
        element.attributes.map { JSON.Member(name: $0.name, value: .string($0.value)) }),
      "text": .string(element.text), "children": .array(element.elements.map(view)),
    ]
  }
}
