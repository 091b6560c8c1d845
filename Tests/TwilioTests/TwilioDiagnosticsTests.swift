import HTTPClient
import Registry
import Telephony
import TestKit
import Testing

@testable import Twilio

@Suite struct TwilioDiagnosticsTests {
  private let time = InstantTime()

  private func diagnostics(_ script: Script) -> TwilioDiagnostics {
    TwilioDiagnostics(client: script, endpoints: .twilio, time: time)
  }

  private func country() throws -> CountryCode { try #require(CountryCode("GB")) }

  private func trunk() throws -> CarrierTrunkSID { try CarrierTrunkSID("TK" + Sample.hex) }

  @Test func triesTheRightToCallsWithTheLeastRequest() async throws {
    let script = Script(.json(200, "{\"calls\": []}"))
    try await diagnostics(script).tryCalls(try Sample.access(.ie1))
    let request = try #require(script.sent.first)
    #expect(request.method == .get)
    #expect(
      request.url
        == "https://api.dublin.ie1.twilio.com/2010-04-01/Accounts/AC\(Sample.hex)/Calls.json"
        + "?PageSize=1")
    let restricted = Script(.error(403, 20003))
    let error = await #expect(throws: CarrierError.self) {
      try await diagnostics(restricted).tryCalls(try Sample.access())
    }
    #expect(error?.kind == .keyRestricted)
  }

  @Test func readsDialingPermissionsAtTheRegionsHost() async throws {
    let script = Script(
      .json(
        200,
        """
        {"iso_code": "GB", "low_risk_numbers_enabled": true,
         "high_risk_special_numbers_enabled": false, "high_risk_tollfraud_numbers_enabled": true}
        """))
    let permission = try await diagnostics(script).dialingPermission(
      for: try country(), try Sample.access(.au1))
    #expect(permission == DialingPermission(lowRisk: true, highRiskTollFraud: true))
    #expect(
      script.sent.map(\.url)
        == ["https://voice.sydney.au1.twilio.com/v1/DialingPermissions/Countries/GB"])
    #expect(script.sent.first?.method == .get)
  }

  @Test func anAnswerWithoutAFlagIsUnreadable() async throws {
    let script = Script(.json(200, "{\"low_risk_numbers_enabled\": true}"))
    let error = await #expect(throws: CarrierError.self) {
      try await diagnostics(script).dialingPermission(for: try country(), try Sample.access())
    }
    #expect(error?.kind == .unreadableAnswer)
  }

  @Test func readsATrunkWithItsOriginationURLs() async throws {
    let script = Script(
      .json(200, "{\"secure\": true, \"auth_type_set\": [\"IP_ACL\"]}"),
      .json(
        200,
        """
        {"origination_urls": [{"sip_url": "sip:a@b", "enabled": true},
          {"sip_url": "sip:c@d", "enabled": false}]}
        """))
    let read = try await diagnostics(script).trunk(try trunk(), try Sample.access())
    #expect(
      read
        == CarrierTrunk(
          isSecure: true, hasCredentialList: false, hasAddressList: true, originationCount: 2,
          enabledOriginationCount: 1))
    let base = "https://trunking.twilio.com/v1/Trunks/TK\(Sample.hex)"
    #expect(script.sent.map(\.url) == [base, base + "/OriginationUrls?PageSize=100"])
    #expect(script.sent.allSatisfy { $0.method == .get })
  }

  @Test func aTrunkThatIsGoneIsNotFound() async throws {
    let script = Script(.error(404, 20404))
    let error = await #expect(throws: CarrierError.self) {
      try await diagnostics(script).trunk(try trunk(), try Sample.access())
    }
    #expect(error?.kind == .notFound)
    #expect(script.sent.count == 1)
  }

  @Test func inTestsTheProductIsPartOfThePath() throws {
    let endpoints = try #require(TwilioEndpoints(parsing: "us1=http://127.0.0.1:8701"))
    #expect(endpoints.base(.voice, .us1) == "http://127.0.0.1:8701/voice")
    #expect(endpoints.base(.trunking, .us1) == "http://127.0.0.1:8701/trunking")
    #expect(endpoints.base(.trunking, .ie1) == nil)
  }
}
