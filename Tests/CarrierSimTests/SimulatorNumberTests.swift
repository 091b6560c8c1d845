import Telephony
import Testing

@testable import CarrierSim

@Suite struct SimulatorNumberTests {
  typealias Harness = SimulatorHarness
  static let route = "/routes/v2/PhoneNumbers/%2B15005550006"

  @Test func eachRegionHasItsOwnRecord() {
    var harness = Harness()
    let (status, _) = harness.ask(
      "POST", Harness.record, [("VoiceUrl", "http://ie.example/")], region: .ie1)
    #expect(status == 200)
    let record = harness.ask("GET", Harness.record, region: .ie1).json
    #expect(record["voice_url"] == "http://ie.example/")
    #expect(harness.ask("GET", Harness.record).json["voice_url"] == "")
    let audit = harness.control("GET", "/audit?prefix=http://ie.example")
    #expect(audit["configurations"]?.array?.count == 1)
    #expect(audit["configurations"]?.array?.first?["region"] == "ie1")
  }

  @Test func aTrunkAndAnApplicationExcludeEachOther() {
    var harness = Harness()
    let owner: JSON = ["account_sid": .string(Harness.account), "region": "us1"]
    let application = harness.control("POST", "/applications", owner)["sid"]?.string ?? ""
    let trunk = harness.control("POST", "/trunks", owner)["sid"]?.string ?? ""
    _ = harness.ask("POST", Harness.record, [("VoiceApplicationSid", application)])
    var record = harness.ask("POST", Harness.record, [("TrunkSid", trunk)]).json
    #expect(record["trunk_sid"]?.string == trunk)
    #expect(record["voice_application_sid"] == "")
    record = harness.ask("POST", Harness.record, [("VoiceApplicationSid", application)]).json
    #expect(record["trunk_sid"] == .null)
    #expect(harness.ask("POST", Harness.record, [("TrunkSid", "TK1")]).json["code"] == 21245)
    #expect(harness.ask("POST", Harness.record, [("VoiceUrl", "nowhere")]).json["code"] == 21402)
    #expect(harness.ask("POST", Harness.record, [("VoiceMethod", "PUT")]).json["code"] == 21403)
  }

  @Test func aRouteIsUnsetAtFirst() {
    var harness = Harness()
    #expect(harness.ask("GET", Self.route).json["code"] == 20404)
    #expect(harness.ask("POST", Self.route, [("VoiceRegion", "xx1")]).status == 400)
    let set = harness.ask("POST", Self.route, [("VoiceRegion", "ie1")], region: .ie1)
    #expect(set.status == 200)
    #expect(set.json["voice_region"] == "ie1")
    let bySID = harness.ask("GET", "/routes/v2/PhoneNumbers/\(Harness.sid)", region: .au1)
    #expect(bySID.json["voice_region"] == "ie1")
  }

  @Test func callsLandInEitherRegionWhileARouteSpreads() {
    var harness = Harness()
    for region in [Region.us1, .ie1] {
      _ = harness.ask(
        "POST", Harness.record, [("VoiceUrl", "http://\(region).example/")], region: region)
    }
    harness.control("POST", "/settings", ["route_propagation_ms": 300_000])
    _ = harness.ask("POST", Self.route, [("VoiceRegion", "ie1")])
    func land() -> String? {
      harness.control(
        "POST", "/inbound-calls",
        ["from": "+15005550002", "to": .string(Harness.number), "wait": false])["region"]?.string
    }
    #expect([land(), land(), land()] == ["us1", "ie1", "us1"])
    harness.pass(.seconds(301))
    #expect([land(), land()] == ["ie1", "ie1"])
  }

  @Test func anUnconfiguredRegionRejectsWithoutAWebhook() {
    var harness = Harness()
    _ = harness.ask("POST", Harness.record, [("VoiceUrl", "http://us.example/")])
    _ = harness.ask("POST", Self.route, [("VoiceRegion", "au1")])
    let call = harness.control(
      "POST", "/inbound-calls", ["from": "+15005550002", "to": .string(Harness.number)])
    #expect(call["disposition"]?["kind"] == "unconfigured")
    #expect(call["status"] == "failed")
    #expect(harness.webhooks.isEmpty)
  }

  @Test func aReleaseIsCounted() {
    var harness = Harness()
    let id = harness.send("DELETE", Harness.record)
    #expect(harness.answers[id]?.status == 204)
    #expect(harness.ask("GET", Harness.record).status == 404)
    let audit = harness.control("GET", "/audit")
    #expect(audit["numbers_released"] == [.string(Harness.sid)])
  }
}
