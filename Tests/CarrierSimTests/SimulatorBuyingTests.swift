import Telephony
import Testing

@testable import CarrierSim

@Suite struct SimulatorBuyingTests {
  typealias Harness = SimulatorHarness
  static let account = "/api/2010-04-01/Accounts/\(Harness.account)"
  static let numbers = account + "/IncomingPhoneNumbers.json"
  static let search = account + "/AvailablePhoneNumbers"

  @Test func numbersAreFoundBoughtAndReleased() {
    var harness = Harness()
    let found = harness.ask("GET", Self.search + "/US/Local.json?AreaCode=512&PageSize=5").json
    #expect(found["available_phone_numbers"]?.array?.count == 5)
    let number = found["available_phone_numbers"]?.array?.first?["phone_number"]?.string ?? ""
    #expect(number.hasPrefix("+1512"))
    let (status, bought) = harness.ask(
      "POST", Self.numbers,
      [("PhoneNumber", number), ("FriendlyName", "op_1"), ("VoiceUrl", "http://app.example/v")])
    #expect(status == 201)
    #expect(bought["friendly_name"] == "op_1")
    #expect(bought["voice_url"] == "http://app.example/v")
    #expect(harness.ask("POST", Self.numbers, [("PhoneNumber", number)]).json["code"] == 21422)
    let sid = bought["sid"]?.string ?? ""
    #expect(harness.control("GET", "/audit")["numbers_bought"] == [.string(sid)])
    let path = Self.account + "/IncomingPhoneNumbers/\(sid).json"
    #expect(harness.ask("DELETE", path).status == 204)
    #expect(harness.ask("GET", path).status == 404)
    #expect(harness.control("GET", "/audit")["numbers_released"] == [.string(sid)])
  }

  @Test func searchesChoose() {
    var harness = Harness()
    func count(_ rest: String) -> Int? {
      harness.ask("GET", Self.search + rest).json["available_phone_numbers"]?.array?.count
    }
    #expect(count("/US/TollFree.json") == 20)
    #expect(count("/GB/Mobile.json?InRegion=CA") == 0)
    #expect(count("/US/Local.json?Contains=51255501**") == 20)
    #expect(count("/US/Local.json?Contains=5125550111") == 1)
    #expect(count("/US/Local.json?AreaCode=999") == 0)
    #expect(harness.ask("GET", Self.search + "/US/Mobile.json").status == 404)
    #expect(harness.ask("GET", Self.search + "/ZZ/Local.json").status == 404)
    #expect(
      harness.ask("GET", Self.search + "/GB.json").json["subresource_uris"]?["mobile"] != nil)
    let countries = harness.ask("GET", Self.search + ".json").json["countries"]?.array
    #expect(countries?.count == 5)
  }

  @Test func whatCanNotBeBoughtSaysWhy() {
    var harness = Harness()
    func code(_ form: [(String, String)]) -> JSON? {
      harness.ask("POST", Self.numbers, form).json["code"]
    }
    #expect(code([("PhoneNumber", "5")]) == 21421)
    #expect(code([]) == 21421)
    #expect(code([("PhoneNumber", "+15125559999")]) == 21422)
    #expect(code([("AreaCode", "999")]) == 21452)
    #expect(code([("AreaCode", "512"), ("VoiceUrl", "nowhere")]) == 21402)
    for (need, expected) in [("local", 21615), ("any", 21631)] {
      harness.control(
        "POST", "/stock",
        ["phone_number": "+4930123456", "address_requirements": .string(need)])
      #expect(code([("PhoneNumber", "+4930123456")]) == .integer(expected))
    }
    harness.control("POST", "/stock", ["phone_number": "+4930123456", "needs_bundle": true])
    #expect(code([("PhoneNumber", "+4930123456")]) == 21649)
    #expect(code([("PhoneNumber", "+4930123456"), ("BundleSid", "BU1")]) == nil)
    harness.control("POST", "/accounts/\(Harness.account)", ["may_buy": false])
    #expect(code([("AreaCode", "512")]) == 22300)
    harness.control("POST", "/accounts/\(Harness.account)", ["type": "Trial"])
    #expect(code([("AreaCode", "512")]) == 21404)
    #expect(harness.control("GET", "/audit")["numbers_bought"]?.array?.count == 1)
  }

  @Test func subAccountsAreMadeMovedToAndSuspended() {
    var harness = Harness()
    harness.control(
      "POST", "/tokens",
      ["account_sid": .string(Harness.account), "region": "us1", "primary": "parent"])
    let path = "/api/2010-04-01/Accounts.json"
    #expect(harness.ask("POST", path, [("FriendlyName", "tenant")]).status == 401)
    func parent(
      _ method: String, _ path: String, _ form: [(String, String)] = []
    ) -> (status: Int, json: JSON) {
      harness.ask(method, path, form, user: Harness.account, password: "parent")
    }
    let made = parent("POST", path, [("FriendlyName", "tenant")])
    #expect(made.status == 201)
    #expect(made.json["owner_account_sid"]?.string == Harness.account)
    let sub = made.json["sid"]?.string ?? ""
    let moved = parent("POST", Harness.record, [("AccountSid", sub)])
    #expect(moved.json["account_sid"]?.string == sub)
    #expect(harness.ask("GET", Harness.record).status == 404)
    let own = "/api/2010-04-01/Accounts/\(sub)"
    let token = made.json["auth_token"]?.string ?? ""
    let numbers = own + "/IncomingPhoneNumbers.json"
    #expect(harness.ask("GET", numbers, user: sub, password: token).status == 200)
    #expect(parent("POST", own + ".json", [("Status", "suspended")]).status == 200)
    #expect(harness.ask("GET", numbers, user: sub, password: token).json["code"] == 20005)
    #expect(parent("POST", own + ".json", [("Status", "closed")]).status == 200)
    #expect(parent("POST", own + ".json", [("Status", "active")]).status == 400)
  }
}

@Suite struct SimulatorVoiceTests {
  typealias Harness = SimulatorHarness
  static let countries = "/voice/v1/DialingPermissions/Countries"

  @Test func permissionsAreReadFilteredAndObeyed() {
    var harness = Harness()
    let latvia = harness.ask("GET", Self.countries + "/LV").json
    #expect(latvia["low_risk_numbers_enabled"] == true)
    #expect(latvia["high_risk_special_numbers_enabled"] == false)
    let prefixes = harness.ask("GET", Self.countries + "/LV/HighRiskSpecialPrefixes").json
    #expect(prefixes["content"]?.array?.first?["prefix"] == "+37181")
    #expect(harness.ask("GET", Self.countries + "/ZZ").status == 404)

    func call(_ to: String) -> JSON? {
      let form = [("To", to), ("From", Harness.number), ("Url", "http://app.example/voice")]
      return harness.ask("POST", Harness.calls, form).json["code"]
    }
    #expect(call("+37120000000") == nil)
    #expect(call("+37181000000") == 21215)
    let update = #"[{"iso_code":"LV","low_risk_numbers_enabled":"false"}]"#
    let bulk = harness.ask(
      "POST", "/voice/v1/DialingPermissions/BulkCountryUpdates", [("UpdateRequest", update)])
    #expect(bulk.json["update_count"] == 1)
    #expect(call("+37120000000") == 21215)
    let closed = harness.ask("GET", Self.countries + "?LowRiskNumbersEnabled=false").json
    #expect(closed["content"]?.array?.map { $0["iso_code"] } == ["LV"])
    harness.control("POST", "/settings", ["geo_blocked_prefixes": ["+49"]])
    #expect(
      harness.ask("GET", Self.countries + "/DE").json["low_risk_numbers_enabled"] == false)
    #expect(call("+4930123456") == 21215)
  }

  @Test func aSubAccountInheritsUntilItDoesNot() {
    var harness = Harness()
    let sub = harness.control("POST", "/accounts", ["parent": .string(Harness.account)])
    let sid = sub["sid"]?.string ?? ""
    let token = sub["auth_tokens"]?["us1"]?["primary"]?.string ?? ""
    let update = #"[{"iso_code":"FR","low_risk_numbers_enabled":false}]"#
    _ = harness.ask(
      "POST", "/voice/v1/DialingPermissions/BulkCountryUpdates", [("UpdateRequest", update)])
    func france() -> JSON? {
      harness.ask("GET", Self.countries + "/FR", user: sid, password: token).json[
        "low_risk_numbers_enabled"]
    }
    #expect(france() == false)
    let settings = harness.ask(
      "POST", "/voice/v1/Settings", [("DialingPermissionsInheritance", "false")], user: sid,
      password: token)
    #expect(settings.json["dialing_permissions_inheritance"] == false)
    #expect(france() == true)
  }

  @Test func pricesAreKnown() {
    var harness = Harness()
    let ireland = harness.ask("GET", "/pricing/v2/Voice/Countries/IE").json
    #expect(
      ireland["outbound_prefix_prices"]?.array?.first?["current_price"] == "0.0180")
    let number = harness.ask(
      "GET", "/pricing/v2/Voice/Numbers/+14165550110?OriginationNumber=%2B15005550006"
    ).json
    #expect(number["iso_country"] == "CA")
    #expect(number["origination_number"] == "+15005550006")
    #expect(number["inbound_call_price"] == .null)
    let list = harness.ask("GET", "/pricing/v2/Voice/Countries").json
    #expect(list["meta"]?["key"] == "countries")
    #expect(harness.ask("GET", "/pricing/v2/Voice/Countries/ZZ").status == 404)
  }
}
