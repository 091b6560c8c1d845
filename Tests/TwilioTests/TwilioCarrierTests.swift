import HTTPClient
import Registry
import Telephony
import TestKit
import Testing

@testable import Twilio

@Suite struct TwilioCarrierTests {
  private let time = InstantTime()

  private func carrier(_ script: Script) -> TwilioCarrier {
    TwilioCarrier(client: script, endpoints: .twilio, time: time)
  }

  private func failure(_ script: Script) async throws -> CarrierError? {
    do {
      _ = try await carrier(script).fetchNumber(try Sample.number(), try Sample.access())
      return nil
    } catch let error as CarrierError {
      return error
    }
  }

  @Test func readsANumber() async throws {
    let script = Script(.json(200, Sample.numberJSON()))
    let number = try await carrier(script).fetchNumber(try Sample.number(), try Sample.access())
    #expect(
      number
        == CarrierNumber(
          sid: try Sample.number(), accountSID: try Sample.account(), e164: try Sample.e164(),
          friendlyName: "Front desk é", hasVoice: true,
          voice: VoiceSettings(voiceURL: "https://old.example.com/voice", voiceMethod: .get)))
  }

  @Test func readsWhatOverridesTheURL() async throws {
    let trunk = "TK" + Sample.hex
    let script = Script(
      .json(200, Sample.numberJSON(voiceURL: "null", trunk: "\"\(trunk)\"")))
    let number = try await carrier(script).fetchNumber(try Sample.number(), try Sample.access())
    #expect(number.voice.trunkSID == trunk)
    #expect(!number.voice.asksWebhook)
    #expect(number.voice.voiceURL.isEmpty)
  }

  @Test func probesWithTheListOfNumbers() async throws {
    let first = "/2010-04-01/Accounts/AC\(Sample.hex)/IncomingPhoneNumbers.json?PageSize=1&Page=0"
    let empty = Script(
      .json(200, "{\"incoming_phone_numbers\": [], \"first_page_uri\": \"\(first)\"}"))
    #expect(try await carrier(empty).probe(try Sample.access()) == Sample.account())
    #expect(
      empty.sent.first?.url.hasSuffix("/IncomingPhoneNumbers.json?PageSize=1") == true)
    let full = Script(.json(200, "{\"incoming_phone_numbers\": [\(Sample.numberJSON())]}"))
    #expect(try await carrier(full).probe(try Sample.access()) == Sample.account())
    let nameless = Script(.json(200, "{\"incoming_phone_numbers\": []}"))
    await #expect(throws: CarrierError.self) {
      try await carrier(nameless).probe(try Sample.access())
    }
  }

  @Test func listsPageByPage() async throws {
    let next = "/2010-04-01/Accounts/A/IncomingPhoneNumbers.json?PageSize=2&Page=1&PageToken=PAx"
    let script = Script(
      .json(
        200,
        """
        {"incoming_phone_numbers": [\(Sample.numberJSON()), \(Sample.numberJSON(e164: "12345"))],
         "next_page_uri": "\(next)"}
        """),
      .json(200, "{\"incoming_phone_numbers\": [], \"next_page_uri\": null}"))
    let carrier = carrier(script)
    let first = try await carrier.listNumbers(from: nil, size: 2, try Sample.access())
    // The short code is no E.164 number.
    #expect(first.numbers.count == 1)
    #expect(first.next == "1.PAx")
    let last = try await carrier.listNumbers(from: first.next, size: 2, try Sample.access())
    #expect(last == CarrierNumberPage(numbers: [], next: nil))
    #expect(script.sent.last?.url.hasSuffix("?PageSize=2&Page=1&PageToken=PAx") == true)
  }

  @Test func aForeignPageTokenIsNotSent() async throws {
    let script = Script()
    do {
      _ = try await carrier(script).listNumbers(from: "1.a&b=c", size: 2, try Sample.access())
      Issue.record("taken")
    } catch {
      #expect((error as? CarrierError)?.effect == .beforeSend)
    }
    #expect(script.sent.isEmpty)
  }

  @Test func findsOnlyAnEqualNumber() async throws {
    let longer = Sample.numberJSON(e164: "+120255501234")
    let script = Script(
      .json(200, "{\"incoming_phone_numbers\": [\(longer), \(Sample.numberJSON())]}"),
      .json(200, "{\"incoming_phone_numbers\": [\(longer)]}"))
    let carrier = carrier(script)
    let found = try await carrier.findNumber(try Sample.e164(), try Sample.access())
    #expect(found?.e164 == (try Sample.e164()))
    #expect(try await carrier.findNumber(try Sample.e164(), try Sample.access()) == nil)
  }

  @Test func anUnsetRouteIsNone() async throws {
    let script = Script(
      .error(404, 20404), .json(200, "{\"voice_region\": \"ie1\"}"),
      .json(200, "{\"voice_region\": null}"), .json(200, "{\"voice_region\": \"jp1\"}"))
    let carrier = carrier(script)
    let e164 = try Sample.e164()
    #expect(try await carrier.processingRegion(of: e164, try Sample.access(.ie1)) == nil)
    #expect(try await carrier.processingRegion(of: e164, try Sample.access(.ie1)) == .ie1)
    #expect(try await carrier.processingRegion(of: e164, try Sample.access(.ie1)) == nil)
    await #expect(throws: CarrierError.self) {
      try await carrier.processingRegion(of: e164, try Sample.access(.ie1))
    }
  }

  @Test func aRouteIsSetOnlyWhenTheCarrierSaysSo() async throws {
    let script = Script(
      .json(200, "{\"voice_region\": \"ie1\"}"), .json(200, "{\"voice_region\": \"us1\"}"))
    let carrier = carrier(script)
    let e164 = try Sample.e164()
    try await carrier.setProcessingRegion(.ie1, of: e164, try Sample.access(.ie1))
    await #expect(throws: CarrierError.self) {
      try await carrier.setProcessingRegion(.ie1, of: e164, try Sample.access(.ie1))
    }
  }

  @Test(arguments: [
    (401, 20003, CarrierError.Kind.credentialsRefused), (403, 20003, .keyRestricted),
    (403, 20006, .notPermitted), (403, 20008, .testCredentials),
    (401, 20006, .credentialsRefused),
    (403, 20005, .accountInactive), (401, 10001, .accountInactive), (404, 20404, .notFound),
    (400, 21220, .conflict), (409, 20409, .conflict), (400, 21201, .invalidRequest),
    (400, 21205, .invalidRequest), (400, 20001, .invalidRequest), (403, 21244, .limited),
    (401, 99999, .credentialsRefused), (400, 99999, .invalidRequest),
  ])
  func saysWhatTheCarrierRefused(_ status: Int, _ code: Int, _ kind: CarrierError.Kind) async throws
  {
    let error = try await failure(Script(.error(status, code)))
    #expect(error?.kind == kind)
    #expect(error?.effect == .refused)
    #expect(error?.code == code)
    #expect(time.slept.isEmpty)
  }

  @Test func aCarrierThatIsDownIsAskedThreeTimes() async throws {
    let script = Script(
      .error(503, 20503), .failure(.timedOut(.afterSend)), .failure(.connectionLost(.afterSend)))
    let error = try await failure(script)
    #expect(error?.kind == .unavailable)
    #expect(error?.effect == .unknown)
    #expect(script.sent.count == 3)
    #expect(time.slept.count == 2)
    #expect(try await failure(Script(.error(500, 20500), .json(200, Sample.numberJSON()))) == nil)
  }

  @Test func awriteIsRepeatedOnlyWhenNothingWasDone() async throws {
    let write = { (script: Script) async throws in
      _ = try await carrier(script).configureNumber(
        try Sample.number(), voice: VoiceSettings(), try Sample.access())
    }
    for lost: Result<HTTPResponse, HTTPClientError> in [
      .error(500, 20500), .failure(.timedOut(.afterSend)), .json(200, "<html>"),
    ] {
      let script = Script(lost, .json(200, Sample.numberJSON()))
      await #expect(throws: CarrierError.self) { try await write(script) }
      #expect(script.sent.count == 1)
    }
    for harmless: Result<HTTPResponse, HTTPClientError> in [
      .error(429, 20429), .failure(.unreachable),
    ] {
      let script = Script(harmless, .json(200, Sample.numberJSON()))
      try await write(script)
      #expect(script.sent.count == 2)
    }
  }

  @Test func anAnswerThatCantBeReadIsOne() async throws {
    for body in ["", "[]", "<html></html>", "{\"sid\": 7}", "{\"sid\": \"PNx\"}"] {
      let error = try await failure(Script(.json(200, body)))
      #expect(error?.kind == .unreadableAnswer)
    }
    #expect(try await failure(Script(.json(302, "")))?.kind == .unreadableAnswer)
  }

  @Test func errorsHoldNoNumberAndNoSecret() async throws {
    let error = try await failure(
      Script(
        .error(
          400, 21211,
          "The phone number +12025550123 (555-0100-999) of SK\(Sample.hex) is not valid.")))
    let text = try #require(error?.message)
    #expect(text == "The phone number +*** (***) of *** is not valid.")
  }
}
