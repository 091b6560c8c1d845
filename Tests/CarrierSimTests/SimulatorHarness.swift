import Buffers
import Crypto
import Telephony

@testable import CarrierSim

/// A simulator with an account, one key per region and one number, and time in the test's hand.
struct SimulatorHarness {
  static let account = "AC" + String(repeating: "a", count: 32)
  static let number = "+15005550006"
  static let sid = "PN" + String(repeating: "b", count: 32)
  static let to = "+15005550001"
  static let secret = "secret"

  var state: SimulatorState
  var now = Timestamp(milliseconds: 1_800_000_000_000)
  var nextRequest: RequestID = 1
  /// Webhooks that nobody has answered yet.
  var webhooks: [OutgoingWebhook] = []
  /// Answers to requests, by the order of asking.
  var answers: [RequestID: SimulatorAnswer] = [:]
  var dropped: Set<RequestID> = []

  init(callsPerSecond: Double = 0) {
    var settings = SimulatorSettings.defaults
    settings.callsPerSecond = callsPerSecond
    state = SimulatorState(settings: settings, seed: 1)
    control("POST", "/accounts", ["sid": .string(Self.account)])
    for region in Region.allCases {
      control(
        "POST", "/keys",
        [
          "account_sid": .string(Self.account), "region": .string(region.rawValue),
          "sid": .string(Self.key(region)), "secret": .string(Self.secret),
        ])
    }
    control(
      "POST", "/numbers",
      [
        "account_sid": .string(Self.account), "phone_number": .string(Self.number),
        "sid": .string(Self.sid),
      ])
  }

  static func key(_ region: Region) -> String {
    let digit =
      switch region {
      case .us1: "1"
      case .ie1: "2"
      case .au1: "3"
      }
    return "SK" + String(repeating: digit, count: 32)
  }

  // MARK: Events

  @discardableResult
  mutating func control(_ method: String, _ target: String, _ body: JSON? = nil) -> JSON {
    let id = takeRequestID()
    let request = SimulatorRequest(method, target, body: Array((body?.text ?? "").utf8))
    note(state.controlCame(id, request, at: now))
    return json(id)
  }

  /// Asks a region with its own key, and gives the request's id.
  @discardableResult
  mutating func send(
    _ method: String, _ target: String, _ form: [(String, String)] = [], region: Region = .us1,
    user: String? = nil, password: String = SimulatorHarness.secret
  ) -> RequestID {
    let id = takeRequestID()
    var fields = FormFields()
    for (name, value) in form { fields.append(name, value) }
    let login = "\(user ?? Self.key(region)):\(password)"
    let request = SimulatorRequest(
      method, target, authorization: "Basic " + Base64.encode(Array(login.utf8)),
      body: Array(fields.encoded.utf8))
    note(state.requestCame(id, request, region: region, at: now))
    return id
  }

  /// The status and the JSON of an answer that came at once.
  mutating func ask(
    _ method: String, _ target: String, _ form: [(String, String)] = [], region: Region = .us1,
    user: String? = nil, password: String = SimulatorHarness.secret
  ) -> (status: Int, json: JSON) {
    let id = send(method, target, form, region: region, user: user, password: password)
    return (answers[id]?.status ?? 0, json(id))
  }

  static var calls: String { "/api/2010-04-01/Accounts/\(account)/Calls.json" }
  static func call(_ sid: String) -> String {
    "/api/2010-04-01/Accounts/\(account)/Calls/\(sid).json"
  }
  static var record: String {
    "/api/2010-04-01/Accounts/\(account)/IncomingPhoneNumbers/\(sid).json"
  }

  static let dial = [
    ("To", to), ("From", number), ("Url", "http://app.example/voice"),
    ("StatusCallback", "http://app.example/status"), ("StatusCallbackEvent", "initiated"),
    ("StatusCallbackEvent", "ringing"), ("StatusCallbackEvent", "answered"),
    ("StatusCallbackEvent", "completed"),
  ]

  mutating func pass(_ duration: Duration) {
    now = now.advanced(by: duration)
    note(state.timePassed(to: now))
  }

  /// Answers the oldest webhook that waits, and gives it back.
  @discardableResult
  mutating func answerWebhook(
    _ status: Int = 200, _ body: String = "", contentType: String? = "text/xml"
  ) -> OutgoingWebhook? {
    endWebhook(.answered(status: status, contentType: contentType, body: Array(body.utf8)))
  }

  @discardableResult
  mutating func endWebhook(_ outcome: WebhookOutcome) -> OutgoingWebhook? {
    guard !webhooks.isEmpty else { return nil }
    let webhook = webhooks.removeFirst()
    note(state.webhookEnded(webhook.id, outcome, at: now))
    return webhook
  }

  /// Lets time pass and answers every webhook: the voice webhook with `twiml`, callbacks with 204.
  ///
  /// Gives the forms of the callbacks in their order.
  mutating func play(_ twiml: String, for duration: Duration = .seconds(1)) -> [FormFields] {
    var callbacks: [FormFields] = []
    for _ in 0..<100 {
      pass(duration / 100)
      while let webhook = webhooks.first {
        if webhook.url.contains("/status") {
          callbacks.append(FormFields(parsing: webhook.body) ?? FormFields())
          answerWebhook(204)
        } else {
          answerWebhook(200, twiml)
        }
      }
    }
    return callbacks
  }

  // MARK: What came

  func json(_ id: RequestID) -> JSON {
    answers[id].flatMap { JSON(parsing: $0.body) } ?? .null
  }

  mutating func takeRequestID() -> RequestID {
    defer { nextRequest += 1 }
    return nextRequest
  }

  mutating func note(_ actions: [SimulatorAction]) {
    for action in actions {
      switch action {
      case .answer(let id, let answer):
        precondition(answers[id] == nil && !dropped.contains(id), "\(id) was answered twice")
        answers[id] = answer
      case .drop(let id):
        precondition(answers[id] == nil && dropped.insert(id).inserted, "\(id) was over")
      case .send(let webhook): webhooks.append(webhook)
      case .quit: break
      }
    }
  }
}
