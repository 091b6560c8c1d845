import Telephony
import Testing

@testable import CarrierSim

@Suite struct SimulatorAccessTests {
  typealias Harness = SimulatorHarness
  static let list = "/api/2010-04-01/Accounts/\(Harness.account)/IncomingPhoneNumbers.json"

  @Test func keysOpenTheirOwnRegionOnly() {
    var harness = Harness()
    for door in Region.allCases {
      for key in Region.allCases {
        let (status, json) = harness.ask("GET", Self.list, region: door, user: Harness.key(key))
        #expect(status == (door == key ? 200 : 401))
        if door != key { #expect(json["code"] == 20003) }
      }
    }
  }

  @Test func standardKeysReadNoAccounts() {
    var harness = Harness()
    let path = "/api/2010-04-01/Accounts/\(Harness.account).json"
    #expect(harness.ask("GET", path).status == 401)
    let token = harness.control("GET", "/state")["accounts"]?.array?.first?["auth_tokens"]?["us1"]
    let primary = token?["primary"]?.string ?? ""
    let (status, json) = harness.ask(
      "GET", path, user: Harness.account, password: primary)
    #expect(status == 200)
    #expect(json["sid"]?.string == Harness.account)
    #expect(
      harness.ask("GET", path, region: .ie1, user: Harness.account, password: primary).status
        == 401)
  }

  @Test func aSecondaryTokenOpensAndIsPromoted() {
    var harness = Harness()
    harness.control(
      "POST", "/tokens",
      [
        "account_sid": .string(Harness.account), "region": "ie1", "primary": "old",
        "secondary": "new",
      ])
    for token in ["old", "new"] {
      #expect(
        harness.ask(
          "GET", Self.list, region: .ie1, user: Harness.account, password: token
        ).status == 200)
    }
    harness.control(
      "POST", "/tokens",
      ["account_sid": .string(Harness.account), "region": "ie1", "promote": true])
    #expect(
      harness.ask("GET", Self.list, region: .ie1, user: Harness.account, password: "old").status
        == 401)
    #expect(
      harness.ask("GET", Self.list, region: .ie1, user: Harness.account, password: "new").status
        == 200)
  }

  @Test func restrictedAndTestKeysAndSuspendedAccounts() {
    var harness = Harness()
    func key(_ kind: String, _ permissions: JSON) -> JSON {
      harness.control(
        "POST", "/keys",
        [
          "account_sid": .string(Harness.account), "region": "us1", "kind": .string(kind),
          "permissions": permissions,
        ])
    }
    for (made, expected) in [
      (key("restricted", ["calls"]), 20003), (key("test", []), 20008),
    ] {
      let (status, json) = harness.ask(
        "GET", Self.list, user: made["sid"]?.string, password: made["secret"]?.string ?? "")
      #expect(status == 403)
      #expect(json["code"] == .integer(expected))
    }
    let allowed = key("restricted", ["numbers"])
    #expect(
      harness.ask(
        "GET", Self.list, user: allowed["sid"]?.string,
        password: allowed["secret"]?.string ?? ""
      ).status == 200)
    harness.control("POST", "/accounts/\(Harness.account)", ["status": "suspended"])
    #expect(harness.ask("GET", Self.list).json["code"] == 20005)
  }

  @Test func aParentsTokenReachesItsSubAccount() {
    var harness = Harness()
    let sub = harness.control("POST", "/accounts", ["parent": .string(Harness.account)])
    let path = "/api/2010-04-01/Accounts/\(sub["sid"]?.string ?? "")/Calls.json"
    harness.control(
      "POST", "/tokens",
      ["account_sid": .string(Harness.account), "region": "us1", "primary": "parent"])
    #expect(
      harness.ask("GET", path, user: Harness.account, password: "parent").status == 200)
    #expect(harness.ask("GET", path).status == 401)
  }

  @Test func unknownPathsAndMethods() {
    var harness = Harness()
    #expect(harness.ask("GET", "/video/v1/Rooms").json["code"] == 20404)
    let nothing = "/api/2010-04-01/Accounts/\(Harness.account)/Nothing.json"
    #expect(harness.ask("GET", nothing).status == 404)
    #expect(harness.ask("PUT", Self.list).status == 405)
    #expect(harness.ask("GET", "/%zz").status == 404)
  }

  @Test func pagesAreWhole() throws {
    var harness = Harness()
    for index in 0..<7 {
      harness.control(
        "POST", "/numbers",
        [
          "account_sid": .string(Harness.account), "phone_number": .string("+1500555010\(index)"),
        ])
    }
    var seen: [String] = []
    var path: String? = Self.list + "?PageSize=3"
    while let here = path {
      let page = harness.ask("GET", here).json
      for number in page["incoming_phone_numbers"]?.array ?? [] {
        seen.append(try #require(number["phone_number"]?.string))
      }
      path = page["next_page_uri"]?.string.map { "/api" + $0 }
    }
    #expect(seen.count == 8)
    #expect(Set(seen).count == 8)
    #expect(harness.ask("GET", Self.list + "?PageSize=0").json["code"] == 20001)
    #expect(harness.ask("GET", Self.list + "?Page=1").json["code"] == 20001)
    let found = harness.ask("GET", Self.list + "?PhoneNumber=%2B1500555000*").json
    #expect(found["incoming_phone_numbers"]?.array?.count == 1)
  }
}
