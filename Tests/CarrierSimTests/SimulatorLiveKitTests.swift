import Buffers
import Crypto
import LiveKitAPI
import Protobuf
import Telephony
import Testing

@testable import CarrierSim

@Suite struct SimulatorLiveKitTests {
  typealias Harness = SimulatorHarness

  private func harness() -> Harness {
    var harness = Harness()
    harness.control("POST", "/livekit/keys", ["key": "devkey", "secret": "devsecret"])
    return harness
  }

  private static let inbound: JSON = ["trunk": ["name": "in", "numbers": ["+15005550006"]]]

  // MARK: Tokens

  @Test func tokensAreChecked() {
    var harness = harness()
    func code(_ token: String?) -> JSON? {
      harness.twirp("SIP/ListSIPInboundTrunk", [:], token: token).json["code"]
    }
    let good = harness.token(sip: ["admin": true])
    #expect(code(good) == nil)
    #expect(code(nil) == "unauthenticated")
    #expect(code(good + "x") == "unauthenticated")
    #expect(code("a.b") == "unauthenticated")
    #expect(code(harness.token(key: "other", sip: ["admin": true])) == "unauthenticated")
    #expect(code(harness.token(secret: "other", sip: ["admin": true])) == "unauthenticated")
    #expect(code(harness.token(algorithm: "none", sip: ["admin": true])) == "unauthenticated")
    #expect(code(harness.token(from: -600, to: -300, sip: ["admin": true])) == "unauthenticated")
    #expect(code(harness.token(from: 300, to: 600, sip: ["admin": true])) == "unauthenticated")
    #expect(harness.twirp("SIP/ListSIPInboundTrunk", [:], token: nil).status == 401)
    harness.control("DELETE", "/livekit/keys/devkey")
    #expect(code(good) == "unauthenticated")
  }

  @Test func grantsAreTheVeryOnes() {
    var harness = harness()
    let admin = harness.token(sip: ["admin": true])
    let call = harness.token(sip: ["call": true])
    let room = harness.token(video: ["roomAdmin": true, "room": "one"])
    let create = harness.token(video: ["roomCreate": true])
    func code(_ method: String, _ body: JSON, _ token: String) -> JSON? {
      harness.twirp(method, body, token: token).json["code"]
    }
    for token in [call, room, create] {
      #expect(code("SIP/CreateSIPInboundTrunk", Self.inbound, token) == "permission_denied")
    }
    #expect(code("SIP/CreateSIPInboundTrunk", Self.inbound, admin) == nil)
    #expect(code("SIP/CreateSIPParticipant", [:], admin) == "permission_denied")
    let dispatch: JSON = ["room": "one", "agent_name": "a"]
    #expect(code("AgentDispatchService/CreateDispatch", dispatch, admin) == "permission_denied")
    #expect(code("AgentDispatchService/CreateDispatch", dispatch, room) == nil)
    #expect(
      code("AgentDispatchService/CreateDispatch", ["room": "two"], room) == "permission_denied")
    #expect(code("RoomService/CreateRoom", ["name": "three"], room) == "permission_denied")
    #expect(code("RoomService/CreateRoom", ["name": "three"], create) == nil)
    #expect(harness.twirp("SIP/ListSIPInboundTrunk", [:], token: call).status == 403)
  }

  @Test func routesAndBodies() {
    var harness = harness()
    let admin = harness.token(sip: ["admin": true])
    #expect(harness.twirp("SIP/Nothing", [:], token: admin).json["code"] == "bad_route")
    #expect(harness.twirp("Nothing/Nothing", [:], token: admin).status == 404)
    let broken = harness.livekit("POST", "SIP/ListSIPInboundTrunk", Array("{".utf8), admin)
    #expect(harness.json(broken)["code"] == "malformed")
    let other = harness.livekit(
      "POST", "SIP/ListSIPInboundTrunk", [], admin, contentType: "text/plain")
    #expect(harness.json(other)["code"] == "bad_route")
    let get = harness.livekit("GET", "SIP/ListSIPInboundTrunk", [], admin)
    #expect(harness.json(get)["code"] == "bad_route")
  }

  @Test func protobufAndJSONSayTheSame() throws {
    var harness = harness()
    let admin = harness.token(sip: ["admin": true])
    let request = Livekit.CreateSIPInboundTrunkRequest(
      trunk: .init(name: "in", numbers: ["+15005550006"], authUsername: "u", authPassword: "p"))
    let id = harness.livekit(
      "POST", "SIP/CreateSIPInboundTrunk", request.serialized(), admin,
      contentType: "application/protobuf")
    let answer = try #require(harness.answers[id])
    #expect(answer.contentType == "application/protobuf")
    let made = try Livekit.SIPInboundTrunkInfo(serialized: answer.body)
    #expect(made.sipTrunkID.hasPrefix("ST_"))
    #expect(made.authPassword == "p")
    let list = harness.twirp("SIP/ListSIPInboundTrunk", [:], token: admin).json
    #expect(list["items"]?.array?.first?["sip_trunk_id"]?.string == made.sipTrunkID)
    #expect(list["items"]?.array?.first?["krisp_enabled"] == false)
  }

  // MARK: Trunks and rules

  @Test func inboundTrunksThatConflictAreRefused() {
    var harness = harness()
    let admin = harness.token(sip: ["admin": true])
    func create(_ trunk: JSON) -> (status: Int, json: JSON) {
      harness.twirp("SIP/CreateSIPInboundTrunk", ["trunk": trunk], token: admin)
    }
    #expect(create(["name": "open"]).json["code"] == "invalid_argument")
    #expect(create(["auth_username": "u"]).json["code"] == "invalid_argument")
    let first = create(["numbers": ["+15005550006"]])
    #expect(first.status == 200)
    #expect(create(["numbers": ["15005550006", "+1"]]).json["code"] == "invalid_argument")
    #expect(
      create(["numbers": ["+15005550006"], "allowed_numbers": ["+15005550001"]]).status == 200)
    #expect(create(["allowed_addresses": ["192.0.2.0/24"]]).status == 200)
    #expect(create(["allowed_addresses": ["198.51.100.0/24"]]).status == 400)
    let sid = first.json["sip_trunk_id"] ?? .null
    let update = harness.twirp(
      "SIP/UpdateSIPInboundTrunk",
      [
        "sip_trunk_id": sid,
        "update": ["numbers": ["add": ["+15005550007"], "remove": ["+15005550006"]]],
      ], token: admin)
    #expect(update.json["numbers"] == ["+15005550007"])
    #expect(create(["numbers": ["+15005550006"]]).status == 200)
    let both = harness.twirp(
      "SIP/UpdateSIPInboundTrunk",
      ["sip_trunk_id": sid, "update": ["numbers": ["set": ["+1"], "clear": true]]], token: admin)
    #expect(both.json["code"] == "invalid_argument")
    let gone = harness.twirp("SIP/DeleteSIPTrunk", ["sip_trunk_id": sid], token: admin)
    #expect(gone.json["kind"] == "TRUNK_INBOUND")
    let again = harness.twirp("SIP/DeleteSIPTrunk", ["sip_trunk_id": sid], token: admin)
    #expect(again.json["code"] == "not_found")
  }

  @Test func outboundTrunksNeedNumbersAndAHost() {
    var harness = harness()
    let admin = harness.token(sip: ["admin": true])
    func create(_ trunk: JSON) -> (status: Int, json: JSON) {
      harness.twirp("SIP/CreateSIPOutboundTrunk", ["trunk": trunk], token: admin)
    }
    #expect(create(["address": "one.pstn.twilio.com"]).json["code"] == "invalid_argument")
    #expect(create(["numbers": ["+1"]]).json["code"] == "invalid_argument")
    for address in ["sip:one.pstn.twilio.com", "a@one.pstn.twilio.com", "one;transport=tls"] {
      #expect(create(["numbers": ["+1"], "address": .string(address)]).status == 400)
    }
    let made = create([
      "numbers": ["+1"], "address": "one.pstn.twilio.com", "transport": "SIP_TRANSPORT_TLS",
      "media": ["encryption": "SIP_MEDIA_ENCRYPT_REQUIRE"],
    ])
    #expect(made.json["transport"] == "SIP_TRANSPORT_TLS")
    let sid = made.json["sip_trunk_id"] ?? .null
    let replaced = harness.twirp(
      "SIP/UpdateSIPOutboundTrunk",
      ["sip_trunk_id": sid, "replace": ["numbers": ["+2"], "address": "two.example"]],
      token: admin)
    #expect(replaced.json["address"] == "two.example")
    #expect(replaced.json["created_at"] == made.json["created_at"])
    let got = harness.twirp("SIP/GetSIPOutboundTrunk", ["sip_trunk_id": sid], token: admin)
    #expect(got.json["trunk"] == replaced.json)
  }

  @Test func equalRulesAreRefused() {
    var harness = harness()
    let admin = harness.token(sip: ["admin": true])
    func create(_ rule: JSON) -> (status: Int, json: JSON) {
      harness.twirp("SIP/CreateSIPDispatchRule", ["dispatch_rule": rule], token: admin)
    }
    func direct(_ pin: JSON = "") -> JSON {
      ["dispatch_rule_direct": ["room_name": "one", "pin": pin]]
    }
    #expect(create(["name": "none"]).json["code"] == "invalid_argument")
    let first = create(["rule": direct(), "trunk_ids": ["ST_1"]])
    #expect(first.status == 200)
    #expect(create(["rule": direct(), "trunk_ids": ["ST_1", "ST_2"]]).status == 400)
    #expect(create(["rule": direct("1"), "trunk_ids": ["ST_1"]]).status == 200)
    #expect(create(["rule": direct(), "trunk_ids": ["ST_1"], "numbers": ["+1"]]).status == 200)
    #expect(
      create(["rule": direct(), "trunk_ids": ["ST_1"], "inbound_numbers": ["+1"]]).status == 200)
    let sid = first.json["sip_dispatch_rule_id"] ?? .null
    let update = harness.twirp(
      "SIP/UpdateSIPDispatchRule",
      [
        "sip_dispatch_rule_id": sid,
        "update": ["trunk_ids": ["set": ["ST_9"]], "attributes": ["a": "b"]],
      ], token: admin)
    #expect(update.json["trunk_ids"] == ["ST_9"])
    #expect(update.json["attributes"]?["a"] == "b")
    let list = harness.twirp(
      "SIP/ListSIPDispatchRule", ["trunk_ids": ["ST_9"]], token: admin)
    #expect(list.json["items"]?.array?.count == 1)
    let gone = harness.twirp(
      "SIP/DeleteSIPDispatchRule", ["sip_dispatch_rule_id": sid], token: admin)
    #expect(gone.status == 200)
  }

  @Test func listsHavePagesAndGaps() {
    var harness = harness()
    let admin = harness.token(sip: ["admin": true])
    var ids: Set<String> = []
    for index in 0..<5 {
      let made = harness.twirp(
        "SIP/CreateSIPInboundTrunk", ["trunk": ["numbers": [.string("+\(index + 1)")]]],
        token: admin)
      ids.insert(made.json["sip_trunk_id"]?.string ?? "")
    }
    var seen: [String] = []
    while true {
      let page: JSON = ["page": ["after_id": .string(seen.last ?? ""), "limit": 2]]
      let items = harness.twirp("SIP/ListSIPInboundTrunk", page, token: admin).json["items"]
      guard let items = items?.array, !items.isEmpty else { break }
      #expect(items.count <= 2)
      seen += items.map { $0["sip_trunk_id"]?.string ?? "" }
    }
    #expect(seen == ids.sorted())
    let gaps = harness.twirp(
      "SIP/ListSIPInboundTrunk", ["trunk_ids": ["ST_none", .string(seen[0])]], token: admin)
    #expect(gaps.json["items"]?.array?.map { $0["sip_trunk_id"]?.string } == ["", seen[0]])
  }
}

@Suite struct SimulatorLiveKitCallTests {
  typealias Harness = SimulatorHarness

  private func harness() -> (Harness, trunk: JSON, call: String, room: String) {
    var harness = Harness()
    harness.control("POST", "/livekit/keys", ["key": "devkey", "secret": "devsecret"])
    let trunk = harness.twirp(
      "SIP/CreateSIPOutboundTrunk",
      ["trunk": ["numbers": ["+15005550006"], "address": "one.pstn.twilio.com"]],
      token: harness.token(sip: ["admin": true]))
    return (
      harness, trunk.json["sip_trunk_id"] ?? .null, harness.token(sip: ["call": true]),
      harness.token(video: ["roomAdmin": true, "room": "one"], sip: ["call": true])
    )
  }

  private func dial(_ trunk: JSON, waits: Bool = false) -> JSON {
    [
      "sip_trunk_id": trunk, "sip_call_to": .string(Harness.to), "room_name": "one",
      "participant_identity": "callee", "wait_until_answered": .bool(waits),
    ]
  }

  private func status(_ harness: inout Harness, _ token: String) -> JSON? {
    harness.twirp(
      "RoomService/GetParticipant", ["room": "one", "identity": "callee"], token: token
    ).json["attributes"]?["sip.callStatus"]
  }

  @Test func aCallDialsRingsAndIsTaken() {
    var (harness, trunk, call, room) = harness()
    let made = harness.twirp("SIP/CreateSIPParticipant", dial(trunk), token: call)
    #expect(made.json["participant_identity"] == "callee")
    #expect(status(&harness, room) == "dialing")
    harness.pass(.milliseconds(51))
    #expect(status(&harness, room) == "ringing")
    harness.pass(.milliseconds(101))
    #expect(status(&harness, room) == "active")
    let again = harness.twirp("SIP/CreateSIPParticipant", dial(trunk), token: call)
    #expect(again.json["code"] == "already_exists")
    let removed = harness.twirp(
      "RoomService/RemoveParticipant", ["room": "one", "identity": "callee"], token: room)
    #expect(removed.status == 200)
    #expect(harness.state.livekit.calls.count == 0)
    #expect(status(&harness, room) == nil)
  }

  @Test func whoWaitsLearnsTheSIPStatus() {
    var (harness, trunk, call, room) = harness()
    for (outcome, code, sip) in [
      ("busy", "resource_exhausted", "486"), ("no-answer", "resource_exhausted", "480"),
      ("failed", "failed_precondition", "503"), ("refuse", "permission_denied", "403"),
    ] {
      harness.control(
        "POST", "/far-ends", ["to": .string(Harness.to), "outcome": .string(outcome)])
      let id = harness.livekit(
        "POST", "SIP/CreateSIPParticipant", Array(dial(trunk, waits: true).text.utf8), call)
      #expect((harness.answers[id] == nil) == (outcome != "refuse"))
      harness.pass(.milliseconds(51))
      harness.pass(.milliseconds(101))
      #expect(harness.json(id)["code"]?.string == code)
      #expect(harness.json(id)["meta"]?["sip_status_code"]?.string == sip)
      #expect(status(&harness, room) == nil)
    }
    harness.control("DELETE", "/far-ends?to=%2B15005550001")
    let id = harness.livekit(
      "POST", "SIP/CreateSIPParticipant", Array(dial(trunk, waits: true).text.utf8), call)
    harness.pass(.seconds(1))
    harness.pass(.seconds(1))
    #expect(harness.answers[id]?.status == 200)
  }

  @Test func deletingARoomEndsItsCalls() {
    var (harness, trunk, call, _) = harness()
    let id = harness.livekit(
      "POST", "SIP/CreateSIPParticipant", Array(dial(trunk, waits: true).text.utf8), call)
    let create = harness.token(video: ["roomCreate": true])
    #expect(harness.twirp("RoomService/DeleteRoom", ["room": "one"], token: create).status == 200)
    #expect(harness.json(id)["code"] == "aborted")
    #expect(harness.state.livekit.calls.count == 0)
    #expect(harness.twirp("RoomService/DeleteRoom", ["room": "one"], token: create).status == 404)
    harness.pass(.seconds(10))
  }

  @Test func transfersGoOrFail() {
    var (harness, trunk, call, room) = harness()
    _ = harness.twirp("SIP/CreateSIPParticipant", dial(trunk), token: call)
    harness.pass(.seconds(1))
    harness.pass(.seconds(1))
    func transfer(_ to: String) -> JSON {
      let body: JSON = [
        "room_name": "one", "participant_identity": "callee", "transfer_to": .string(to),
      ]
      let id = harness.livekit(
        "POST", "SIP/TransferSIPParticipant", Array(body.text.utf8), room)
      harness.pass(.seconds(1))
      return harness.json(id)
    }
    #expect(transfer("+15005550009")["code"] == "invalid_argument")
    harness.control("POST", "/far-ends", ["to": "+15005550009", "outcome": "busy"])
    #expect(transfer("tel:+15005550009")["meta"]?["sip_transfer_reason"] == "STR_REJECTED")
    #expect(status(&harness, room) == "active")
    #expect(transfer("sip:+15005550008@example.com")["status"] == "STS_TRANSFER_SUCCESSFUL")
    #expect(status(&harness, room) == nil)
  }

  @Test func faultsStrikeHereToo() {
    var (harness, _, _, _) = harness()
    let admin = harness.token(sip: ["admin": true])
    let body = Array(#"{"trunk":{"numbers":["+1"]}}"#.utf8)
    harness.control(
      "POST", "/faults", ["kind": "lost_after", "path": "*/CreateSIPInboundTrunk", "skip": 0])
    let lost = harness.livekit("POST", "SIP/CreateSIPInboundTrunk", body, admin)
    harness.pass(.milliseconds(1))
    #expect(harness.dropped == [lost])
    #expect(harness.state.livekit.inboundTrunks.count == 1)
    for (status, code) in [
      (401, "unauthenticated"), (403, "permission_denied"), (404, "not_found"),
      (409, "already_exists"), (429, "resource_exhausted"), (500, "internal"),
    ] {
      harness.control("POST", "/faults", ["kind": "status", "status": .integer(status)])
      let id = harness.livekit("POST", "SIP/CreateSIPInboundTrunk", body, admin)
      harness.pass(.milliseconds(1))
      #expect(harness.answers[id]?.status == status)
      #expect(harness.json(id)["code"]?.string == code)
    }
    harness.control("POST", "/faults", ["kind": "status", "region": "us1"])
    #expect(harness.twirp("SIP/ListSIPInboundTrunk", [:], token: admin).status == 200)
  }

  @Test func participantsAndDispatches() {
    var (harness, _, _, room) = harness()
    harness.control(
      "POST", "/livekit/participants",
      ["room": "one", "identity": "agent-1", "kind": "agent", "attributes": ["a": "b"]])
    let who: JSON = ["room": "one", "identity": "agent-1"]
    let found = harness.twirp("RoomService/GetParticipant", who, token: room).json
    #expect(found["kind"] == "AGENT")
    let track = found["tracks"]?.array?.first?["sid"] ?? .null
    let muted = harness.twirp(
      "RoomService/MutePublishedTrack",
      ["room": "one", "identity": "agent-1", "track_sid": track, "muted": true], token: room)
    #expect(muted.json["track"]?["muted"] == true)
    let updated = harness.twirp(
      "RoomService/UpdateParticipant",
      ["room": "one", "identity": "agent-1", "attributes": ["a": "", "c": "d"]], token: room)
    #expect(updated.json["attributes"] == ["c": "d"])
    let sent = harness.twirp("RoomService/SendData", ["room": "one", "data": "AA=="], token: room)
    #expect(sent.status == 200)
    let moving = harness.token(
      video: ["roomAdmin": true, "room": "one", "destinationRoom": "two"])
    let move: JSON = ["room": "one", "identity": "agent-1", "destination_room": "two"]
    #expect(harness.twirp("RoomService/MoveParticipant", move, token: room).status == 403)
    #expect(harness.twirp("RoomService/MoveParticipant", move, token: moving).status == 200)
    let list = harness.twirp("RoomService/ListParticipants", ["room": "one"], token: room)
    #expect(list.json["participants"] == [])

    let made = harness.twirp(
      "AgentDispatchService/CreateDispatch", ["room": "one", "agent_name": "desk"], token: room)
    let id = made.json["id"] ?? .null
    let listed = harness.twirp("AgentDispatchService/ListDispatch", ["room": "one"], token: room)
    #expect(listed.json["agent_dispatches"]?.array?.count == 1)
    let delete: JSON = ["room": "one", "dispatch_id": id]
    #expect(
      harness.twirp("AgentDispatchService/DeleteDispatch", delete, token: room).status == 200)
    #expect(
      harness.twirp("AgentDispatchService/DeleteDispatch", delete, token: room).status == 404)
  }
}
