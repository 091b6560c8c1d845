import Telephony
import Testing

@testable import CarrierSim

@Suite struct SimulatorFaultTests {
  typealias Harness = SimulatorHarness

  private func created(_ harness: inout Harness) -> JSON? {
    harness.control("GET", "/audit")["calls_created"]?[Harness.to]
  }

  @Test func aConnectionIsLostBeforeOrAfterTheEffect() {
    for (kind, count) in [("lost_before", JSON?.none), ("lost_after", JSON.integer(1))] {
      var harness = Harness()
      harness.control("POST", "/faults", ["kind": .string(kind), "path": "*/Calls.json"])
      let id = harness.send("POST", Harness.calls, Harness.dial)
      harness.pass(.milliseconds(1))
      #expect(harness.dropped == [id])
      #expect(created(&harness) == count)
      let audit = harness.control("GET", "/audit")
      #expect(audit["posts_received"]?[Harness.to] == 1)
      #expect(harness.ask("POST", Harness.calls, Harness.dial).status == 201)
    }
  }

  @Test func aStatusStandsInForTheAnswer() {
    var harness = Harness()
    harness.control(
      "POST", "/faults", ["kind": "status", "status": 429, "retry_after": 3, "skip": 1])
    #expect(harness.ask("POST", Harness.calls, Harness.dial).status == 201)
    let id = harness.send("POST", Harness.calls, Harness.dial)
    harness.pass(.milliseconds(1))
    #expect(harness.answers[id]?.status == 429)
    #expect(harness.answers[id]?.retryAfter == 3)
    #expect(harness.json(id)["code"] == 20429)
    #expect(created(&harness) == 1)
  }

  @Test func anErrorCanComeAfterTheEffect() {
    var harness = Harness()
    harness.control("POST", "/faults", ["kind": "status", "status": 500, "effect": true])
    let id = harness.send("POST", Harness.calls, Harness.dial)
    harness.pass(.milliseconds(1))
    #expect(harness.answers[id]?.status == 500)
    #expect(created(&harness) == 1)
  }

  @Test func anAnswerComesLateOrTheEffectDoes() {
    for (isCarriedOut, before) in [(true, JSON.integer(1)), (false, JSON?.none)] {
      var harness = Harness()
      harness.control(
        "POST", "/faults",
        ["kind": "delay", "delay_ms": 100, "effect": .bool(isCarriedOut), "method": "POST"])
      let id = harness.send("POST", Harness.calls, Harness.dial)
      #expect(harness.answers[id] == nil)
      #expect(created(&harness) == before)
      harness.pass(.milliseconds(101))
      #expect(harness.answers[id]?.status == 201)
      #expect(created(&harness) == 1)
    }
  }

  @Test func jsonIsCut() {
    var harness = Harness()
    harness.control("POST", "/faults", ["kind": "malformed", "region": "us1"])
    let id = harness.send("GET", Harness.calls)
    harness.pass(.milliseconds(1))
    #expect(harness.answers[id]?.status == 200)
    #expect(harness.json(id) == .null)
    #expect(harness.answers[id]?.body.isEmpty == false)
  }

  @Test func probabilityAndCount() {
    var harness = Harness()
    harness.control(
      "POST", "/faults", ["kind": "lost_before", "probability": .double(0.5), "count": 0])
    for _ in 0..<200 { harness.send("GET", Harness.calls) }
    harness.pass(.milliseconds(1))
    #expect((60...140).contains(harness.dropped.count))
    harness.control("DELETE", "/faults")
    #expect(harness.ask("GET", Harness.calls).status == 200)
  }

  @Test func unknownMembersAreRefused() {
    var harness = Harness()
    let answer = harness.control("POST", "/faults", ["kind": "delay", "dealy_ms": 1])
    #expect(answer["error"]?.string?.hasPrefix("dealy_ms is unknown") == true)
    #expect(harness.control("POST", "/far-ends", ["outcome": "busy"])["error"] != nil)
    #expect(harness.control("GET", "/nothing")["error"] != nil)
  }
}

@Suite struct SimulatorCallbackTests {
  typealias Harness = SimulatorHarness
  static let hangUp = "<Response><Hangup/></Response>"

  @Test func aCallbackComesBeforeThePostsOwnAnswer() {
    var harness = Harness()
    harness.control("POST", "/callbacks", ["before_answer": "ringing"])
    let id = harness.send("POST", Harness.calls, Harness.dial)
    harness.pass(.milliseconds(1))
    #expect(harness.answers[id] == nil)
    harness.answerWebhook(204)
    harness.pass(.milliseconds(60))
    #expect(harness.answers[id] == nil)
    harness.answerWebhook(204)
    #expect(harness.answers[id]?.status == 201)
  }

  @Test func aCallThatEndsEarlyIsAnsweredAllTheSame() {
    var harness = Harness()
    harness.control("POST", "/callbacks", ["before_answer": "answered"])
    harness.control("POST", "/far-ends", ["to": "*", "outcome": "busy"])
    let id = harness.send("POST", Harness.calls, Harness.dial)
    _ = harness.play("")
    #expect(harness.answers[id]?.status == 201)
  }

  @Test func callbacksAreRepeatedAndReordered() {
    var harness = Harness()
    harness.control("POST", "/callbacks", ["order": "reverse", "repeat": 1])
    _ = harness.ask("POST", Harness.calls, Harness.dial)
    let callbacks = harness.play(Self.hangUp)
    #expect(
      callbacks.map { $0["SequenceNumber"] } == ["3", "3", "2", "2", "1", "1", "0", "0"])
  }

  @Test func callbacksAreHeldAndReleased() throws {
    var harness = Harness()
    harness.control("POST", "/callbacks", ["hold": true])
    let sid = try #require(harness.ask("POST", Harness.calls, Harness.dial).json["sid"]?.string)
    #expect(harness.play(Self.hangUp).isEmpty)
    #expect(harness.control("GET", "/callbacks?state=held")["callbacks"]?.array?.count == 4)
    #expect(harness.control("POST", "/callbacks/release", ["count": 1])["released"] == 1)
    #expect(harness.play("").map { $0["SequenceNumber"] } == ["0"])
    harness.control(
      "POST", "/callbacks/release", ["call_sid": .string(sid), "order": "reverse"])
    #expect(harness.play("").map { $0["SequenceNumber"] } == ["3", "2", "1"])
    harness.control("POST", "/callbacks/repeat", ["call_sid": .string(sid), "times": 2])
    #expect(harness.play("").count == 8)
  }

  @Test func timeStandsStillOnDemand() {
    var harness = Harness()
    harness.control("POST", "/clock", ["mode": "manual"])
    _ = harness.ask("POST", Harness.calls, Harness.dial)
    harness.pass(.seconds(100))
    #expect(harness.state.nextDeadline == nil)
    #expect(harness.ask("GET", Harness.calls).json["calls"]?.array?.first?["status"] == "queued")
    harness.control("POST", "/clock", ["advance_ms": 60])
    #expect(harness.ask("GET", Harness.calls).json["calls"]?.array?.first?["status"] == "ringing")
    harness.control("POST", "/clock", ["mode": "real"])
    harness.pass(.seconds(1))
    #expect(
      harness.ask("GET", Harness.calls).json["calls"]?.array?.first?["status"] == "in-progress")
  }

  @Test func aResetAnswersWhoWaits() {
    var harness = Harness()
    harness.control("POST", "/callbacks", ["before_answer": "completed"])
    let withheld = harness.send("POST", Harness.calls, Harness.dial)
    harness.control("POST", "/faults", ["kind": "delay", "delay_ms": 1000])
    let late = harness.send("GET", Harness.calls)
    harness.control("POST", "/reset")
    #expect(harness.answers[withheld] != nil)
    #expect(harness.dropped == [late])
    #expect(harness.control("GET", "/state")["accounts"] == [])
  }
}
