import Telephony
import Testing

@testable import CarrierSim

@Suite struct SimulatorCallTests {
  typealias Harness = SimulatorHarness
  static let stream =
    "<Response><Connect><Stream url='wss://agent.example/s'>"
    + "<Parameter name='k' value='v'/></Stream></Connect></Response>"

  @Test func anOutboundCallRingsIsAnsweredAndRests() throws {
    var harness = Harness()
    harness.control(
      "POST", "/tokens",
      ["account_sid": .string(Harness.account), "region": "us1", "primary": "12345"])
    let (status, call) = harness.ask("POST", Harness.calls, Harness.dial)
    #expect(status == 201)
    #expect(call["status"] == "queued")
    #expect(call["start_time"] == .null)
    let sid = try #require(call["sid"]?.string)
    var callbacks = harness.play(Self.stream)
    #expect(callbacks.map { $0["CallStatus"] } == ["initiated", "ringing", "in-progress"])
    #expect(callbacks.map { $0["SequenceNumber"] } == ["0", "1", "2"])
    let view = harness.control("GET", "/calls/\(sid)")
    #expect(view["disposition"]?["kind"] == "connect_stream")
    #expect(view["disposition"]?["parameters"]?["k"] == "v")
    #expect(harness.ask("GET", Harness.call(sid)).json["status"] == "in-progress")
    harness.pass(.seconds(60))
    #expect(harness.ask("POST", Harness.call(sid), [("Status", "completed")]).status == 200)
    callbacks = harness.play("")
    #expect(callbacks.first?["CallStatus"] == "completed")
    #expect(callbacks.first?["SequenceNumber"] == "3")
    #expect(callbacks.first?["Duration"] == "2")
    let again = harness.ask("POST", Harness.call(sid), [("Status", "completed")])
    #expect(again.status == 400)
    #expect(again.json["code"] == 21220)
  }

  @Test func aWebhookIsSignedAndNamed() throws {
    var harness = Harness()
    harness.control(
      "POST", "/tokens",
      ["account_sid": .string(Harness.account), "region": "us1", "primary": "12345"])
    _ = harness.ask("POST", Harness.calls, Array(Harness.dial.prefix(3)))
    harness.pass(.milliseconds(200))
    let webhook = try #require(harness.webhooks.first)
    let form = try #require(FormFields(parsing: webhook.body))
    #expect(form["Direction"] == "outbound-api")
    #expect(form["CallStatus"] == "in-progress")
    let signature = webhook.headers.first { $0.name == "X-Twilio-Signature" }?.value
    #expect(
      signature
        == WebhookSignature.make(token: "12345", url: "http://app.example/voice", form: form))
  }

  @Test(arguments: [
    ("busy", "busy"), ("failed", "failed"), ("no-answer", "no-answer"),
  ])
  func farEnds(_ outcome: String, _ status: String) throws {
    var harness = Harness()
    harness.control(
      "POST", "/far-ends", ["to": .string(Harness.to), "outcome": .string(outcome)])
    _ = harness.ask("POST", Harness.calls, Harness.dial + [("Timeout", "5")])
    let callbacks = harness.play("", for: .seconds(20))
    #expect(callbacks.map { $0["CallStatus"] } == ["initiated", "ringing", status])
    if outcome == "failed" { #expect(callbacks.last?["ErrorCode"] == "13224") }
  }

  @Test(arguments: [
    ("To", "", 21201), ("From", "", 21213), ("Url", "", 21205), ("Url", "nowhere", 21205),
    ("To", "12", 21211), ("To", "+1", 21211), ("From", "x", 21212), ("From", "+15005550099", 21210),
    ("Timeout", "601", 20001), ("StatusCallback", "x", 21609), ("Method", "PUT", 21206),
    ("To", Harness.number, 21266), ("StatusCallbackEvent", "x", 21626),
  ])
  func refuses(_ name: String, _ value: String, _ code: Int) {
    var harness = Harness()
    let form = Harness.dial.filter { $0.0 != name } + [(name, value)]
    let (status, json) = harness.ask("POST", Harness.calls, form)
    #expect(status == 400)
    #expect(json["code"] == .integer(code))
    #expect(harness.control("GET", "/audit")["calls_created"] == [:])
  }

  @Test func callsLiveInTheirRegion() throws {
    var harness = Harness()
    let sid = try #require(
      harness.ask("POST", Harness.calls, Harness.dial, region: .ie1).json["sid"]?.string)
    #expect(harness.ask("GET", Harness.call(sid)).json["code"] == 20404)
    #expect(harness.ask("POST", Harness.call(sid), [("Status", "completed")]).status == 404)
    #expect(harness.ask("GET", Harness.call(sid), region: .ie1).status == 200)
    #expect(harness.ask("GET", Harness.calls).json["calls"] == [])
  }

  @Test func theQueueLetsOneCallOutPerSecond() {
    var harness = Harness(callsPerSecond: 1)
    for index in 0..<3 {
      let to = [("To", "+1500555100\(index)")]
      _ = harness.ask("POST", Harness.calls, to + Array(Harness.dial.dropFirst()))
    }
    func statuses() -> [String?] {
      (harness.ask("GET", Harness.calls).json["calls"]?.array ?? []).map { $0["status"]?.string }
    }
    harness.pass(.milliseconds(60))
    #expect(statuses() == ["queued", "queued", "ringing"])
    let path = Harness.calls + "?StartTime%3E=2020-01-01"
    #expect(harness.ask("GET", path).json["calls"]?.array?.count == 1)
    #expect(harness.ask("GET", Harness.calls + "?Status=queued").json["calls"]?.array?.count == 2)
    harness.pass(.seconds(1))
    harness.pass(.seconds(1))
    #expect(statuses().allSatisfy { $0 != "queued" })
  }

  @Test func aListShowsACallLate() throws {
    var harness = Harness()
    harness.control("POST", "/settings", ["listing_delay_ms": 5000])
    let sid = try #require(harness.ask("POST", Harness.calls, Harness.dial).json["sid"]?.string)
    #expect(harness.ask("GET", Harness.calls).json["calls"] == [])
    #expect(harness.ask("GET", Harness.call(sid)).status == 200)
    harness.pass(.seconds(5))
    let path = Harness.calls + "?To=%2B15005550001&From=%2B15005550006"
    #expect(harness.ask("GET", path).json["calls"]?.array?.count == 1)
  }

  @Test func anInboundCallIsRejected() {
    var harness = Harness()
    _ = harness.ask("POST", Harness.record, [("VoiceUrl", "http://app.example/voice")])
    harness.control(
      "POST", "/inbound-calls", ["from": "+15005550002", "to": .string(Harness.number)])
    let webhook = harness.answerWebhook(200, "<Response><Reject reason='busy'/></Response>")
    #expect(FormFields(parsing: webhook?.body ?? [])?["CallStatus"] == "ringing")
    let calls = harness.control("GET", "/calls")["calls"]?.array
    #expect(calls?.first?["status"] == "busy")
    #expect(calls?.first?["disposition"]?["reason"] == "busy")
  }

  @Test func theFallbackIsAskedWhenTheWebhookFails() {
    var harness = Harness()
    _ = harness.ask(
      "POST", Harness.record,
      [("VoiceUrl", "http://a.example/"), ("VoiceFallbackUrl", "http://b.example/")])
    harness.control(
      "POST", "/inbound-calls", ["from": "+15005550002", "to": .string(Harness.number)])
    let first = harness.endWebhook(.failed(.connect))
    let retry = harness.endWebhook(.failed(.connect))
    let token = { (webhook: OutgoingWebhook?) in
      webhook?.headers.first { $0.name == "I-Twilio-Idempotency-Token" }?.value
    }
    #expect(token(first) == token(retry))
    #expect(harness.webhooks.first?.url == "http://b.example/")
    let fallback = harness.answerWebhook(200, "<Response><Nonsense/></Response>")
    #expect(FormFields(parsing: fallback?.body ?? [])?["ErrorCode"] == "11205")
    let call = harness.control("GET", "/calls")["calls"]?.array?.first
    #expect(call?["disposition"]?["kind"] == "application_error")
    #expect(call?["disposition"]?["code"] == 12200)
    #expect(call?["status"] == "completed")
  }

  @Test func aRepeatedWebhookCarriesTheSameToken() {
    var harness = Harness()
    _ = harness.ask("POST", Harness.record, [("VoiceUrl", "http://a.example/")])
    harness.control(
      "POST", "/inbound-calls",
      ["from": "+15005550002", "to": .string(Harness.number), "repeat_webhook": 2])
    let first = harness.answerWebhook(200, Self.stream)
    #expect(harness.webhooks.count == 2)
    #expect(harness.webhooks.allSatisfy { $0.body == first?.body && $0.headers == first?.headers })
    harness.answerWebhook(200, Self.stream)
    harness.answerWebhook(200, Self.stream)
    let records = harness.control("GET", "/calls")["calls"]?.array?.first?["webhooks"]?.array
    #expect(Set((records ?? []).map { $0["body"] }).count == 1)
    #expect(records?.count == 3)
  }

  @Test func aDialWaitsForItsParty() {
    var harness = Harness()
    _ = harness.ask("POST", Harness.record, [("VoiceUrl", "http://a.example/")])
    harness.control(
      "POST", "/inbound-calls", ["from": "+15005550002", "to": .string(Harness.number)])
    harness.answerWebhook(
      200,
      "<Response><Dial answerOnBridge='true'><Sip>sip:agent@b.example</Sip></Dial></Response>")
    var call = harness.control("GET", "/calls")["calls"]?.array?.first
    #expect(call?["status"] == "ringing")
    #expect(call?["disposition"]?["targets"]?.array?.first?["to"] == "sip:agent@b.example")
    harness.pass(.milliseconds(200))
    call = harness.control("GET", "/calls")["calls"]?.array?.first
    #expect(call?["status"] == "in-progress")
  }

  @Test func aPriceComesLate() throws {
    var harness = Harness()
    harness.control("POST", "/far-ends", ["to": "*", "hang_up_after_ms": 500])
    let sid = try #require(harness.ask("POST", Harness.calls, Harness.dial).json["sid"]?.string)
    _ = harness.play(Self.stream)
    let ended = harness.ask("GET", Harness.call(sid)).json
    #expect(ended["status"] == "completed")
    #expect(ended["price"] == .null)
    harness.pass(.seconds(3))
    #expect(harness.ask("GET", Harness.call(sid)).json["price"] == "-0.0140")
  }

  @Test func newTwiMLReplacesTheOld() throws {
    var harness = Harness()
    let sid = try #require(harness.ask("POST", Harness.calls, Harness.dial).json["sid"]?.string)
    let early = harness.ask("POST", Harness.call(sid), [("Twiml", "<Response/>")])
    #expect(early.json["code"] == 21220)
    _ = harness.play(Self.stream)
    let bad = harness.ask("POST", Harness.call(sid), [("Twiml", "<Response><No/></Response>")])
    #expect(bad.json["code"] == 12200)
    _ = harness.ask(
      "POST", Harness.call(sid), [("Twiml", "<Response><Pause length='9'/></Response>")])
    #expect(harness.control("GET", "/calls/\(sid)")["disposition"] == .null)
    harness.pass(.seconds(10))
    #expect(harness.ask("GET", Harness.call(sid)).json["status"] == "completed")
  }
}
