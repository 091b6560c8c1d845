import HTTPClient
import Registry
import Telephony
import TestKit
import Testing

@testable import Twilio

@Suite struct TwilioTrunksTests {
  private let time = InstantTime()
  private let trunkJSON = "{\"sid\": \"TK\(Sample.hex)\", \"friendly_name\": \"name\"}"

  private func trunks(_ script: Script) -> TwilioTrunks {
    TwilioTrunks(client: script, endpoints: .twilio, time: time)
  }

  private func trunk() throws -> CarrierTrunkSID { try CarrierTrunkSID("TK" + Sample.hex) }
  private func url() throws -> OriginationURLSID { try OriginationURLSID("OU" + Sample.hex) }
  private func list() throws -> CredentialListSID { try CredentialListSID("CL" + Sample.hex) }

  /// The requests, a line each: method, address, body.
  private func lines(_ script: Script) -> [String] {
    script.sent.map { request in
      let body = String(decoding: request.body, as: UTF8.self)
      return "\(request.method.rawValue) \(request.url)\(body.isEmpty ? "" : " " + body)"
    }
  }

  private func failure(_ body: () async throws -> Void) async throws -> CarrierError? {
    do {
      try await body()
      return nil
    } catch let error as CarrierError {
      return error
    }
  }

  // MARK: Requests

  @Test func makesTrunksAtTheRegionsHost() async throws {
    let script = Script(
      .json(201, trunkJSON), .json(201, "{\"sid\": \"OU\(Sample.hex)\"}"),
      .json(201, "{\"sid\": \"CL\(Sample.hex)\"}"), .json(201, "{\"sid\": \"CR\(Sample.hex)\"}"),
      .json(201, "{\"sid\": \"CL\(Sample.hex)\"}"))
    let trunks = trunks(script)
    let access = try Sample.access(.ie1)
    #expect(
      try await trunks.createTrunk(
        named: "name", domain: "front.pstn.twilio.com", isSecure: true, access) == trunk())
    #expect(
      try await trunks.createOriginationURL(
        named: "name", sipURL: "sip:a.sip.livekit.cloud;transport=tls", on: try trunk(), access)
        == url())
    #expect(try await trunks.createCredentialList(named: "name", access) == list())
    try await trunks.createCredential("user", password: Secret("Pass word1"), in: list(), access)
    try await trunks.attach(try list(), to: try trunk(), access)
    let host = "https://trunking.dublin.ie1.twilio.com/v1/Trunks"
    let api = "https://api.dublin.ie1.twilio.com/2010-04-01/Accounts/AC\(Sample.hex)"
    #expect(
      lines(script) == [
        "POST \(host) FriendlyName=name&DomainName=front.pstn.twilio.com&Secure=true",
        "POST \(host)/TK\(Sample.hex)/OriginationUrls FriendlyName=name"
          + "&SipUrl=sip%3Aa.sip.livekit.cloud%3Btransport%3Dtls"
          + "&Priority=10&Weight=10&Enabled=true",
        "POST \(api)/SIP/CredentialLists.json FriendlyName=name",
        "POST \(api)/SIP/CredentialLists/CL\(Sample.hex)/Credentials.json"
          + " Username=user&Password=Pass%20word1",
        "POST \(host)/TK\(Sample.hex)/CredentialLists CredentialListSid=CL\(Sample.hex)",
      ])
  }

  @Test func deletesAndDetaches() async throws {
    let done = Result<HTTPResponse, HTTPClientError>.json(204, "")
    let script = Script(done, done, done, done)
    let trunks = trunks(script)
    let access = try Sample.access()
    try await trunks.deleteOriginationURL(try url(), on: try trunk(), access)
    try await trunks.detach(try list(), from: try trunk(), access)
    try await trunks.deleteTrunk(try trunk(), access)
    try await trunks.deleteCredentialList(try list(), access)
    let host = "https://trunking.twilio.com/v1/Trunks/TK\(Sample.hex)"
    #expect(
      lines(script) == [
        "DELETE \(host)/OriginationUrls/OU\(Sample.hex)",
        "DELETE \(host)/CredentialLists/CL\(Sample.hex)", "DELETE \(host)",
        "DELETE https://api.twilio.com/2010-04-01/Accounts/AC\(Sample.hex)"
          + "/SIP/CredentialLists/CL\(Sample.hex).json",
      ])
  }

  @Test func aNumberGoesUnderTheTrunkInUs1AndByItsRecordElsewhere() async throws {
    let answer = Result<HTTPResponse, HTTPClientError>.json(
      200, Sample.numberJSON(trunk: "\"TK\(Sample.hex)\""))
    let script = Script(answer, answer, answer, .json(200, Sample.numberJSON()))
    let trunks = trunks(script)
    for region in Region.allCases {
      try await trunks.attach(try Sample.number(), to: try trunk(), try Sample.access(region))
    }
    let record = "/2010-04-01/Accounts/AC\(Sample.hex)/IncomingPhoneNumbers/PN\(Sample.hex).json"
    let expected = [
      "POST https://trunking.twilio.com/v1/Trunks/TK\(Sample.hex)/PhoneNumbers"
        + " PhoneNumberSid=PN\(Sample.hex)",
      "POST https://api.dublin.ie1.twilio.com\(record) TrunkSid=TK\(Sample.hex)",
      "POST https://api.sydney.au1.twilio.com\(record) TrunkSid=TK\(Sample.hex)",
    ]
    #expect(Set(lines(script)) == Set(expected))
    let other = try await failure {
      try await trunks.attach(try Sample.number(), to: try trunk(), try Sample.access())
    }
    #expect(other?.kind == .unreadableAnswer)
  }

  // MARK: Looking for a name

  @Test func looksForTheNameOnAllPages() async throws {
    let next = "https://elsewhere.example/v1/Trunks?PageSize=100&Page=1&PageToken=PATK1"
    let script = Script(
      .json(
        200,
        """
        {"trunks": [{"sid": "TK1", "friendly_name": "names"}],
         "meta": {"key": "trunks", "next_page_url": "\(next)"}}
        """), .json(200, "{\"trunks\": [\(trunkJSON)], \"meta\": {\"next_page_url\": null}}"))
    #expect(
      try await trunks(script).findTrunk(named: "name", try Sample.access()) == trunk())
    // The answer's address is not followed, only what it says of the page.
    #expect(
      lines(script) == [
        "GET https://trunking.twilio.com/v1/Trunks?PageSize=100",
        "GET https://trunking.twilio.com/v1/Trunks?PageSize=100&Page=1&PageToken=PATK1",
      ])
    let none = Script(.json(200, "{\"trunks\": [], \"meta\": {\"next_page_url\": null}}"))
    #expect(try await trunks(none).findTrunk(named: "name", try Sample.access()) == nil)
    let unreadable = Script(.json(200, "{\"meta\": {}}"))
    let error = try await failure {
      _ = try await trunks(unreadable).findTrunk(named: "name", try Sample.access())
    }
    #expect(error?.kind == .unreadableAnswer)
  }

  @Test func looksForListsCredentialsAndURLs() async throws {
    let path = "/2010-04-01/Accounts/AC\(Sample.hex)/SIP/CredentialLists"
    let script = Script(
      .json(
        200,
        """
        {"credential_lists": [], "next_page_uri": "\(path).json?Page=1&PageToken=PACL1"}
        """),
      .json(
        200,
        """
        {"credential_lists": [{"sid": "CL\(Sample.hex)", "friendly_name": "name"}],
         "next_page_uri": null}
        """),
      .json(200, "{\"credentials\": [{\"username\": \"user\"}], \"next_page_uri\": null}"),
      .json(200, "{\"credentials\": [{\"username\": \"users\"}], \"next_page_uri\": null}"),
      .json(
        200,
        """
        {"origination_urls": [{"sid": "OU\(Sample.hex)", "friendly_name": "name",
         "sip_url": "sip:a.example", "enabled": false}], "meta": {}}
        """))
    let trunks = trunks(script)
    let access = try Sample.access()
    #expect(try await trunks.findCredentialList(named: "name", access) == list())
    #expect(try await trunks.hasCredential("user", in: list(), access))
    #expect(try await !trunks.hasCredential("user", in: list(), access))
    #expect(
      try await trunks.findOriginationURL(named: "name", on: trunk(), access)
        == CarrierOriginationURL(sid: try url(), sipURL: "sip:a.example", isEnabled: false))
    #expect(
      script.sent.map(\.url) == [
        "https://api.twilio.com\(path).json?PageSize=100",
        "https://api.twilio.com\(path).json?PageSize=100&Page=1&PageToken=PACL1",
        "https://api.twilio.com\(path)/CL\(Sample.hex)/Credentials.json?PageSize=100",
        "https://api.twilio.com\(path)/CL\(Sample.hex)/Credentials.json?PageSize=100",
        "https://trunking.twilio.com/v1/Trunks/TK\(Sample.hex)/OriginationUrls?PageSize=100",
      ])
  }

  @Test func aListWithoutEndIsLeft() async throws {
    /// A carrier that always has one page more.
    final class Endless: HTTPSending {
      func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        try Result.json(
          200, "{\"trunks\": [], \"meta\": {\"next_page_url\": \"x?Page=1&PageToken=PA1\"}}"
        ).get()
      }
    }
    let trunks = TwilioTrunks(client: Endless(), endpoints: .twilio, time: time)
    let error = try await failure {
      _ = try await trunks.findTrunk(named: "name", try Sample.access())
    }
    #expect(error?.kind == .limited)
  }

  @Test func seesWhatIsAttached() async throws {
    let script = Script(
      .json(200, "{\"sid\": \"CL\(Sample.hex)\"}"), .error(404, 20404), .json(404, "<html>"))
    let trunks = trunks(script)
    let access = try Sample.access()
    #expect(try await trunks.isAttached(list(), to: trunk(), access))
    #expect(try await !trunks.isAttached(list(), to: trunk(), access))
    let error = try await failure {
      _ = try await trunks.isAttached(try list(), to: try trunk(), access)
    }
    #expect(error?.kind == .notFound)
    #expect(
      lines(script).first
        == "GET https://trunking.twilio.com/v1/Trunks/TK\(Sample.hex)"
        + "/CredentialLists/CL\(Sample.hex)")
  }

  // MARK: Failures

  @Test(arguments: [
    (400, 21248, CarrierError.Kind.conflict), (400, 21249, .limited), (400, 21245, .invalidRequest),
    (400, 21240, .invalidRequest), (401, 20003, .credentialsRefused), (403, 20003, .keyRestricted),
    (409, 20409, .conflict),
  ])
  func saysWhatTheCarrierRefused(
    _ status: Int, _ code: Int, _ kind: CarrierError.Kind
  ) async throws {
    let script = Script(.error(status, code))
    let error = try await failure {
      _ = try await trunks(script).createTrunk(
        named: "name", domain: "front.pstn.twilio.com", isSecure: false, try Sample.access())
    }
    #expect(error?.kind == kind)
    #expect(error?.effect == .refused)
    #expect(script.sent.count == 1)
  }

  @Test func whatIsInUseStays() async throws {
    for code in [21241, 21247] {
      let error = try await failure {
        try await trunks(Script(.error(400, code))).deleteTrunk(
          try trunk(), try Sample.access())
      }
      #expect(error?.kind == .conflict)
    }
  }

  @Test func aDeletionIsRepeatedAndAMakingIsNot() async throws {
    for lost: Result<HTTPResponse, HTTPClientError> in [
      .error(500, 20500), .failure(.timedOut(.afterSend)),
      .failure(.connectionLost(.afterSend)),
    ] {
      let deletion = Script(lost, .error(404, 20404))
      try await trunks(deletion).deleteTrunk(try trunk(), try Sample.access())
      #expect(deletion.sent.count == 2)
      let making = Script(lost, .json(201, trunkJSON))
      let error = try await failure {
        _ = try await trunks(making).createCredentialList(named: "name", try Sample.access())
      }
      #expect(error?.kind == .unavailable)
      #expect(error?.effect == .unknown)
      #expect(making.sent.count == 1)
    }
    let between = Script(.json(404, "<html></html>"))
    let error = try await failure {
      try await trunks(between).deleteTrunk(try trunk(), try Sample.access())
    }
    #expect(error?.kind == .notFound)
  }

  @Test func aRefusedPasswordIsNotQuoted() async throws {
    let script = Script(.error(400, 21240, "The password Sh0rt of +12025550123 is too short"))
    let error = try await failure {
      try await trunks(script).createCredential(
        "user", password: Secret("Sh0rt"), in: try list(), try Sample.access())
    }
    #expect(error?.message == "The password *** of +*** is too short")
  }
}
