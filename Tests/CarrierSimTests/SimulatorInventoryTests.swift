import Telephony
import Testing

@testable import CarrierSim

@Suite struct SimulatorInventoryTests {
  typealias Harness = SimulatorHarness
  static let trunks = "/trunking/v1/Trunks"
  static let lists = "/api/2010-04-01/Accounts/\(Harness.account)/SIP/CredentialLists"

  /// Makes one of everything, and gives how to unmake it, last first.
  private func build(_ harness: inout Harness) -> [() -> (String, String)] {
    let trunk =
      harness.ask("POST", Self.trunks, [("DomainName", "one.pstn.twilio.com")]).json["sid"]?
      .string ?? ""
    let list =
      harness.ask("POST", Self.lists + ".json", [("FriendlyName", "users")]).json["sid"]?.string
      ?? ""
    let user = [("Username", "trunkline"), ("Password", "Abcdefghijk1")]
    _ = harness.ask("POST", "\(Self.lists)/\(list)/Credentials.json", user)
    let part = Self.trunks + "/" + trunk
    _ = harness.ask("POST", part + "/CredentialLists", [("CredentialListSid", list)])
    _ = harness.ask(
      "POST", part + "/OriginationUrls",
      [
        ("FriendlyName", "first"), ("SipUrl", "sip:one.sip.livekit.cloud"), ("Weight", "10"),
        ("Priority", "1"), ("Enabled", "true"),
      ])
    _ = harness.ask("POST", part + "/PhoneNumbers", [("PhoneNumberSid", Harness.sid)])
    return [
      { ("DELETE", part + "/PhoneNumbers/" + Harness.sid) },
      { ("DELETE", part + "/CredentialLists/" + list) }, { ("DELETE", part) },
      { ("DELETE", "\(Self.lists)/\(list).json") },
    ]
  }

  @Test func whatLeftNoTraceIsEqual() {
    var harness = Harness()
    let before = harness.control("GET", "/inventory")
    #expect(before["numbers"]?.array?.count == 1)
    let undo = build(&harness)
    let between = harness.control("GET", "/inventory")
    #expect(between != before)
    let trunk = between["trunks"]?.array?.first
    #expect(trunk?["phone_numbers"] == [.string(Harness.sid)])
    #expect(trunk?["origination_urls"]?.array?.count == 1)
    let list = between["credential_lists"]?.array?.first
    #expect(list?["credentials"]?.array?.first?["password"] == "Abcdefghijk1")
    harness.pass(.seconds(10))
    for step in undo {
      let (method, path) = step()
      #expect(harness.ask(method, path).status == 204)
    }
    #expect(harness.control("GET", "/inventory") == before)
  }

  @Test func liveKitIsInItToo() {
    var harness = Harness()
    harness.control("POST", "/livekit/keys", ["key": "devkey", "secret": "devsecret"])
    let before = harness.control("GET", "/inventory")
    let admin = harness.token(
      video: ["roomAdmin": true, "roomCreate": true, "room": "one"], sip: ["admin": true])
    let trunk =
      harness.twirp(
        "SIP/CreateSIPInboundTrunk", ["trunk": ["numbers": ["+1"], "auth_password": ""]],
        token: admin
      ).json["sip_trunk_id"] ?? .null
    _ = harness.twirp("AgentDispatchService/CreateDispatch", ["room": "one"], token: admin)
    let shown = harness.control("GET", "/inventory")["livekit"]
    #expect(shown?["inbound_trunks"]?.array?.first?["sip_trunk_id"] == trunk)
    #expect(shown?["agent_dispatches"]?.array?.count == 1)
    #expect(shown?["rooms"]?.array?.first?["room"]?["name"] == "one")
    _ = harness.twirp("RoomService/DeleteRoom", ["room": "one"], token: admin)
    _ = harness.twirp("SIP/DeleteSIPTrunk", ["sip_trunk_id": trunk], token: admin)
    #expect(harness.control("GET", "/inventory") == before)
  }

  @Test func anAccountsOwn() {
    var harness = Harness()
    _ = build(&harness)
    let other = harness.control("POST", "/accounts", [:])["sid"]?.string ?? ""
    let theirs = harness.control("GET", "/inventory?account_sid=" + other)
    #expect(theirs["trunks"] == [])
    #expect(theirs["numbers"] == [])
    let ours = harness.control("GET", "/inventory?account_sid=" + Harness.account)
    #expect(ours["trunks"]?.array?.count == 1)
  }

  /// Each new endpoint can be struck in each way, and only what is said to be carried out is.
  @Test(arguments: ["lost_before", "lost_after", "status", "delay"])
  func everyEndpointCanFail(kind: String) {
    let requests: [(String, [(String, String)])] = [
      (Self.trunks, [("DomainName", "one.pstn.twilio.com")]),
      (Self.lists + ".json", [("FriendlyName", "users")]),
      (
        "/api/2010-04-01/Accounts/\(Harness.account)/SIP/IpAccessControlLists.json",
        [("FriendlyName", "office")]
      ),
      (
        "/api/2010-04-01/Accounts/\(Harness.account)/IncomingPhoneNumbers.json",
        [("AreaCode", "512")]
      ),
    ]
    for (path, form) in requests {
      var harness = Harness()
      let before = harness.control("GET", "/inventory")
      var fault: [JSON.Member] = [
        .init(name: "kind", value: .string(kind)), .init(name: "path", value: .string(path)),
      ]
      if kind == "delay" { fault.append(.init(name: "delay_ms", value: 60_000)) }
      harness.control("POST", "/faults", .object(fault))
      let id = harness.send("POST", path, form)
      harness.pass(.milliseconds(1))
      let isCarriedOut = kind == "lost_after" || kind == "delay"
      #expect((harness.control("GET", "/inventory") != before) == isCarriedOut)
      #expect((harness.answers[id] != nil) == (kind == "status"))
      #expect(harness.dropped.contains(id) == kind.hasPrefix("lost"))
      harness.pass(.seconds(61))
    }
  }
}
