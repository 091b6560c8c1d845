internal import Telephony

/// POST Calls: what is refused, and the queue that calls wait in.
extension SimulatorState {
  /// Nil: the answer waits for a callback to be delivered first.
  mutating func placeCall(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer? {
    let call = try makeCall(ask, account)
    guard calls.count < SimulatorLimits.callCountMax || forgetOldestCall() else {
      throw RESTError(429, 20429, "Too Many Requests")
    }
    calls[call.sid] = call
    callOrder.append(call.sid)
    callsCreated[call.to, default: 0] += 1
    queue(call.sid, account)
    let answer = SimulatorAnswer(201, render(call))
    let policy = call.farEnd.callbacks ?? callbackPolicy
    guard let event = policy.beforeAnswer, call.statusTarget?.events.contains(event) == true else {
      return answer
    }
    calls[call.sid]?.withheld = SimulatedCall.WithheldAnswer(
      request: ask.id, answer: answer, event: event)
    return nil
  }

  /// Makes room. False when no call is over.
  mutating func forgetOldestCall() -> Bool {
    guard let index = callOrder.firstIndex(where: { calls[$0]?.status.isOver ?? true }) else {
      return false
    }
    calls[callOrder.remove(at: index)] = nil
    return true
  }

  private mutating func makeCall(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatedCall {
    let form = ask.form
    let (to, from) = try parties(form, account)
    let farEnd = farEnd(of: to)
    if farEnd.outcome == .refuse {
      let code = farEnd.errorCode ?? 21214
      throw RESTError(farEnd.status, code, "The 'To' phone number can't be called")
    }
    let limit = account.concurrencyMax ?? .max
    guard calls.values.count(where: { $0.account == account.sid && !$0.status.isOver }) < limit
    else { throw RESTError(429, 10004, "Call concurrency limit exceeded") }

    var call = SimulatedCall(
      sid: random.sid("CA"), account: account.sid, region: ask.region, isInbound: false, to: to,
      from: from, phoneNumberSID: numberByE164[from], status: .queued, created: now,
      updated: now, listed: now.advanced(by: settings.listingDelay), voice: VoiceTarget(),
      farEnd: farEnd)
    try readTarget(&call, form)
    call.statusTarget = try statusTarget(form)
    call.timeout = .seconds(try integer(form, "Timeout", 1...600) ?? 60)
    call.timeLimit = .seconds(try integer(form, "TimeLimit", 1...86400) ?? 14400)
    if let digits = form["SendDigits"] {
      let allowed = digits.utf8.allSatisfy { "0123456789#*wW".utf8.contains($0) }
      guard allowed, digits.utf8.count <= 32 else {
        throw .badRequest(20001, "Invalid parameter: SendDigits")
      }
    }
    call.repeatWebhook = settings.repeatWebhook
    return call
  }

  private func parties(
    _ form: FormFields, _ account: Account
  ) throws(RESTError) -> (to: String, from: String) {
    guard let to = form["To"], !to.isEmpty else {
      throw .badRequest(21201, "No 'To' number is specified")
    }
    guard let from = form["From"], !from.isEmpty else {
      throw .badRequest(21213, "No 'From' number is specified")
    }
    let isSIP = to.hasPrefix("sip:") || to.hasPrefix("sips:") || to.hasPrefix("client:")
    guard isSIP || Self.isPhoneNumber(to) else {
      throw .badRequest(21211, "Invalid 'To' Phone Number: \(to)")
    }
    guard Self.isPhoneNumber(from) else {
      throw .badRequest(21212, "Invalid 'From' Phone Number: \(from)")
    }
    let own = numberByE164[from].flatMap { numbers[$0] }
    let isOwned = own?.account == account.sid && own?.hasVoice == true
    guard isOwned || account.verifiedCallerIDs.contains(from) else {
      throw .badRequest(
        21210, "The source phone number provided, \(from), is not yet verified for your account")
    }
    guard account.kind == .full || account.verifiedCallerIDs.contains(to) else {
      throw .badRequest(
        21219, "The number \(to) is unverified. Trial accounts may only call verified numbers")
    }
    guard to != from else {
      throw .badRequest(21266, "'To' and 'From' number cannot be the same")
    }
    guard mayDial(to, account) else {
      throw .badRequest(21215, "Account not authorized to call \(to)")
    }
    return (to, from)
  }

  private static func isPhoneNumber(_ text: String) -> Bool {
    guard let number = try? E164(text) else { return false }
    return number.digits.utf8.count >= 7
  }

  /// Url stands before Twiml, and Twiml before ApplicationSid.
  private func readTarget(_ call: inout SimulatedCall, _ form: FormFields) throws(RESTError) {
    func method(_ name: String) throws(RESTError) -> String {
      let value = form[name] ?? "POST"
      guard value == "GET" || value == "POST" else {
        throw .badRequest(21206, "\(name) is not a valid method: \(value)")
      }
      return value
    }
    call.voice.method = try method("Method")
    call.voice.fallbackMethod = try method("FallbackMethod")
    if let url = form["FallbackUrl"], !url.isEmpty {
      guard WebhookAddress(url) != nil else {
        throw .badRequest(21205, "FallbackUrl is not a valid URL: \(url)")
      }
      call.voice.fallbackURL = url
    }
    if let url = form["Url"], !url.isEmpty {
      guard WebhookAddress(url) != nil else {
        throw .badRequest(21205, "Url is not a valid URL: \(url)")
      }
      call.voice.url = url
    } else if let text = form["Twiml"], !text.isEmpty {
      guard text.utf8.count <= 4000 else {
        throw .badRequest(20001, "Twiml is longer than 4000 characters")
      }
      _ = try inlineDocument(text)
      call.inlineTwiML = text
    } else if let sid = form["ApplicationSid"], !sid.isEmpty {
      guard let application = applications[sid], application.belongs(call.account, call.region)
      else { throw .badRequest(21218, "Invalid ApplicationSid \(sid)") }
      call.voice = application.voice
    } else {
      throw .badRequest(21205, "Url parameter is required.")
    }
  }

  private func statusTarget(
    _ form: FormFields
  ) throws(RESTError) -> SimulatedCall.StatusTarget? {
    guard let url = form["StatusCallback"], !url.isEmpty else { return nil }
    guard WebhookAddress(url) != nil else {
      throw .badRequest(21609, "StatusCallback is not a valid URL: \(url)")
    }
    let method = form["StatusCallbackMethod"] ?? "POST"
    guard method == "GET" || method == "POST" else {
      throw .badRequest(21206, "StatusCallbackMethod is not a valid method: \(method)")
    }
    var events: Set<CallEvent> = []
    for text in form.all("StatusCallbackEvent").flatMap({ $0.split(separator: " ") }) {
      guard let event = CallEvent(rawValue: String(text)) else {
        throw .badRequest(21626, "StatusCallbackEvent is not valid: \(text)")
      }
      events.insert(event)
    }
    return SimulatedCall.StatusTarget(
      url: url, method: method, events: events.isEmpty ? [.completed] : events)
  }

  private func integer(
    _ form: FormFields, _ name: String, _ range: ClosedRange<Int>
  ) throws(RESTError) -> Int? {
    guard let text = form[name], !text.isEmpty else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw .badRequest(20001, "Invalid parameter: \(name) \(text)")
    }
    return number
  }

  func farEnd(of to: String) -> FarEnd { farEnds[to] ?? farEnds["*"] ?? FarEnd() }

  /// Puts the call at the end of its account's queue in its region.
  private mutating func queue(_ sid: String, _ account: Account) {
    guard let call = calls[sid] else { return }
    let rate = account.callsPerSecond ?? settings.callsPerSecond
    guard rate > 0 else { return schedule(.callLeavesQueue(sid), after: .zero) }
    let key = QueueKey(account: call.account, region: call.region)
    let turn = max(nextDial[key] ?? now, now)
    let wait = turn.duration(since: now)
    guard wait < SimulatorLimits.queueTimeMax else {
      return schedule(.queueTimeOver(sid), after: SimulatorLimits.queueTimeMax)
    }
    nextDial[key] = turn.advanced(by: .seconds(1) / rate)
    schedule(.callLeavesQueue(sid), after: wait)
  }
}
