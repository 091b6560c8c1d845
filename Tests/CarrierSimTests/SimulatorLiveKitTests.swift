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
