import CallDispatch
import HTTPClient
import Telephony
import TestKit
import Testing

@testable import Twilio

@Suite struct TwilioCallsTests {
  private let time = InstantTime()

  private func calls(_ script: Script) -> TwilioCalls {
    TwilioCalls(client: script, endpoints: .twilio, time: time)
  }

  private func place(_ script: Script) async throws -> DialOutcome {
    let order = DialOrder(
      from: try Sample.e164(), to: try E164("+12025550199"), voiceURL: "https://a.example.com/v",
      statusURL: "https://a.example.com/s", ringingTimeoutSeconds: 60, timeLimitSeconds: nil)
    return await calls(script).place(order, with: try Sample.lease())
  }

  @Test func aDialIsAccepted() async throws {
    let outcome = try await place(Script(.json(201, Sample.callJSON())))
    #expect(outcome == .accepted(try Sample.call()))
  }

  // Whatever may have reached the carrier is unknown, and nothing is ever sent a second time.
  @Test(arguments: [
    Result<HTTPResponse, HTTPClientError>.failure(.timedOut(.afterSend)),
    .failure(.connectionLost(.afterSend)), .failure(.cancelled(.afterSend)),
    .failure(.malformedResponse), .failure(.responseTooLarge(limit: 1)),
    .error(500, 20500), .error(503, 20503), .json(502, "<html>Bad Gateway</html>"),
    .json(201, "<html>"), .json(201, "{\"sid\": \"CAx\"}"), .json(302, ""), .json(408, ""),
  ])
  func aLostDialIsUnknown(_ answer: Result<HTTPResponse, HTTPClientError>) async throws {
    let script = Script(answer, .json(201, Sample.callJSON()))
    #expect(try await place(script) == .unknown)
    #expect(script.sent.count == 1)
  }

  @Test(arguments: [
    (Result<HTTPResponse, HTTPClientError>.failure(.unreachable), CarrierRefusal(.unreachable)),
    (.failure(.unresolvable), CarrierRefusal(.unreachable)),
    (.failure(.tlsFailed), CarrierRefusal(.unreachable)),
    (.failure(.timedOut(.beforeSend)), CarrierRefusal(.unreachable)),
    (.failure(.queueFull(limit: 1)), CarrierRefusal(.unreachable)),
    (.error(429, 20429), CarrierRefusal(.throttled, code: 20429)),
    (
      .json(429, "{\"code\": 20429}", [.init("Retry-After", "7")]),
      CarrierRefusal(.throttled, code: 20429, retryAfter: .seconds(7))
    ),
    (.error(401, 20003), CarrierRefusal(.credentials, code: 20003)),
    (.error(403, 20005), CarrierRefusal(.account, code: 20005)),
    (.error(400, 21215), CarrierRefusal(.notAllowed, code: 21215)),
    (.error(400, 21210), CarrierRefusal(.notAllowed, code: 21210)),
    (.error(400, 10004), CarrierRefusal(.limit, code: 10004)),
    (.error(400, 21211), CarrierRefusal(.invalid, code: 21211)),
    (.error(400, 21212), CarrierRefusal(.invalid, code: 21212)),
    (.error(400, 21214), CarrierRefusal(.other, code: 21214)),
    (.error(404, 20404), CarrierRefusal(.other, code: 20404)),
  ])
  func aRefusedDialDidNothing(
    _ answer: Result<HTTPResponse, HTTPClientError>, _ refusal: CarrierRefusal
  ) async throws {
    let script = Script(answer, .json(201, Sample.callJSON()))
    #expect(try await place(script) == .refused(refusal))
    #expect(script.sent.count == 1)
    #expect(time.slept.isEmpty)
  }

  @Test func readsACall() async throws {
    let start = "\"Tue, 31 Aug 2010 22:36:29 +0200\""
    let script = Script(
      .json(200, Sample.callJSON(status: "in-progress", start: start)), .error(404, 20404))
    let calls = calls(script)
    let call = try await calls.fetch(try Sample.call(), with: try Sample.lease())
    #expect(
      call
        == CarrierCall(
          id: try Sample.call(), status: .inProgress, from: "+12025550123", to: "+12025550199",
          isInbound: false, createTime: Timestamp(milliseconds: 1_283_286_988_000),
          startTime: Timestamp(milliseconds: 1_283_286_989_000)))
    #expect(try await calls.fetch(try Sample.call(), with: try Sample.lease()) == nil)
  }

  /// A duration is taken off a time, which must not overflow.
  @Test(arguments: [
    ("\"14\"", 14), ("14", 14), ("\"9223372036854775807\"", nil), ("-1", nil), ("1.5", nil),
  ])
  func aDurationIsSecondsInReason(_ duration: String, _ seconds: Int?) async throws {
    let script = Script(.json(200, Sample.callJSON(status: "completed", duration: duration)))
    let call = try await calls(script).fetch(try Sample.call(), with: try Sample.lease())
    #expect(call?.status == .completed)
    #expect(call?.durationSeconds == seconds)
  }

  @Test func listsCallsWithoutAStart() async throws {
    let script = Script(
      .json(200, "{\"calls\": [\(Sample.callJSON()), \(Sample.callJSON(status: "busy"))]}"))
    let calls = try await calls(script).list(
      from: try Sample.e164(), to: try E164("+12025550199"), limit: 50, with: try Sample.lease())
    #expect(calls.map(\.status) == [.queued, .busy])
    #expect(script.sent.first?.url.contains("StartTime") == false)
  }

  @Test(arguments: [
    (
      CarrierEnding.completed, Result<HTTPResponse, HTTPClientError>.error(404, 20404),
      EndOutcome.alreadyOver
    ),
    (.canceled, .error(404, 20404), .alreadyOver),
    (.completed, .error(400, 21220), .alreadyOver),
    (.canceled, .error(400, 21220), .notCancelable),
    (.completed, .json(200, Sample.callJSON(status: "completed")), .ended),
    (.canceled, .json(200, Sample.callJSON(status: "canceled")), .ended),
    (.canceled, .json(200, Sample.callJSON(status: "in-progress")), .notCancelable),
  ])
  func endsACall(
    _ ending: CarrierEnding, _ answer: Result<HTTPResponse, HTTPClientError>, _ outcome: EndOutcome
  ) async throws {
    let script = Script(answer)
    let ended = try await calls(script).end(try Sample.call(), as: ending, with: try Sample.lease())
    #expect(ended == outcome)
  }

  @Test func aCarrierThatIsDownIsUnavailable() async throws {
    let script = Script(.error(500, 20500), .error(500, 20500), .error(500, 20500))
    await #expect(throws: CarrierCallError.unavailable) {
      try await calls(script).fetch(try Sample.call(), with: try Sample.lease())
    }
    await #expect(throws: CarrierCallError.refused(CarrierRefusal(.credentials, code: 20003))) {
      try await calls(Script(.error(401, 20003))).fetch(
        try Sample.call(), with: try Sample.lease())
    }
  }
}
