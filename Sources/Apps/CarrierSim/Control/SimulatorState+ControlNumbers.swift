internal import Telephony

/// Numbers and inbound calls, as the control API makes them.
extension SimulatorState {
  private static let recordMembers = [
    "voice_url", "voice_method", "voice_fallback_url", "voice_fallback_method",
    "status_callback", "status_callback_method", "voice_application_sid", "trunk_sid",
  ]

  /// By SID or E.164.
  func number(named name: String) throws(ControlError) -> CarrierNumber {
    guard let number = numbers[name] ?? numberByE164[name].flatMap({ numbers[$0] }) else {
      throw .missing(name)
    }
    return number
  }

  mutating func addNumber(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(
      request,
      [
        "account_sid", "phone_number", "sid", "friendly_name", "voice_region", "configurations",
        "voice",
      ])
    guard numbers.count < SimulatorLimits.numberCountMax else {
      throw .full("numbers", SimulatorLimits.numberCountMax)
    }
    let account = try body.text(required: "account_sid")
    guard accounts[account] != nil else { throw .missing(account) }
    let text = try body.text(required: "phone_number")
    guard (try? E164(text)) != nil else { throw .bad("phone_number is not E.164.") }
    guard numberByE164[text] == nil else { throw ControlError(409, "\(text) exists already.") }
    let sid = try body.text("sid") ?? random.sid("PN")
    guard (try? CarrierNumberSID(sid)) != nil else {
      throw .bad("sid is not PN and 32 hex digits.")
    }
    guard numbers[sid] == nil else { throw ControlError(409, "\(sid) exists already.") }
    var number = CarrierNumber(
      sid: sid, account: account, phoneNumber: text, friendlyName: text, configurations: [:],
      created: now)
    try change(&number, body)
    numbers[sid] = number
    numberOrder.append(sid)
    numberByE164[text] = sid
    return view(number)
  }

  mutating func changeNumber(
    _ name: String, _ request: SimulatorRequest
  ) throws(ControlError) -> JSON {
    let body = try ControlBody(
      request, ["friendly_name", "voice_region", "configurations", "voice"])
    var number = try number(named: name)
    try change(&number, body)
    numbers[number.sid] = number
    return view(number)
  }

  private mutating func change(
    _ number: inout CarrierNumber, _ body: ControlBody
  ) throws(ControlError) {
    number.friendlyName = try body.text("friendly_name") ?? number.friendlyName
    number.hasVoice = try body.flag("voice") ?? number.hasVoice
    for (region, fields) in try body.byRegion("configurations", Self.recordMembers) {
      var record = number.configuration(in: region)
      record.voice.url = try fields.text("voice_url") ?? record.voice.url
      record.voice.method = try fields.text("voice_method") ?? record.voice.method
      record.voice.fallbackURL =
        try fields.text("voice_fallback_url") ?? record.voice.fallbackURL
      record.voice.fallbackMethod =
        try fields.text("voice_fallback_method") ?? record.voice.fallbackMethod
      record.statusCallback = try fields.text("status_callback") ?? record.statusCallback
      record.statusCallbackMethod =
        try fields.text("status_callback_method") ?? record.statusCallbackMethod
      record.applicationSID =
        try fields.text("voice_application_sid") ?? record.applicationSID
      record.trunkSID = try fields.text("trunk_sid") ?? record.trunkSID
      record.updated = now
      number.configurations[region] = record
    }
    if body.has("voice_region") {
      if let region = try body.word("voice_region", Region.self) {
        setRoute(&number, region)
      } else {
        number.route = nil
      }
    }
  }

  // MARK: Inbound calls

  mutating func placeInboundCall(
    _ request: SimulatorRequest, _ id: RequestID
  ) throws(ControlError) -> SimulatorAnswer? {
    let body = try ControlBody(
      request,
      [
        "from", "to", "region", "fields", "repeat_webhook", "hang_up_after_ms",
        "give_up_after_ms", "wait", "pin",
      ])
    let number = try number(named: body.text(required: "to"))
    guard calls.count < SimulatorLimits.callCountMax || forgetOldestCall() else {
      throw .full("calls", SimulatorLimits.callCountMax)
    }
    let region = try body.word("region", Region.self) ?? landingRegion(number)
    let record = number.configuration(in: region)
    var farEnd = FarEnd()
    farEnd.hangUpAfter = try body.milliseconds("hang_up_after_ms")
    var call = SimulatedCall(
      sid: random.sid("CA"), account: number.account, region: region, isInbound: true,
      to: number.phoneNumber, from: try body.text(required: "from"),
      phoneNumberSID: number.sid, status: .ringing, created: now, updated: now, started: now,
      listed: now, voice: record.voice, farEnd: farEnd)
    call.repeatWebhook =
      try body.integer("repeat_webhook", in: 0...SimulatorLimits.repeatCountMax)
      ?? settings.repeatWebhook
    for member in body.json("fields")?.members ?? [] {
      guard let text = member.value.string else { throw .bad("fields hold text only.") }
      call.extraFields.append(FormFields.Field(name: member.name, value: text))
    }
    if !record.statusCallback.isEmpty {
      call.statusTarget = SimulatedCall.StatusTarget(
        url: record.statusCallback, method: record.statusCallbackMethod, events: [.completed])
    }
    let givesUp = try body.milliseconds("give_up_after_ms")
    let waits = try body.flag("wait") ?? true
    calls[call.sid] = call
    callOrder.append(call.sid)
    if let givesUp { schedule(.callerGivesUp(call.sid), after: givesUp) }
    land(call.sid, record, pin: try body.text("pin") ?? "")
    guard waits, let landed = calls[call.sid], landed.disposition == nil else {
      return SimulatorAnswer(201, calls[call.sid].map(view))
    }
    calls[call.sid]?.waiting.append(id)
    return nil
  }

  /// A trunk stands before an application, an application before the URL.
  private mutating func land(
    _ sid: String, _ record: CarrierNumber.Configuration, pin: String
  ) {
    if !record.trunkSID.isEmpty { return originate(sid, over: record.trunkSID, pin: pin) }
    if !record.applicationSID.isEmpty {
      calls[sid]?.voice = applications[record.applicationSID]?.voice ?? VoiceTarget()
    }
    guard calls[sid]?.voice.url.isEmpty == false else {
      calls[sid]?.disposition = ["kind": "unconfigured"]
      return endCall(sid, .failed)
    }
    requestVoice(sid)
  }

  // MARK: Views

  func view(_ number: CarrierNumber) -> JSON {
    let records = Region.allCases.map { region in
      JSON.Member(
        name: region.rawValue,
        value: .object(
          fields(number.configuration(in: region)).map {
            JSON.Member(name: $0.name, value: .string($0.value))
          }))
    }
    let isSpread = number.route.map { $0.effective <= now } ?? true
    return [
      "sid": .string(number.sid), "account_sid": .string(number.account),
      "phone_number": .string(number.phoneNumber),
      "friendly_name": .string(number.friendlyName),
      "voice_region": JSON(number.route?.region.rawValue),
      "route_is_propagating": .bool(!isSpread), "configurations": .object(records),
    ]
  }

  func fields(_ record: CarrierNumber.Configuration) -> [FormFields.Field] {
    [
      FormFields.Field(name: "voice_url", value: record.voice.url),
      FormFields.Field(name: "voice_method", value: record.voice.method),
      FormFields.Field(name: "voice_fallback_url", value: record.voice.fallbackURL),
      FormFields.Field(name: "voice_fallback_method", value: record.voice.fallbackMethod),
      FormFields.Field(name: "status_callback", value: record.statusCallback),
      FormFields.Field(name: "status_callback_method", value: record.statusCallbackMethod),
      FormFields.Field(name: "voice_application_sid", value: record.applicationSID),
      FormFields.Field(name: "trunk_sid", value: record.trunkSID),
    ]
  }
}
