internal import Telephony

/// Requests at the regions' addresses: faults first, then the route to a resource.
extension SimulatorState {
  mutating func take(_ request: SimulatorRequest, _ id: RequestID, _ door: Door) {
    let isDialling = request.method == "POST" && request.path.hasSuffix("/Calls.json")
    let to = isDialling ? request.form?["To"] : nil
    if let to, postsReceived.count < SimulatorLimits.callCountMax || postsReceived[to] != nil {
      postsReceived[to, default: 0] += 1
    }
    guard let fault = takeFault(request, door, to) else {
      if let answer = process(request, id, door) { actions.append(.answer(id, answer)) }
      return
    }
    strike(fault, request, id, door)
  }

  /// The first fault that hits this request, used up by one.
  private mutating func takeFault(
    _ request: SimulatorRequest, _ door: Door, _ to: String?
  ) -> Fault? {
    let matching = faults.indices.filter {
      faults[$0].matches(door: door, method: request.method, path: request.path, to: to)
    }
    for index in matching {
      if faults[index].skip > 0 {
        faults[index].skip -= 1
        continue
      }
      if faults[index].probability < 1 {
        guard Double.random(in: 0..<1, using: &random) < faults[index].probability else {
          continue
        }
      }
      if let count = faults[index].count { faults[index].count = count - 1 }
      faults[index].fired += 1
      return faults[index]
    }
    return nil
  }

  private mutating func strike(
    _ fault: Fault, _ request: SimulatorRequest, _ id: RequestID, _ door: Door
  ) {
    switch fault.kind {
    case .delay where !fault.effect:
      schedule(.requestDue(id, request, door), after: fault.delay)
    case .delay:
      if let answer = process(request, id, door) {
        schedule(.answerDue(id, answer), after: fault.delay)
      }
    case .status:
      if fault.effect { processUnanswered(request, id, door) }
      var answer = errorAnswer(of: fault, door)
      answer.retryAfter = fault.retryAfter
      schedule(.answerDue(id, answer), after: fault.delay)
    case .lostBefore: schedule(.dropDue(id), after: fault.delay)
    case .lostAfter:
      processUnanswered(request, id, door)
      schedule(.dropDue(id), after: fault.delay)
    case .malformed:
      var answer = process(request, id, door) ?? SimulatorAnswer(200)
      forgetWithheld(id)
      answer.body = Array(answer.body.prefix(answer.body.count / 2))
      schedule(.answerDue(id, answer), after: fault.delay)
    }
  }

  /// Carries a request out; who asked learns nothing of it.
  private mutating func processUnanswered(
    _ request: SimulatorRequest, _ id: RequestID, _ door: Door
  ) {
    _ = process(request, id, door)
    forgetWithheld(id)
  }

  private mutating func forgetWithheld(_ id: RequestID) {
    agenda.forgetAnswer(to: id)
    for call in livekit.calls.all where call.waiting?.request == id {
      livekit.calls[call.id]?.waiting = nil
    }
    guard let sid = callOrder.last, calls[sid]?.withheld?.request == id else { return }
    calls[sid]?.withheld = nil
  }

  private func errorAnswer(of fault: Fault, _ door: Door) -> SimulatorAnswer {
    let text = Self.errorText(of: fault.status)
    if case .livekit = door {
      return TwirpError(.init(status: fault.status), text).answer(fault.status)
    }
    return RESTError(fault.status, fault.code ?? Self.errorCode(of: fault.status), text).answer
  }

  private static func errorCode(of status: Int) -> Int {
    switch status {
    case 429: 20429
    case 503: 20503
    case 401, 403: 20003
    case 404: 20404
    case 409: 20409
    default: 20500
    }
  }

  private static func errorText(of status: Int) -> String {
    switch status {
    case 429: "Too Many Requests"
    case 503: "Service Unavailable"
    case 401, 403: "Permission Denied"
    case 404: "The requested resource was not found"
    case 409: "Conflict"
    default: "An internal server error has occurred"
    }
  }

  /// The first labels of the hosts that are played here.
  private static let products: Set<String> = [
    "api", "routes", "trunking", "voice", "pricing",
  ]

  /// Carries a request out. Nil: the answer comes later, by itself.
  mutating func process(
    _ request: SimulatorRequest, _ id: RequestID, _ door: Door
  ) -> SimulatorAnswer? {
    switch door {
    case .region(let region): twilio(request, id, region)
    case .livekit: twirp(request, id)
    }
  }

  private mutating func twilio(
    _ request: SimulatorRequest, _ id: RequestID, _ region: Region
  ) -> SimulatorAnswer? {
    do throws(RESTError) {
      guard let segments = request.segments, let product = segments.first else {
        throw .notFound(request.path)
      }
      guard Self.products.contains(product) else { throw .notFound(request.path) }
      let principal = try authenticate(request.authorization, region)
      let ask = RESTRequest(
        method: request.method, path: "/" + segments.dropFirst().joined(separator: "/"),
        segments: Array(segments.dropFirst()), query: request.query ?? FormFields(),
        form: request.form ?? FormFields(), region: region, principal: principal, id: id)
      switch product {
      case "api": return try api(ask)
      case "trunking": return try trunking(ask)
      case "voice": return try voice(ask)
      case "pricing": return try pricing(ask)
      default: return try routes(ask)
      }
    } catch {
      return error.answer
    }
  }

  private mutating func api(_ ask: RESTRequest) throws(RESTError) -> SimulatorAnswer? {
    guard ask.segments.first == "2010-04-01" else { throw .notFound(ask.path) }
    let segments = Array(ask.segments.dropFirst())
    switch segments.count {
    case 1 where segments[0] == "Accounts.json":
      return try listAccounts(ask)
    case 2 where segments[0] == "Accounts" && segments[1].hasSuffix(".json"):
      return try account(ask, String(segments[1].dropLast(5)))
    case 3... where segments[0] == "Accounts" && segments[2].hasPrefix("AvailablePhone"):
      let account = try authorize(ask, account: segments[1])
      try require(.numbers, ask)
      guard let last = segments.last, last.hasSuffix(".json") else { throw .notFound(ask.path) }
      let names = segments[2..<segments.count - 1] + [String(last.dropLast(5))]
      guard names.first == "AvailablePhoneNumbers" else { throw .notFound(ask.path) }
      return try availableNumbers(ask, account, Array(names.dropFirst()))
    case 3 where segments[0] == "Accounts":
      let account = try authorize(ask, account: segments[1])
      switch segments[2] {
      case "IncomingPhoneNumbers.json":
        try require(.numbers, ask)
        return ask.method == "POST"
          ? try buyNumber(ask, account) : try listNumbers(ask, account)
      case "Calls.json":
        try require(.calls, ask)
        return ask.method == "POST" ? try placeCall(ask, account) : try listCalls(ask, account)
      default: throw .notFound(ask.path)
      }
    case 4... where segments[0] == "Accounts" && segments[2] == "SIP":
      let account = try authorize(ask, account: segments[1])
      try require(.sip, ask)
      guard let last = segments.last, last.hasSuffix(".json") else { throw .notFound(ask.path) }
      let names = segments[3..<segments.count - 1] + [String(last.dropLast(5))]
      return try sip(ask, account, Array(names))
    case 4 where segments[0] == "Accounts" && segments[3].hasSuffix(".json"):
      let account = try authorize(ask, account: segments[1])
      let sid = String(segments[3].dropLast(5))
      switch segments[2] {
      case "IncomingPhoneNumbers":
        try require(.numbers, ask)
        return try number(ask, account, sid)
      case "Calls":
        try require(.calls, ask)
        return try call(ask, account, sid)
      default: throw .notFound(ask.path)
      }
    default: throw .notFound(ask.path)
    }
  }
}
