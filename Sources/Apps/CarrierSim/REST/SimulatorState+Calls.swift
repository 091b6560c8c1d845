internal import Telephony

/// Calls as resources: listed, fetched and changed in their own region only.
extension SimulatorState {
  func listCalls(_ ask: RESTRequest, _ account: Account) throws(RESTError) -> SimulatorAnswer {
    guard ask.method == "GET" else { throw .notAllowed }
    let filter = try CallFilter(ask.query)
    let matching = callOrder.reversed().filter { sid in
      guard let call = calls[sid] else { return false }
      return call.account == account.sid && call.region == ask.region && call.listed <= now
        && filter.matches(call)
    }
    let page = try Page(ask, of: matching)
    return page.answer("calls", page.items.compactMap { calls[$0].map(render) })
  }

  mutating func call(
    _ ask: RESTRequest, _ account: Account, _ sid: String
  ) throws(RESTError) -> SimulatorAnswer {
    guard let call = calls[sid], call.account == account.sid, call.region == ask.region else {
      throw .notFound(ask.path)
    }
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(call))
    case "POST":
      try change(call, ask)
      return SimulatorAnswer(200, render(calls[sid] ?? call))
    default: throw .notAllowed
    }
  }

  private mutating func change(_ call: SimulatedCall, _ ask: RESTRequest) throws(RESTError) {
    guard !call.status.isOver else {
      throw .badRequest(21220, "Invalid call state: Call is not in-progress. Cannot update.")
    }
    if let url = ask.form["StatusCallback"], !url.isEmpty {
      guard WebhookAddress(url) != nil else {
        throw .badRequest(21609, "StatusCallback is not a valid URL: \(url)")
      }
      let method = ask.form["StatusCallbackMethod"] ?? "POST"
      calls[call.sid]?.statusTarget = SimulatedCall.StatusTarget(
        url: url, method: method, events: call.statusTarget?.events ?? [.completed])
    }
    if let status = ask.form["Status"] {
      switch status {
      case "completed": endConnection(call.sid)
      case "canceled":
        guard call.status != .inProgress else {
          throw .badRequest(21220, "Invalid call state: Call is in-progress. Cannot cancel.")
        }
        endCall(call.sid, .canceled)
      default: throw .badRequest(20001, "Invalid parameter: Status \(status)")
      }
      return
    }
    try changeScript(call, ask)
  }

  /// New TwiML ends what the old was doing.
  private mutating func changeScript(
    _ call: SimulatedCall, _ ask: RESTRequest
  ) throws(RESTError) {
    let url = ask.form["Url"] ?? ""
    let text = ask.form["Twiml"] ?? ""
    guard !url.isEmpty || !text.isEmpty else { return }
    guard call.status == .inProgress else {
      throw .badRequest(21220, "Invalid call state: Call is not in-progress. Cannot redirect.")
    }
    if url.isEmpty {
      let document = try inlineDocument(text)
      begin(document, call.sid)
    } else {
      guard WebhookAddress(url) != nil else {
        throw .badRequest(21205, "Url is not a valid URL: \(url)")
      }
      calls[call.sid]?.voice = VoiceTarget(
        url: url, method: ask.form["Method"] ?? "POST",
        fallbackURL: ask.form["FallbackUrl"] ?? call.voice.fallbackURL,
        fallbackMethod: ask.form["FallbackMethod"] ?? call.voice.fallbackMethod)
      requestVoice(call.sid)
    }
  }

  func inlineDocument(_ text: String) throws(RESTError) -> TwiMLDocument {
    do {
      return try TwiMLDocument(xml: Array(text.utf8))
    } catch {
      throw .badRequest(error.code, error.message)
    }
  }

  func render(_ call: SimulatedCall) -> JSON {
    let uri = "/2010-04-01/Accounts/\(call.account)/Calls/\(call.sid)"
    func date(_ time: Timestamp?) -> JSON { JSON(time.map { CarrierTime($0).mailDate }) }
    let members: KeyValuePairs<String, JSON> = [
      "sid": .string(call.sid), "account_sid": .string(call.account),
      "to": .string(call.to), "to_formatted": .string(call.to),
      "from": .string(call.from), "from_formatted": .string(call.from),
      "phone_number_sid": JSON(call.phoneNumberSID), "parent_call_sid": .null,
      "status": .string(call.shownStatus.rawValue),
      "direction": .string(call.direction),
      "date_created": date(call.created), "date_updated": date(call.updated),
      "start_time": date(call.started), "end_time": date(call.ended),
      "duration": JSON(call.status.isOver ? String(call.seconds) : nil),
      "price": JSON(call.price), "price_unit": "USD",
      "answered_by": JSON(call.answered == nil ? nil : call.farEnd.answeredBy),
      "queue_time": .string(String(call.queueMilliseconds)),
      "api_version": "2010-04-01", "annotation": .null, "forwarded_from": .null,
      "group_sid": .null, "caller_name": .null, "trunk_sid": .null,
      "uri": .string(uri + ".json"),
      "subresource_uris": [
        "recordings": .string(uri + "/Recordings.json"),
        "notifications": .string(uri + "/Notifications.json"),
      ],
    ]
    return .object(members.map { JSON.Member(name: $0.key, value: $0.value) })
  }
}

extension SimulatedCall {
  var direction: String { isInbound ? "inbound" : "outbound-api" }

  /// From the answer to the end, rounded up to whole seconds; 0 when nobody answered.
  var seconds: Int {
    guard let answered, let ended else { return 0 }
    return Int((ended.milliseconds - answered.milliseconds + 999) / 1000)
  }
}

/// Which calls a list shows.
private struct CallFilter {
  private let to: String?
  private let from: String?
  private let parent: String?
  private let statuses: [SimulatedCall.Status]
  private let start: [TimeFilter]
  private let end: [TimeFilter]

  /// A bound on a time. A call without the time matches none.
  private struct TimeFilter {
    /// From here on.
    var lower: Timestamp?
    /// And before this.
    var upper: Timestamp?

    func matches(_ time: Timestamp?) -> Bool {
      guard let time else { return false }
      return (lower.map { time >= $0 } ?? true) && (upper.map { time < $0 } ?? true)
    }
  }

  init(_ query: FormFields) throws(RESTError) {
    to = query["To"].map(Self.number)
    from = query["From"].map(Self.number)
    parent = query["ParentCallSid"]
    var statuses: [SimulatedCall.Status] = []
    for text in query.all("Status") {
      guard let status = SimulatedCall.Status(rawValue: text) else {
        throw .badRequest(20001, "Invalid parameter: Status \(text)")
      }
      statuses.append(status)
    }
    self.statuses = statuses
    start = try Self.times(query, "StartTime")
    end = try Self.times(query, "EndTime")
  }

  /// A plus sign that was sent as itself arrives as a blank.
  private static func number(_ text: String) -> String {
    text.hasPrefix(" ") ? "+" + text.dropFirst() : text
  }

  /// `StartTime=`, and with `<` or `>` before the `=`: both bounds are inclusive.
  private static func times(
    _ query: FormFields, _ name: String
  ) throws(RESTError) -> [TimeFilter] {
    var filters: [TimeFilter] = []
    for field in query.fields where field.name.hasPrefix(name) {
      let sign = field.name.dropFirst(name.utf8.count)
      guard let time = CarrierTime.parse(field.value) else {
        throw .badRequest(20001, "Invalid parameter: \(field.name) \(field.value)")
      }
      let isDay = !field.value.contains("T")
      let after = time.advanced(by: isDay ? .seconds(86400) : .seconds(1))
      switch sign {
      case "": filters.append(TimeFilter(lower: time, upper: after))
      case "<": filters.append(TimeFilter(upper: after))
      case ">": filters.append(TimeFilter(lower: time))
      default: throw .badRequest(20001, "Invalid parameter: \(field.name)")
      }
    }
    return filters
  }

  func matches(_ call: SimulatedCall) -> Bool {
    if let to, call.to != to { return false }
    if let from, call.from != from { return false }
    // No call of the simulator has a parent.
    if parent != nil { return false }
    if !statuses.isEmpty, !statuses.contains(call.shownStatus) { return false }
    return start.allSatisfy { $0.matches(call.started) }
      && end.allSatisfy { $0.matches(call.ended) }
  }
}
