import Telephony
import Testing

@testable import CarrierSim

/// Which trunk and which rule take a call that comes in at LiveKit.
@Suite struct SimulatorLiveKitInboundTests {
  typealias Harness = SimulatorHarness
  private static let from = "+15005550001"

  private func harness() -> Harness {
    var harness = Harness()
    harness.control("POST", "/livekit/keys", ["key": "devkey", "secret": "devsecret"])
    return harness
  }

  private func make(_ harness: inout Harness, _ method: String, _ body: JSON) -> String {
    let token = harness.token(sip: ["admin": true])
    let json = harness.twirp("SIP/" + method, body, token: token).json
    return (json["sip_trunk_id"] ?? json["sip_dispatch_rule_id"])?.string ?? ""
  }

  private func trunk(_ harness: inout Harness, _ trunk: JSON) -> String {
    make(&harness, "CreateSIPInboundTrunk", ["trunk": trunk])
  }

  private func rule(_ harness: inout Harness, _ rule: JSON) -> String {
    make(&harness, "CreateSIPDispatchRule", ["dispatch_rule": rule])
  }

  private func call(_ harness: inout Harness, _ members: [JSON.Member] = []) -> JSON {
    let who: [JSON.Member] = [
      .init(name: "from", value: .string(Self.from)),
      .init(name: "to", value: .string(Harness.number)),
    ]
    return harness.control("POST", "/livekit/inbound-calls", .object(who + members))
  }

  private func direct(_ room: String, pin: JSON = "") -> JSON {
    ["dispatch_rule_direct": ["room_name": .string(room), "pin": pin]]
  }

  @Test func aTrunkForTheNumberStandsBeforeOneForAll() {
    var harness = harness()
    _ = rule(&harness, ["rule": direct("one")])
    #expect(call(&harness)["sip_status"] == 404)
    let all = trunk(&harness, ["allowed_addresses": ["192.0.2.0/24"]])
    #expect(call(&harness, [.init(name: "address", value: "198.51.100.1")])["sip_status"] == 404)
    #expect(call(&harness, [.init(name: "address", value: "192.0.2.9")])["trunk_id"]?.string == all)
    let own = trunk(&harness, ["numbers": [.string(Harness.number)]])
    #expect(call(&harness)["trunk_id"]?.string == own)
  }

  @Test func whoMayCallAndWithWhat() {
    var harness = harness()
    _ = rule(&harness, ["rule": direct("one")])
    _ = trunk(
      &harness,
      [
        "numbers": [.string(Harness.number)], "allowed_numbers": [.string(Self.from)],
        "auth_username": "user", "auth_password": "pass",
      ])
    #expect(call(&harness)["sip_status"] == 407)
    let user = JSON.Member(name: "username", value: "user")
    #expect(call(&harness, [user, .init(name: "password", value: "no")])["sip_status"] == 407)
    #expect(call(&harness, [user, .init(name: "password", value: "pass")])["room"] == "one")
    let other = harness.control(
      "POST", "/livekit/inbound-calls",
      ["from": "+15005550003", "to": .string(Harness.number)])
    #expect(other["sip_status"] == 404)
  }

  @Test func theNarrowerRuleTakesTheCall() {
    var harness = harness()
    let id = trunk(&harness, ["numbers": [.string(Harness.number)]])
    #expect(call(&harness)["reason"] == "Does not match any SIP Dispatch Rules")
    // Each of these stands before those above it.
    let rules: [JSON] = [
      ["rule": ["dispatch_rule_callee": ["room_prefix": "callee"]]],
      ["rule": direct("of the trunk"), "trunk_ids": [.string(id)]],
      [
        "rule": ["dispatch_rule_individual": ["room_prefix": "number"]],
        "trunk_ids": [.string(id)], "numbers": [.string(Harness.number)],
      ],
      [
        "rule": direct("both"), "trunk_ids": [.string(id)],
        "numbers": [.string(Harness.number)], "inbound_numbers": [.string(Self.from)],
      ],
    ]
    for json in rules {
      let made = rule(&harness, json)
      #expect(call(&harness)["rule_id"]?.string == made)
    }
  }

  @Test func aPINIsAskedFor() {
    var harness = harness()
    let id = trunk(&harness, ["numbers": [.string(Harness.number)]])
    _ = rule(&harness, ["rule": direct("open"), "trunk_ids": [.string(id)]])
    let locked = rule(
      &harness, ["rule": direct("locked", pin: "123"), "trunk_ids": [.string(id)]])
    #expect(
      call(&harness) == ["trunk_id": .string(id), "rule_id": .string(locked), "asks_pin": true])
    #expect(call(&harness, [.init(name: "pin", value: "123")])["room"] == "locked")
    #expect(call(&harness, [.init(name: "pin", value: "9")])["sip_status"] == 404)
  }

  @Test func eachCallHasARoomAndItsAgents() {
    var harness = harness()
    let id = trunk(&harness, ["numbers": [.string(Harness.number)]])
    let made = rule(
      &harness,
      [
        "rule": ["dispatch_rule_individual": ["room_prefix": "call"]], "trunk_ids": [.string(id)],
        "attributes": ["desk": "front"], "room_config": ["agents": [["agent_name": "desk"]]],
      ])
    let answer = call(&harness)
    let room = answer["room"]?.string ?? ""
    #expect(room.hasPrefix("call_\(Self.from)_"))
    #expect(call(&harness)["room"]?.string != room)
    let token = harness.token(video: ["roomAdmin": true, "room": .string(room)])
    let list = harness.twirp(
      "RoomService/ListParticipants", ["room": .string(room)], token: token)
    let attributes = list.json["participants"]?.array?.first?["attributes"]
    #expect(attributes?["desk"] == "front")
    #expect(attributes?["sip.ruleID"]?.string == made)
    #expect(attributes?["sip.phoneNumber"]?.string == Self.from)
    let agents = harness.twirp(
      "AgentDispatchService/ListDispatch", ["room": .string(room)], token: token)
    #expect(agents.json["agent_dispatches"]?.array?.first?["agent_name"] == "desk")
    harness.control("POST", "/livekit/calls/\(answer["call_id"]?.string ?? "")/hang-up")
    let after = harness.twirp(
      "RoomService/ListParticipants", ["room": .string(room)], token: token)
    #expect(after.json["participants"] == [])
  }

  // MARK: Over Twilio's trunk

  @Test func aNumberOnATrunkReachesARoom() {
    var harness = harness()
    let sid =
      harness.ask("POST", SimulatorTrunkTests.trunks, []).json["sid"]?.string ?? ""
    let path = SimulatorTrunkTests.trunks + "/" + sid
    _ = harness.ask("POST", path + "/PhoneNumbers", [("PhoneNumberSid", Harness.sid)])
    func originate(_ url: String, _ priority: String, enabled: String = "true") {
      _ = harness.ask(
        "POST", path + "/OriginationUrls",
        [
          ("FriendlyName", "one"), ("SipUrl", url), ("Weight", "10"), ("Priority", priority),
          ("Enabled", enabled),
        ])
    }
    func ring() -> JSON {
      harness.control(
        "POST", "/inbound-calls", ["from": .string(Self.from), "to": .string(Harness.number)])
    }
    originate("sip:off.example", "1", enabled: "false")
    #expect(ring()["disposition"] == ["kind": "trunk", "trunk_sid": .string(sid)])
    originate("sip:second.example", "20")
    originate("sip:first.example", "10")
    let refused = ring()
    #expect(refused["status"] == "failed")
    #expect(refused["disposition"]?["livekit"]?["sip_status"] == 404)
    #expect(refused["disposition"]?["sip_url"] == "sip:second.example")

    let id = trunk(
      &harness,
      ["numbers": [.string(Harness.number)], "allowed_addresses": ["54.172.60.0/30"]])
    let made = rule(
      &harness,
      [
        "rule": ["dispatch_rule_individual": ["room_prefix": "call"]],
        "trunk_ids": [.string(id)],
      ])
    let taken = ring()
    #expect(taken["status"] == "in-progress")
    #expect(taken["disposition"]?["sip_url"] == "sip:first.example")
    #expect(taken["disposition"]?["livekit"]?["rule_id"]?.string == made)
    // Whoever hangs up, both sides end.
    let call = taken["sid"]?.string ?? ""
    let other = taken["disposition"]?["livekit"]?["call_id"]?.string ?? ""
    harness.control("POST", "/calls/\(call)/hang-up")
    #expect(harness.state.livekit.calls[other] == nil)
    let second = ring()
    let room = second["disposition"]?["livekit"]?["room"]?.string ?? ""
    let token = harness.token(video: ["roomCreate": true])
    _ = harness.twirp("RoomService/DeleteRoom", ["room": .string(room)], token: token)
    let ended = harness.control("GET", "/calls/\(second["sid"]?.string ?? "")")
    #expect(ended["status"] == "completed")
  }
}
