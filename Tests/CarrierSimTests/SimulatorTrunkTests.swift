import Telephony
import Testing

@testable import CarrierSim

@Suite struct SimulatorTrunkTests {
  typealias Harness = SimulatorHarness
  static let trunks = "/trunking/v1/Trunks"
  static let lists = "/api/2010-04-01/Accounts/\(Harness.account)/SIP/CredentialLists"

  private func makeTrunk(
    _ harness: inout Harness, _ domain: String = "one.pstn.twilio.com", _ region: Region = .us1
  ) -> String {
    let made = harness.ask(
      "POST", Self.trunks, [("FriendlyName", "Front desk"), ("DomainName", domain)],
      region: region)
    return made.json["sid"]?.string ?? ""
  }

  @Test func aTrunkIsMadeChangedListedAndDeleted() {
    var harness = Harness()
    let (status, json) = harness.ask(
      "POST", Self.trunks,
      [
        ("FriendlyName", "Front desk"), ("DomainName", "One.pstn.twilio.com"),
        ("Secure", "true"), ("TransferMode", "sip-only"), ("CnamLookupEnabled", "true"),
        ("DisasterRecoveryUrl", "https://app.example/lost"),
      ])
    #expect(status == 201)
    #expect(json["domain_name"] == "one.pstn.twilio.com")
    #expect(json["secure"] == true)
    let path = Self.trunks + "/" + (json["sid"]?.string ?? "")
    #expect(harness.ask("GET", path).json == json)
    #expect(harness.ask("POST", path, [("Secure", "false")]).json["secure"] == false)
    let list = harness.ask("GET", Self.trunks).json
    #expect(list["meta"]?["key"] == "trunks")
    #expect(list["trunks"]?.array?.count == 1)
    #expect(harness.ask("GET", path, region: .ie1).status == 404)
    #expect(harness.ask("DELETE", path).status == 204)
    #expect(harness.ask("GET", path).status == 404)
  }

  @Test func aDomainIsOneAccountsAlone() {
    var harness = Harness()
    _ = makeTrunk(&harness)
    #expect(makeTrunk(&harness, "one.pstn.twilio.com", .ie1).hasPrefix("TK"))
    let form = [("DomainName", "one.pstn.twilio.com")]
    #expect(harness.ask("POST", Self.trunks, form).json["code"] == 21248)
    let other = harness.control("POST", "/accounts", [:])["sid"]?.string ?? ""
    let key = harness.control("POST", "/keys", ["account_sid": .string(other), "region": "au1"])
    let (status, json) = harness.ask(
      "POST", Self.trunks, form, region: .au1, user: key["sid"]?.string,
      password: key["secret"]?.string ?? "")
    #expect(status == 400)
    #expect(json["code"] == 21248)
    for wrong in [
      "one.example.com", ".pstn.twilio.com", "-a.pstn.twilio.com", "a b.pstn.twilio.com",
    ] {
      #expect(
        harness.ask("POST", Self.trunks, [("DomainName", wrong)]).json["code"] == 21245)
    }
  }

  @Test func pagesOfTheNewerKind() {
    var harness = Harness()
    for index in 0..<5 { _ = makeTrunk(&harness, "t\(index).pstn.twilio.com") }
    var seen: Set<String> = []
    var path: String? = Self.trunks + "?PageSize=2"
    while let here = path {
      let page = harness.ask("GET", here).json
      for trunk in page["trunks"]?.array ?? [] { seen.insert(trunk["sid"]?.string ?? "") }
      let next = page["meta"]?["next_page_url"]?.string
      path = next.map { "/trunking" + $0.dropFirst("https://trunking.twilio.com".count) }
    }
    #expect(seen.count == 5)
    let abroad = harness.ask("GET", Self.trunks, region: .ie1).json["meta"]?["url"]?.string
    #expect(abroad?.hasPrefix("https://trunking.dublin.ie1.twilio.com/v1/Trunks") == true)
  }

  @Test func originationURLsAreSIPURIs() {
    var harness = Harness()
    let urls = Self.trunks + "/" + makeTrunk(&harness) + "/OriginationUrls"
    func form(_ changes: [String: String]) -> [(String, String)] {
      [
        ("FriendlyName", "first"), ("SipUrl", "sip:one.sip.livekit.cloud"), ("Weight", "10"),
        ("Priority", "1"), ("Enabled", "true"),
      ].map { ($0.0, changes[$0.0] ?? $0.1) }
    }
    let (status, json) = harness.ask("POST", urls, form([:]))
    #expect(status == 201)
    #expect(json["weight"] == 10)
    for change in [
      ["SipUrl": "https://one.example"], ["SipUrl": "sip:"], ["Weight": "65536"],
      ["Priority": "-1"], ["Enabled": "perhaps"], ["FriendlyName": ""],
    ] {
      #expect(harness.ask("POST", urls, form(change)).json["code"] == 20001)
    }
    let path = urls + "/" + (json["sid"]?.string ?? "")
    #expect(harness.ask("POST", path, [("Enabled", "false")]).json["enabled"] == false)
    #expect(harness.ask("GET", urls).json["origination_urls"]?.array?.count == 1)
    #expect(harness.ask("DELETE", path).status == 204)
    #expect(harness.ask("GET", path).status == 404)
  }

  @Test func aNumberOnATrunkRingsThere() {
    var harness = Harness()
    let trunk = makeTrunk(&harness)
    let numbers = Self.trunks + "/" + trunk + "/PhoneNumbers"
    _ = harness.ask("POST", Harness.record, [("VoiceUrl", "http://app.example/voice")])
    let (status, json) = harness.ask("POST", numbers, [("PhoneNumberSid", Harness.sid)])
    #expect(status == 201)
    #expect(json["trunk_sid"]?.string == trunk)
    #expect(harness.ask("GET", Harness.record).json["trunk_sid"]?.string == trunk)
    let call = harness.control(
      "POST", "/inbound-calls", ["from": .string(Harness.to), "to": .string(Harness.number)])
    #expect(call["disposition"]?["kind"] == "trunk")
    #expect(harness.webhooks.isEmpty)

    let other = Self.trunks + "/" + makeTrunk(&harness, "two.pstn.twilio.com") + "/PhoneNumbers"
    let refused = harness.ask("POST", other, [("PhoneNumberSid", Harness.sid)])
    #expect(refused.status == 409)
    #expect(harness.ask("DELETE", Self.trunks + "/" + trunk).json["code"] == 21247)
    #expect(harness.ask("DELETE", numbers + "/" + Harness.sid).status == 204)
    #expect(harness.ask("GET", Harness.record).json["trunk_sid"] == .null)
    #expect(harness.ask("GET", Harness.record).json["voice_url"] == "http://app.example/voice")
    #expect(harness.ask("DELETE", Self.trunks + "/" + trunk).status == 204)
  }

  @Test func elsewhereTheNumbersRecordTakesTheTrunk() {
    var harness = Harness()
    let trunk = makeTrunk(&harness, "one.pstn.twilio.com", .ie1)
    let numbers = Self.trunks + "/" + trunk + "/PhoneNumbers"
    #expect(
      harness.ask("POST", numbers, [("PhoneNumberSid", Harness.sid)], region: .ie1).status == 404)
    let record = harness.ask("POST", Harness.record, [("TrunkSid", trunk)], region: .ie1)
    #expect(record.json["trunk_sid"]?.string == trunk)
    #expect(harness.ask("GET", Harness.record).json["trunk_sid"] == .null)
    #expect(
      harness.ask("DELETE", Self.trunks + "/" + trunk, region: .ie1).json["code"] == 21247)
  }

  @Test func listsInUseStay() {
    var harness = Harness()
    let attached = Self.trunks + "/" + makeTrunk(&harness) + "/CredentialLists"
    let list =
      harness.ask("POST", Self.lists + ".json", [("FriendlyName", "users")]).json["sid"]?.string
      ?? ""
    #expect(harness.ask("POST", attached, [("CredentialListSid", list)]).status == 201)
    #expect(harness.ask("POST", attached, [("CredentialListSid", list)]).status == 409)
    #expect(harness.ask("DELETE", "\(Self.lists)/\(list).json").json["code"] == 21241)
    #expect(harness.ask("DELETE", attached + "/" + list).status == 204)
    #expect(harness.ask("DELETE", "\(Self.lists)/\(list).json").status == 204)
    let nobodys = "CL" + String(repeating: "0", count: 32)
    #expect(
      harness.ask("POST", attached, [("CredentialListSid", nobodys)]).json["code"] == 20001)
  }

  @Test func credentialsAreCheckedAndNeverShown() {
    var harness = Harness()
    let list =
      harness.ask("POST", Self.lists + ".json", [("FriendlyName", "users")]).json["sid"]?.string
      ?? ""
    #expect(
      harness.ask("POST", Self.lists + ".json", [("FriendlyName", "users")]).json["code"] == 21240)
    let path = "\(Self.lists)/\(list)/Credentials"
    let good = [("Username", "trunkline"), ("Password", "Abcdefghijk1")]
    let id = harness.send("POST", path + ".json", good)
    #expect(harness.answers[id]?.status == 201)
    #expect(!harness.json(id).text.contains("Abcdefghijk1"))
    #expect(harness.ask("POST", path + ".json", good).json["code"] == 21243)
    for password in ["Abcdefghij1", "abcdefghijk1", "ABCDEFGHIJK1", "Abcdefghijkl", ""] {
      let form = [("Username", "other"), ("Password", password)]
      #expect(harness.ask("POST", path + ".json", form).json["code"] == 21240)
    }
    let long = [("Username", String(repeating: "a", count: 33)), ("Password", "Abcdefghijk1")]
    #expect(harness.ask("POST", path + ".json", long).json["code"] == 21240)
    let sid = harness.json(id)["sid"]?.string ?? ""
    let changed = harness.ask("POST", "\(path)/\(sid).json", [("Password", "Zyxwvutsrqp0")])
    #expect(changed.status == 200)
    #expect(harness.ask("DELETE", "\(path)/\(sid).json").status == 204)
    #expect(harness.ask("GET", path + ".json").json["credentials"] == [])
  }

  @Test func addressesAndDomains() {
    var harness = Harness()
    let lists = "/api/2010-04-01/Accounts/\(Harness.account)/SIP/IpAccessControlLists"
    let list =
      harness.ask("POST", lists + ".json", [("FriendlyName", "office")]).json["sid"]?.string ?? ""
    let path = "\(lists)/\(list)/IpAddresses"
    let form = [("FriendlyName", "one"), ("IpAddress", "192.0.2.1"), ("CidrPrefixLength", "24")]
    let made = harness.ask("POST", path + ".json", form)
    #expect(made.json["cidr_prefix_length"] == 24)
    for wrong in ["192.0.2", "192.0.2.256", "here"] {
      let form = [("FriendlyName", "two"), ("IpAddress", wrong)]
      #expect(harness.ask("POST", path + ".json", form).json["code"] == 20001)
    }
    let attached = Self.trunks + "/" + makeTrunk(&harness) + "/IpAccessControlLists"
    #expect(harness.ask("POST", attached, [("IpAccessControlListSid", list)]).status == 201)
    #expect(harness.ask("DELETE", "\(lists)/\(list).json").json["code"] == 21241)

    let domains = "/api/2010-04-01/Accounts/\(Harness.account)/SIP/Domains.json"
    let domain = harness.ask("POST", domains, [("DomainName", "desk.sip.twilio.com")])
    #expect(domain.status == 201)
    #expect(harness.ask("POST", domains, [("DomainName", "desk.sip.twilio.com")]).status == 400)
    #expect(harness.ask("GET", domains).json["domains"]?.array?.count == 1)
  }

  @Test func aRestrictedKeyNeedsThePermission() {
    var harness = Harness()
    let key = harness.control(
      "POST", "/keys",
      [
        "account_sid": .string(Harness.account), "region": "us1", "kind": "restricted",
        "permissions": ["sip"],
      ])
    func ask(_ path: String) -> Int {
      harness.ask(
        "GET", path, user: key["sid"]?.string, password: key["secret"]?.string ?? ""
      ).status
    }
    #expect(ask(Self.trunks) == 403)
    #expect(ask(Self.lists + ".json") == 200)
  }
}
