internal import Telephony

/// A webhook on its way, with what is done when it is over.
struct PendingWebhook: Sendable, Hashable {
  enum Purpose: Sendable, Hashable {
    /// Its answer is the next document.
    case voice(call: String, generation: Int, record: Int, isFallback: Bool)
    /// A repetition: its answer is kept and not followed.
    case voiceAgain(call: String, record: Int)
    case callback(call: String, index: Int)
  }

  let purpose: Purpose
  let address: WebhookAddress
  let request: OutgoingWebhook
  /// Tries that are left.
  var retriesLeft: Int
}

/// Voice webhooks: asked for a document, asked again, and what happens when none comes.
extension SimulatorState {
  /// Asks the call's own URL for a document.
  mutating func requestVoice(_ sid: String) {
    guard let call = calls[sid] else { return }
    requestDocument(sid, url: call.voice.url, method: call.voice.method, extra: [])
  }

  /// Asks `url` for the next document.
  mutating func requestDocument(
    _ sid: String, url: String, method: String, extra: [FormFields.Field],
    isFallback: Bool = false
  ) {
    guard var call = calls[sid], !call.status.isOver else { return }
    call.generation += 1
    call.redirectCount += 1
    calls[sid] = call
    guard call.redirectCount <= SimulatorLimits.redirectCountMax else {
      return failVoice(sid, 11200, "Too many documents", url: url, isFallback: true)
    }
    guard let address = WebhookAddress(url) else {
      return failVoice(sid, 11100, "Invalid URL format", url: url, isFallback: isFallback)
    }
    let token = random.secret()
    calls[sid]?.webhooks.append(
      SimulatedCall.WebhookRecord(url: url, method: method, attempt: 1, token: token))
    var form = voiceForm(call)
    for field in call.extraFields + extra { form.set(field.name, field.value) }
    send(
      .voice(
        call: sid, generation: call.generation, record: call.webhooks.count,
        isFallback: isFallback),
      address, method: method, form: form, token: token, call)
  }

  /// What every webhook about a call says.
  func voiceForm(_ call: SimulatedCall) -> FormFields {
    var form = FormFields()
    form.append("AccountSid", call.account)
    form.append("ApiVersion", "2010-04-01")
    form.append("CallSid", call.sid)
    form.append("CallStatus", call.status.rawValue)
    form.append("Called", call.to)
    form.append("CalledCountry", Self.country(call.to))
    form.append("Caller", call.from)
    form.append("CallerCountry", Self.country(call.from))
    form.append("Direction", call.direction)
    form.append("From", call.from)
    form.append("FromCountry", Self.country(call.from))
    form.append("To", call.to)
    form.append("ToCountry", Self.country(call.to))
    return form
  }

  /// Some countries by their code; empty for others.
  private static func country(_ number: String) -> String {
    let countries = [("+1", "US"), ("+353", "IE"), ("+44", "GB"), ("+49", "DE"), ("+61", "AU")]
    return countries.first { number.hasPrefix($0.0) }?.1 ?? ""
  }

  /// Signs the request and hands it to the shell.
  mutating func send(
    _ purpose: PendingWebhook.Purpose, _ address: WebhookAddress, method: String,
    form: FormFields, token: String, _ call: SimulatedCall
  ) {
    let isGet = method == "GET"
    let separator = address.url.contains("?") ? "&" : "?"
    let url = isGet ? address.url + separator + form.encoded : address.url
    let key = accounts[call.account]?.tokens[call.region]?.primary ?? ""
    let signature = WebhookSignature.make(
      token: key, url: url, form: isGet ? FormFields() : form)
    var headers = [
      FormFields.Field(name: "X-Twilio-Signature", value: signature),
      FormFields.Field(name: "I-Twilio-Idempotency-Token", value: token),
      FormFields.Field(name: "User-Agent", value: "TwilioProxy/1.1"),
    ]
    if !isGet {
      headers.append(
        FormFields.Field(
          name: "Content-Type", value: "application/x-www-form-urlencoded; charset=UTF-8"))
    }
    if let authorization = address.authorization {
      headers.append(FormFields.Field(name: "Authorization", value: authorization))
    }
    var timeout = settings.webhookTimeout
    if let wish = address.timeoutMilliseconds { timeout = min(timeout, .milliseconds(wish)) }
    let request = OutgoingWebhook(
      id: nextWebhookID, method: method, url: url, headers: headers,
      body: isGet ? [] : Array(form.encoded.utf8), timeout: timeout)
    send(
      PendingWebhook(
        purpose: purpose, address: address, request: request,
        retriesLeft: address.retryCountMax))
  }

  private mutating func send(_ webhook: PendingWebhook) {
    let id = nextWebhookID
    nextWebhookID += 1
    webhooks[id] = webhook
    var request = webhook.request
    request.id = id
    guard webhooks.count <= SimulatorLimits.webhookCountMax else {
      return endWebhook(id, .failed(.connect))
    }
    actions.append(.send(request))
  }

  mutating func endWebhook(_ id: WebhookID, _ outcome: WebhookOutcome) {
    guard var webhook = webhooks.removeValue(forKey: id) else { return }
    if webhook.retriesLeft > 0, webhook.address.retries(outcome) {
      webhook.retriesLeft -= 1
      if case .voice(let sid, _, let record, _) = webhook.purpose {
        calls[sid]?.webhooks[record].attempt += 1
      }
      return send(webhook)
    }
    switch webhook.purpose {
    case .voice(let sid, let generation, let record, let isFallback):
      voiceEnded(webhook, outcome, sid, generation, record, isFallback)
    case .voiceAgain(let sid, let record): note(outcome, sid, record)
    case .callback(let sid, let index): callbackEnded(sid, index, outcome)
    }
  }

  private mutating func note(_ outcome: WebhookOutcome, _ sid: String, _ record: Int) {
    guard case .answered(let status, _, let body) = outcome else {
      calls[sid]?.webhooks[record].errorCode = 11200
      return
    }
    calls[sid]?.webhooks[record].status = status
    calls[sid]?.webhooks[record].body = String(decoding: body, as: UTF8.self)
  }

  private mutating func voiceEnded(
    _ webhook: PendingWebhook, _ outcome: WebhookOutcome, _ sid: String, _ generation: Int,
    _ record: Int, _ isFallback: Bool
  ) {
    note(outcome, sid, record)
    guard let call = calls[sid], call.generation == generation, !call.status.isOver else { return }
    do throws(TwiMLProblem) {
      let document = try Self.document(outcome)
      repeatVoice(webhook, call)
      begin(document, sid)
    } catch {
      calls[sid]?.webhooks[record].errorCode = error.code
      failVoice(sid, error.code, error.message, url: webhook.address.url, isFallback: isFallback)
    }
  }

  private static func document(_ outcome: WebhookOutcome) throws(TwiMLProblem) -> TwiMLDocument {
    switch outcome {
    case .failed(.connect): throw TwiMLProblem(code: 11205, message: "HTTP connection failure")
    case .failed(.read): throw TwiMLProblem(code: 11200, message: "HTTP retrieval failure")
    case .answered(let status, let contentType, let body):
      guard (200...299).contains(status) else {
        throw TwiMLProblem(code: 11200, message: "The webhook answered with status \(status)")
      }
      return try TwiMLDocument(body: body, contentType: contentType)
    }
  }

  /// Sends the same request again, as often as was asked for.
  private mutating func repeatVoice(_ webhook: PendingWebhook, _ call: SimulatedCall) {
    guard call.repeatWebhook > 0, let last = calls[call.sid]?.webhooks.last else { return }
    calls[call.sid]?.repeatWebhook = 0
    for _ in 0..<call.repeatWebhook {
      let record = calls[call.sid]?.webhooks.count ?? 0
      calls[call.sid]?.webhooks.append(
        SimulatedCall.WebhookRecord(
          url: last.url, method: last.method, attempt: 1, token: last.token))
      send(
        PendingWebhook(
          purpose: .voiceAgain(call: call.sid, record: record), address: webhook.address,
          request: webhook.request, retriesLeft: 0))
    }
  }

  /// No document: the fallback is asked, and when that fails the caller hears an error.
  private mutating func failVoice(
    _ sid: String, _ code: Int, _ message: String, url: String, isFallback: Bool
  ) {
    guard let call = calls[sid] else { return }
    calls[sid]?.errors.append(SimulatedCall.CallError(code: code, message: message))
    if !isFallback, !call.voice.fallbackURL.isEmpty {
      let extra = [
        FormFields.Field(name: "ErrorCode", value: String(code)),
        FormFields.Field(name: "ErrorUrl", value: url),
      ]
      return requestDocument(
        sid, url: call.voice.fallbackURL, method: call.voice.fallbackMethod, extra: extra,
        isFallback: true)
    }
    calls[sid]?.disposition = ["kind": "application_error", "code": .integer(code)]
    if call.isInbound { answerCall(sid) }
    endConnection(sid)
  }
}

extension WebhookAddress {
  /// Whether the outcome is one that the URL's `rp` wants another try for.
  func retries(_ outcome: WebhookOutcome) -> Bool {
    switch outcome {
    case .failed(.connect): reasons.contains(.connect) || reasons.contains(.all)
    case .failed(.read): reasons.contains(.read) || reasons.contains(.all)
    case .answered(let status, _, _):
      (400...499).contains(status) && (reasons.contains(.clientError) || reasons.contains(.all))
        || status >= 500 && (reasons.contains(.serverError) || reasons.contains(.all))
    }
  }
}
