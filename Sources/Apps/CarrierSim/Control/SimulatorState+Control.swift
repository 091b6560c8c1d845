internal import Telephony

/// The control API: what each path does. The target's page documents it.
extension SimulatorState {
  /// Nil: the answer comes later, by itself.
  mutating func control(_ request: SimulatorRequest, _ id: RequestID) -> SimulatorAnswer? {
    do throws(ControlError) {
      guard let segments = request.segments, let query = request.query else {
        throw .bad("The path or the query is broken.")
      }
      switch request.method {
      case "GET": return SimulatorAnswer(200, try read(segments, query, request.path))
      case "DELETE": return SimulatorAnswer(200, try remove(segments, query, request.path))
      case "POST": return try write(segments, request, id)
      default: throw ControlError(405, "\(request.method) is not served.")
      }
    } catch {
      return error.answer
    }
  }

  private func read(
    _ segments: [String], _ query: FormFields, _ path: String
  ) throws(ControlError) -> JSON {
    switch segments {
    case ["health"]: return ["status": "ok"]
    case ["state"]: return stateView()
    case ["inventory"]: return inventory(account: query["account_sid"])
    case ["audit"]: return audit(prefix: query["prefix"] ?? "")
    case ["settings"]: return settingsView()
    case ["faults"]: return ["faults": .array(faults.map(view))]
    case ["callbacks"]: return try callbacksView(state: query["state"])
    case ["calls"]:
      let chosen = callOrder.reversed().compactMap { calls[$0] }.filter { call in
        (query["to"] ?? call.to) == call.to && (query["from"] ?? call.from) == call.from
      }
      return ["calls": .array(chosen.map(view))]
    default: break
    }
    if segments.count == 2, segments[0] == "calls" {
      guard let call = calls[segments[1]] else { throw .missing(segments[1]) }
      return view(call)
    }
    if segments.count == 2, segments[0] == "numbers" {
      return view(try number(named: segments[1]))
    }
    throw .missing(path)
  }

  private mutating func remove(
    _ segments: [String], _ query: FormFields, _ path: String
  ) throws(ControlError) -> JSON {
    switch (segments.first, segments.count) {
    case ("keys", 2):
      guard keys.removeValue(forKey: segments[1]) != nil else { throw .missing(segments[1]) }
    case ("livekit", 3) where segments[1] == "keys":
      guard livekit.keys.removeValue(forKey: segments[2]) != nil else {
        throw .missing(segments[2])
      }
    case ("numbers", 2): removeNumber(try number(named: segments[1]).sid)
    case ("far-ends", 1): farEnds[query["to"] ?? "*"] = nil
    case ("faults", 1): faults.removeAll()
    case ("faults", 2): faults.removeAll { String($0.id) == segments[1] }
    default: throw .missing(path)
    }
    return [:]
  }

  private mutating func write(
    _ segments: [String], _ request: SimulatorRequest, _ id: RequestID
  ) throws(ControlError) -> SimulatorAnswer? {
    switch segments {
    case ["accounts"]: return SimulatorAnswer(201, try addAccount(request))
    case ["keys"]: return SimulatorAnswer(201, try addKey(request))
    case ["tokens"]: return SimulatorAnswer(200, try setTokens(request))
    case ["numbers"]: return SimulatorAnswer(201, try addNumber(request))
    case ["applications"]: return SimulatorAnswer(201, try addApplication(request))
    case ["stock"]: return SimulatorAnswer(201, try addStock(request))
    case ["livekit", "keys"]: return SimulatorAnswer(201, try addLiveKitKey(request))
    case ["livekit", "participants"]: return SimulatorAnswer(201, try joinRoom(request))
    case ["livekit", "inbound-calls"]: return SimulatorAnswer(201, try callLiveKit(request))
    case ["trunks"]: return SimulatorAnswer(201, try addTrunk(request))
    case ["far-ends"]: return SimulatorAnswer(200, try setFarEnd(request))
    case ["faults"]: return SimulatorAnswer(201, try addFault(request))
    case ["inbound-calls"]: return try placeInboundCall(request, id)
    case ["callbacks"]:
      callbackPolicy = try policy(ControlBody(request, Self.policyMembers), callbackPolicy)
      return SimulatorAnswer(200, view(callbackPolicy))
    case ["callbacks", "release"]: return SimulatorAnswer(200, try releaseCallbacks(request))
    case ["callbacks", "repeat"]: return SimulatorAnswer(200, try repeatCallbacks(request))
    case ["settings"]:
      try changeSettings(request)
      return SimulatorAnswer(200, settingsView())
    case ["clock"]: return SimulatorAnswer(200, try moveClock(request))
    case ["reset"]:
      reset()
      return SimulatorAnswer(200, [:])
    case ["quit"]:
      actions.append(.answer(id, SimulatorAnswer(200, [:])))
      actions.append(.quit)
      return nil
    default: break
    }
    guard segments.count >= 2 else { throw .missing(request.path) }
    switch (segments[0], Array(segments.dropFirst(2))) {
    case ("accounts", []): return SimulatorAnswer(200, try changeAccount(segments[1], request))
    case ("numbers", []): return SimulatorAnswer(200, try changeNumber(segments[1], request))
    case ("calls", ["hang-up"]):
      guard calls[segments[1]] != nil else { throw .missing(segments[1]) }
      endConnection(segments[1])
    case ("calls", ["price"]):
      guard calls[segments[1]] != nil else { throw .missing(segments[1]) }
      calls[segments[1]]?.price = try ControlBody(request, ["price"]).text(required: "price")
    case ("livekit", let rest) where segments[1] == "calls" && rest.dropFirst() == ["hang-up"]:
      guard livekit.calls[segments[2]] != nil else { throw .missing(segments[2]) }
      endSIPCall(segments[2])
      return SimulatorAnswer(200, [:])
    default: throw .missing(request.path)
    }
    return SimulatorAnswer(200, calls[segments[1]].map(view))
  }

  /// Requests that wait are answered; what is on its way is forgotten.
  private mutating func reset() {
    for call in calls.values {
      if let withheld = call.withheld {
        actions.append(.answer(withheld.request, withheld.answer))
      }
      for id in call.waiting { actions.append(.answer(id, SimulatorAnswer(200, view(call)))) }
    }
    for call in livekit.calls.all { endSIPCall(call.id) }
    while let (event, _) = agenda.takeDue(at: Timestamp(microseconds: .max)) {
      switch event {
      case .requestDue(let id, _, _), .answerDue(let id, _), .dropDue(let id):
        actions.append(.drop(id))
      default: break
      }
    }
    let (kept, random, webhookID) = (actions, random, nextWebhookID)
    let (clock, now) = (clock, now)
    self = SimulatorState(settings: initialSettings, seed: 0)
    (actions, self.random, nextWebhookID) = (kept, random, webhookID)
    (self.clock, self.now) = (clock, now)
  }

  // MARK: Settings and time

  private mutating func changeSettings(_ request: SimulatorRequest) throws(ControlError) {
    let body = try ControlBody(
      request,
      [
        "route_propagation_ms", "during_propagation", "listing_delay_ms", "calls_per_second",
        "price_delay_ms", "webhook_timeout_ms", "ring_after_ms", "answer_after_ms",
        "repeat_webhook", "geo_blocked_prefixes",
      ])
    var new = settings
    new.routePropagation = try body.milliseconds("route_propagation_ms") ?? new.routePropagation
    new.duringPropagation =
      try body.word("during_propagation", SimulatorSettings.DuringPropagation.self)
      ?? new.duringPropagation
    new.listingDelay = try body.milliseconds("listing_delay_ms") ?? new.listingDelay
    new.callsPerSecond = try body.number("calls_per_second") ?? new.callsPerSecond
    if body.has("price_delay_ms") { new.priceDelay = try body.milliseconds("price_delay_ms") }
    new.webhookTimeout =
      try body.integer("webhook_timeout_ms", in: 1...15000).map { .milliseconds($0) }
      ?? new.webhookTimeout
    new.ringAfter = try body.milliseconds("ring_after_ms") ?? new.ringAfter
    new.answerAfter = try body.milliseconds("answer_after_ms") ?? new.answerAfter
    new.repeatWebhook =
      try body.integer("repeat_webhook", in: 0...SimulatorLimits.repeatCountMax)
      ?? new.repeatWebhook
    new.geoBlockedPrefixes = try body.texts("geo_blocked_prefixes") ?? new.geoBlockedPrefixes
    settings = new
  }

  private func settingsView() -> JSON {
    [
      "route_propagation_ms": milliseconds(settings.routePropagation),
      "during_propagation": .string(settings.duringPropagation.rawValue),
      "listing_delay_ms": milliseconds(settings.listingDelay),
      "calls_per_second": .double(settings.callsPerSecond),
      "price_delay_ms": milliseconds(settings.priceDelay),
      "webhook_timeout_ms": milliseconds(settings.webhookTimeout),
      "ring_after_ms": milliseconds(settings.ringAfter),
      "answer_after_ms": milliseconds(settings.answerAfter),
      "repeat_webhook": .integer(settings.repeatWebhook),
      "geo_blocked_prefixes": .array(settings.geoBlockedPrefixes.map { .string($0) }),
    ]
  }

  private mutating func moveClock(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    enum Mode: String, CaseIterable { case real, manual }
    let body = try ControlBody(request, ["mode", "advance_ms"])
    let advance = try body.milliseconds("advance_ms")
    switch try body.word("mode", Mode.self) {
    case .manual: clock.stand(at: now)
    case .real where clock.standing != nil: clock.walk(at: now, wall: wall)
    case .real, nil: break
    }
    if let advance { clock.advance(by: advance) }
    return [
      "mode": clock.standing == nil ? "real" : "manual",
      "time": .string(CarrierTime(clock.time(at: wall)).isoDate),
    ]
  }
}

func milliseconds(_ duration: Duration?) -> JSON {
  JSON(duration.map { Int($0 / .milliseconds(1)) })
}
