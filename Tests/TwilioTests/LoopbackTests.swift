import CallDispatch
import EventLoops
import HTTPClient
import HTTPServer
import Registry
import Synchronization
import Telephony
import Testing

@testable import Twilio

/// The adapter over real sockets, against a carrier of a few lines.
@Suite struct LoopbackTests {
  /// What came, and the answers to give in order; the last one stays.
  private final class Carrier: Sendable {
    private struct State {
      var answers: [HTTPServerResponse]
      var requests: [HTTPServerRequest] = []
    }
    private let state: Mutex<State>

    init(_ answers: [HTTPServerResponse]) { state = Mutex(State(answers: answers)) }

    var requests: [HTTPServerRequest] { state.withLock { $0.requests } }

    func answer(_ request: HTTPServerRequest) -> HTTPServerResponse {
      state.withLock { state in
        state.requests.append(request)
        return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
      }
    }
  }

  private func json(_ status: Int, _ body: String) -> HTTPServerResponse {
    HTTPServerResponse(status: status, contentType: "application/json", body: body)
  }

  private func withCarrier(
    _ answers: [HTTPServerResponse],
    _ body: (Carrier, WebClient, TwilioEndpoints) async throws -> Void
  ) async throws {
    let carrier = Carrier(answers)
    let loop = EventLoop(name: "carrier")
    let clientLoop = EventLoop(name: "client")
    let server = try WebServer(loop: loop, host: "127.0.0.1", port: 0) { carrier.answer($0) }
    let client = WebClient(loop: clientLoop)
    do {
      let endpoints = try #require(
        TwilioEndpoints(parsing: "ie1=http://127.0.0.1:\(server.port)"))
      try await body(carrier, client, endpoints)
    } catch {
      Issue.record(error)
    }
    await client.close()
    await server.stop(gracePeriod: .zero)
    clientLoop.stop()
    loop.stop()
  }

  @Test func configuresANumberThoughTheCarrierIsBusyOnce() async throws {
    let busy = HTTPServerResponse(
      status: 429, headers: [.init("Retry-After", "0")], body: Array("{\"code\":20429}".utf8))
    let answers = [busy, json(200, Sample.numberJSON())]
    try await withCarrier(answers) { carrier, client, endpoints async throws in
      let twilio = TwilioCarrier(client: client, endpoints: endpoints, time: InstantTime())
      let voice = VoiceSettings(voiceURL: "https://t.example.com/v1/numbers/x/voice")
      let number = try await twilio.configureNumber(
        try Sample.number(), voice: voice, try Sample.access(.ie1))
      #expect(number.sid == (try Sample.number()))
      #expect(carrier.requests.count == 2)
      let request = try #require(carrier.requests.last)
      #expect(request.method == "POST")
      #expect(
        request.target
          == "/api/2010-04-01/Accounts/AC\(Sample.hex)/IncomingPhoneNumbers/PN\(Sample.hex).json")
      #expect(request.header("content-type") == "application/x-www-form-urlencoded")
      #expect(request.header("authorization")?.hasPrefix("Basic ") == true)
      let form = try WebhookForm(decoding: request.body)
      #expect(form["VoiceUrl"] == voice.voiceURL)
      #expect(form["TrunkSid"] == "")
    }
  }

  @Test func aLostAnswerToADialIsUnknownAndAskedOnce() async throws {
    let answers = [HTTPServerResponse.dropConnection]
    try await withCarrier(answers) { carrier, client, endpoints async throws in
      let twilio = TwilioCalls(client: client, endpoints: endpoints, time: InstantTime())
      let order = DialOrder(
        from: try Sample.e164(), to: try E164("+12025550199"),
        voiceURL: "https://t.example.com/v", statusURL: "https://t.example.com/s",
        ringingTimeoutSeconds: 60, timeLimitSeconds: nil)
      #expect(await twilio.place(order, with: try Sample.lease(.ie1)) == .unknown)
      #expect(carrier.requests.count == 1)
      #expect(carrier.requests.last?.method == "POST")
      let form = try WebhookForm(decoding: carrier.requests.last?.body ?? [])
      let events = form.parameters.filter { $0.name == "StatusCallbackEvent" }.map(\.value)
      #expect(events == ["initiated", "ringing", "answered", "completed"])
    }
  }

  @Test func anotherRegionIsNotAsked() async throws {
    try await withCarrier([json(200, "{}")]) { carrier, client, endpoints async throws in
      let twilio = TwilioCalls(client: client, endpoints: endpoints, time: InstantTime())
      await #expect(throws: CarrierCallError.refused(CarrierRefusal(.invalid))) {
        try await twilio.fetch(try Sample.call(), with: try Sample.lease(.us1))
      }
      #expect(carrier.requests.isEmpty)
    }
  }
}
