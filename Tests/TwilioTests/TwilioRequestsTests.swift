import CallDispatch
import HTTPClient
import Registry
import Telephony
import Testing

@testable import Twilio

@Suite struct TwilioRequestsTests {
  private let accountPath = "/2010-04-01/Accounts/AC\(Sample.hex)"
  private func text(_ request: HTTPRequest) -> String {
    "\(request.method.rawValue) \(request.url)\n\(String(decoding: request.body, as: UTF8.self))"
  }

  @Test func authenticatesWithTheKeyOrTheToken() throws {
    let withKey = try Sample.requests().fetchNumber(try Sample.number())
    // SK0123… : s3cret
    #expect(
      withKey.headers.first
        == .init(
          "Authorization",
          "Basic U0swMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpzM2NyZXQ="))
    let lease = TwilioAccess(try Sample.lease())
    let withToken = try TwilioRequests(endpoints: .twilio, access: lease)
      .fetchCall(try Sample.call())
    #expect(
      withToken.headers.first
        == .init(
          "Authorization",
          "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp0MGtlbg=="))
  }

  @Test func asksForNumbers() throws {
    let requests = try Sample.requests()
    #expect(
      text(try requests.listNumbers(page: nil, size: 50))
        == "GET https://api.twilio.com\(accountPath)/IncomingPhoneNumbers.json?PageSize=50\n")
    #expect(
      text(try requests.listNumbers(page: TwilioPageToken("2.PAPN12"), size: 50))
        == "GET https://api.twilio.com\(accountPath)/IncomingPhoneNumbers.json"
        + "?PageSize=50&Page=2&PageToken=PAPN12\n")
    #expect(
      text(try requests.findNumber(try Sample.e164()))
        == "GET https://api.twilio.com\(accountPath)/IncomingPhoneNumbers.json"
        + "?PhoneNumber=%2B12025550123&PageSize=20\n")
    #expect(
      text(try requests.fetchNumber(try Sample.number()))
        == "GET https://api.twilio.com\(accountPath)/IncomingPhoneNumbers/PN\(Sample.hex).json\n")
  }

  @Test func writesTheWholeRecord() throws {
    let voice = VoiceSettings(
      voiceURL: "https://t.example.com/v?a=b&c=d e", voiceMethod: .post,
      fallbackURL: "https://f.example.com/", fallbackMethod: .get,
      statusCallbackURL: "https://s.example.com/", statusCallbackMethod: .post)
    #expect(
      text(try Sample.requests(.ie1).configureNumber(try Sample.number(), voice))
        == "POST https://api.dublin.ie1.twilio.com\(accountPath)"
        + "/IncomingPhoneNumbers/PN\(Sample.hex).json\n"
        + "VoiceUrl=https%3A%2F%2Ft.example.com%2Fv%3Fa%3Db%26c%3Dd%20e&VoiceMethod=POST"
        + "&VoiceFallbackUrl=https%3A%2F%2Ff.example.com%2F&VoiceFallbackMethod=GET"
        + "&StatusCallback=https%3A%2F%2Fs.example.com%2F&StatusCallbackMethod=POST"
        + "&VoiceApplicationSid=&TrunkSid=")
  }

  @Test func setsRoutesOnTheRegionsOwnHost() throws {
    #expect(
      text(try Sample.requests(.au1).fetchRoute(of: try Sample.e164()))
        == "GET https://routes.sydney.au1.twilio.com/v2/PhoneNumbers/%2B12025550123\n")
    #expect(
      text(try Sample.requests(.ie1).setRoute(of: try Sample.e164(), to: .ie1))
        == "POST https://routes.dublin.ie1.twilio.com/v2/PhoneNumbers/%2B12025550123\n"
        + "VoiceRegion=ie1")
  }

  @Test func placesLooksAtAndEndsCalls() throws {
    let requests = try Sample.requests()
    let to = try E164("+12025550199")
    let base = "https://api.twilio.com\(accountPath)/Calls"
    let place = try requests.placeCall(
      from: try Sample.e164(), to: to, voiceURL: "https://t.example.com/voice",
      statusURL: "https://t.example.com/status", ringingTimeoutSeconds: 45, timeLimitSeconds: 600)
    #expect(
      text(place)
        == "POST \(base).json\nTo=%2B12025550199&From=%2B12025550123"
        + "&Url=https%3A%2F%2Ft.example.com%2Fvoice&Method=POST"
        + "&StatusCallback=https%3A%2F%2Ft.example.com%2Fstatus&StatusCallbackMethod=POST"
        + "&StatusCallbackEvent=initiated&StatusCallbackEvent=ringing"
        + "&StatusCallbackEvent=answered&StatusCallbackEvent=completed&Timeout=45&TimeLimit=600")
    #expect(text(try requests.fetchCall(try Sample.call())) == "GET \(base)/CA\(Sample.hex).json\n")
    #expect(
      text(try requests.listCalls(from: try Sample.e164(), to: to, size: 9))
        == "GET \(base).json?To=%2B12025550199&From=%2B12025550123&PageSize=9\n")
    #expect(
      text(try requests.endCall(try Sample.call(), status: "canceled"))
        == "POST \(base)/CA\(Sample.hex).json\nStatus=canceled")
  }

  @Test(arguments: [
    "2.x/../y", "2.a&b=c", "x.PA", "0.PA", "-1.PA", "2", "", "2.\u{0}", "99999999.PA",
    "2." + String(repeating: "a", count: 600),
  ])
  func aPageTokenOfSomebodyElseIsRefused(_ text: String) {
    #expect(TwilioPageToken(text) == nil)
  }

  @Test func aPageTokenComesFromTheNextPage() {
    let uri =
      "/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json?PageSize=2&Page=1&PageToken=PAx_-9"
    #expect(TwilioPageToken(nextPageURI: uri)?.text == "1.PAx_-9")
    #expect(TwilioPageToken("1.PAx_-9")?.token == "PAx_-9")
    #expect(TwilioPageToken(nextPageURI: "/x?Page=3")?.text == "3.")
  }

  @Test func addressesOfTestsReplaceTheHosts() throws {
    let endpoints = try #require(
      TwilioEndpoints(parsing: "us1=http://127.0.0.1:8701,ie1=http://127.0.0.1:8702/"))
    #expect(endpoints.base(.api, .us1) == "http://127.0.0.1:8701/api")
    #expect(endpoints.base(.routes, .ie1) == "http://127.0.0.1:8702/routes")
    // Not Twilio: a test that forgot a region reaches nobody.
    #expect(endpoints.base(.api, .au1) == nil)
    let access = TwilioAccess(try Sample.access(.au1))
    #expect(throws: TwilioFailure.self) {
      try TwilioRequests(endpoints: endpoints, access: access).fetchCall(try Sample.call())
    }
  }

  @Test(arguments: [
    "", "us1", "us1=", "eu1=http://a", "us1=ftp://a", "us1=http://a/b", "us1=http://a,us1=http://b",
    "us1=http://", "us1=http://a?b", "us1=http://u@a", "us1=http://a,",
  ])
  func otherAddressesAreRefused(_ text: String) {
    #expect(TwilioEndpoints(parsing: text) == nil)
  }

  @Test func everyRegionHasHostsOfTheTable() {
    let bases = Region.allCases.flatMap { region in
      [TwilioEndpoints.twilio.base(.api, region), TwilioEndpoints.twilio.base(.routes, region)]
    }
    // Edge and region together, or neither.
    #expect(
      bases == [
        "https://api.twilio.com", "https://routes.twilio.com",
        "https://api.dublin.ie1.twilio.com", "https://routes.dublin.ie1.twilio.com",
        "https://api.sydney.au1.twilio.com", "https://routes.sydney.au1.twilio.com",
      ])
  }
}
