import HTTPClient
import LiveKitAPI
import Protobuf
import Registry
import Telephony
import TestKit
import Testing

@testable import LiveKit

@Suite struct LiveKitGatewayTests {
  private let time = ManualTime()

  private func gateway(_ script: HTTPScript) -> LiveKitGateway {
    LiveKitGateway(client: script, time: time)
  }

  private func failure(
    _ script: HTTPScript, _ body: (LiveKitGateway) async throws -> Void
  ) async throws -> CarrierError? {
    do {
      try await body(gateway(script))
      return nil
    } catch let error as CarrierError {
      return error
    }
  }

  private func read(_ script: HTTPScript) async throws -> CarrierError? {
    try await failure(script) { try await $0.probe(Sample.access) }
  }

  private func write(_ script: HTTPScript) async throws -> CarrierError? {
    try await failure(script) {
      _ = try await $0.createInboundTrunk(Sample.inbound, Sample.access)
    }
  }

  // MARK: Requests

  @Test func asksOverTwirpWithATokenOfItsOwn() async throws {
    let script = HTTPScript(.twirp(503, "unavailable"), .inboundTrunks())
    try await gateway(script).probe(Sample.access)
    let request = try #require(script.sent.first)
    #expect(request.method == .post)
    #expect(request.url == "https://livekit.example.com/twirp/livekit.SIP/ListSIPInboundTrunk")
    #expect(request.headers.contains(.init("Content-Type", "application/protobuf")))
    let start = Timestamp(milliseconds: 1_700_000_000_000)
    #expect(
      request.headers.contains(
        .init(
          "Authorization", "Bearer " + AccessToken.make(.sipAdmin, Sample.access, now: start))))
    let list = try Livekit.ListSIPInboundTrunkRequest(serialized: request.body)
    #expect(list == .init(page: .init(limit: 1)))
    // A repeat may come when the token is over.
    let again = try #require(script.sent.last)
    let later = AccessToken.make(
      .sipAdmin, Sample.access, now: start.advanced(by: time.slept))
    #expect(again.headers.contains(.init("Authorization", "Bearer " + later)))
  }

  @Test func makesAnInboundTrunk() async throws {
    let script = HTTPScript(.message(Livekit.SIPInboundTrunkInfo(sipTrunkID: "ST_1")))
    let id = try await gateway(script).createInboundTrunk(Sample.inbound, Sample.access)
    #expect(id == "ST_1")
    let sent = try Livekit.CreateSIPInboundTrunkRequest(serialized: script.sent[0].body)
    #expect(
      sent.trunk
        == .init(
          name: "trunkline-n1", numbers: [Sample.number], allowedAddresses: ["192.0.2.0/24"],
          allowedNumbers: ["+12025550199"], authUsername: "caller", authPassword: "pass",
          mediaEncryption: .sipMediaEncryptRequire,
          media: .init(encryption: .sipMediaEncryptRequire)))
  }

  @Test func makesAnOutboundTrunkAndARule() async throws {
    let script = HTTPScript(
      .message(Livekit.SIPOutboundTrunkInfo(sipTrunkID: "ST_2")),
      .message(Livekit.SIPDispatchRuleInfo(sipDispatchRuleID: "SDR_1")))
    let gateway = gateway(script)
    #expect(try await gateway.createOutboundTrunk(Sample.outbound, Sample.access) == "ST_2")
    #expect(try await gateway.createDispatchRule(Sample.rule, Sample.access) == "SDR_1")
    let trunk = try Livekit.CreateSIPOutboundTrunkRequest(serialized: script.sent[0].body)
    #expect(
      trunk.trunk
        == .init(
          name: "trunkline-n1", address: "front.pstn.twilio.com", transport: .tls,
          numbers: [Sample.number], authUsername: "us", authPassword: "pass",
          headers: ["X-One": "1"], media: .init(encryption: .sipMediaEncryptDisable)))
    let rule = try Livekit.CreateSIPDispatchRuleRequest(serialized: script.sent[1].body)
    #expect(
      rule.dispatchRule
        == .init(
          rule: .init(rule: .dispatchRuleIndividual(.init(roomPrefix: "call-"))),
          trunkIDs: ["ST_1"], name: "trunkline-n1", attributes: ["a": "b"]))
  }

  @Test func replacesWhole() async throws {
    let script = HTTPScript(
      .message(Livekit.SIPInboundTrunkInfo()), .message(Livekit.SIPOutboundTrunkInfo()))
    let gateway = gateway(script)
    try await gateway.replaceInboundTrunk("ST_1", by: Sample.inbound, Sample.access)
    try await gateway.replaceOutboundTrunk("ST_2", by: Sample.outbound, Sample.access)
    let inbound = try Livekit.UpdateSIPInboundTrunkRequest(serialized: script.sent[0].body)
    #expect(inbound == .init(sipTrunkID: "ST_1", action: .replace(.init(Sample.inbound))))
    let outbound = try Livekit.UpdateSIPOutboundTrunkRequest(serialized: script.sent[1].body)
    #expect(outbound == .init(sipTrunkID: "ST_2", action: .replace(.init(Sample.outbound))))
  }

  // MARK: Looking for a name

  @Test func readsWhatItWrote() async throws {
    var inbound = Livekit.SIPInboundTrunkInfo(Sample.inbound)
    inbound.sipTrunkID = "ST_1"
    var outbound = Livekit.SIPOutboundTrunkInfo(Sample.outbound)
    outbound.sipTrunkID = "ST_2"
    var rule = Livekit.SIPDispatchRuleInfo(Sample.rule)
    rule.sipDispatchRuleID = "SDR_1"
    let script = HTTPScript(
      .inboundTrunks(inbound), .message(Livekit.ListSIPOutboundTrunkResponse(items: [outbound])),
      .message(Livekit.ListSIPDispatchRuleResponse(items: [rule])))
    let gateway = gateway(script)
    var expected = Sample.inbound
    (expected.id, expected.password) = ("ST_1", nil)
    #expect(
      try await gateway.findInboundTrunk(
        named: "trunkline-n1", numbers: [Sample.number], Sample.access) == expected)
    var other = Sample.outbound
    (other.id, other.password) = ("ST_2", nil)
    #expect(
      try await gateway.findOutboundTrunk(
        named: "trunkline-n1", numbers: [Sample.number], Sample.access) == other)
    var found = Sample.rule
    found.id = "SDR_1"
    #expect(
      try await gateway.findDispatchRule(
        named: "trunkline-n1", trunks: ["ST_1"], Sample.access) == found)
    let first = try Livekit.ListSIPInboundTrunkRequest(serialized: script.sent[0].body)
    #expect(first == .init(numbers: [Sample.number]))
    let last = try Livekit.ListSIPDispatchRuleRequest(serialized: script.sent[2].body)
    #expect(last == .init(trunkIDs: ["ST_1"]))
  }

  @Test func aRuleThatSomebodyChangedIsAnother() async throws {
    for change: (inout Livekit.SIPDispatchRuleInfo) -> Void in [
      { $0.rule = .init(rule: .dispatchRuleDirect(.init(roomName: "one"))) },
      { $0.rule = .init(rule: .dispatchRuleIndividual(.init(roomPrefix: "call-", pin: "1"))) },
      { $0.inboundNumbers = ["+12025550199"] }, { $0.numbers = ["+12025550199"] },
      { $0.trunkIDs = [] },
    ] {
      var rule = Livekit.SIPDispatchRuleInfo(Sample.rule)
      change(&rule)
      #expect(GatewayDispatchRule(rule) != Sample.rule)
    }
  }

  @Test func theListIsFollowedToItsEnd() async throws {
    let trunk = { (id: String, name: String) in
      Livekit.SIPInboundTrunkInfo(sipTrunkID: id, name: name)
    }
    let script = HTTPScript(
      .inboundTrunks(trunk("ST_b", "one"), trunk("ST_a", "two")),
      .inboundTrunks(trunk("ST_c", "name")))
    let found = try await gateway(script).findInboundTrunk(
      named: "name", numbers: [], Sample.access)
    #expect(found?.id == "ST_c")
    let second = try Livekit.ListSIPInboundTrunkRequest(serialized: script.sent[1].body)
    #expect(second == .init(page: .init(afterID: "ST_b")))

    let none = HTTPScript(.inboundTrunks(trunk("ST_a", "one")), .inboundTrunks())
    #expect(
      try await gateway(none).findInboundTrunk(named: "name", numbers: [], Sample.access) == nil)
    #expect(none.sent.count == 2)
    // A server that knows no pages.
    let same = HTTPScript(
      .inboundTrunks(trunk("ST_a", "one")), .inboundTrunks(trunk("ST_a", "one")))
    #expect(
      try await gateway(same).findInboundTrunk(named: "name", numbers: [], Sample.access) == nil)
    #expect(same.sent.count == 2)
  }

  @Test func aListWithoutEndIsLeft() async throws {
    /// A server that always has one more.
    final class Endless: HTTPSending {
      func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        let asked = try? Livekit.ListSIPInboundTrunkRequest(serialized: request.body)
        let trunk = Livekit.SIPInboundTrunkInfo(
          sipTrunkID: (asked?.page?.afterID ?? "") + "a", name: "another")
        return try Result.inboundTrunks(trunk).get()
      }
    }
    let gateway = LiveKitGateway(client: Endless(), time: time)
    do {
      _ = try await gateway.findInboundTrunk(named: "name", numbers: [], Sample.access)
      Issue.record("found")
    } catch {
      #expect(error.kind == .conflict)
    }
  }

  // MARK: Failures

  @Test func deletesWhatIsNotThere() async throws {
    let gone = HTTPScript(.twirp(404, "not_found"), .twirp(404, "not_found"))
    try await gateway(gone).deleteTrunk("ST_1", Sample.access)
    try await gateway(gone).deleteDispatchRule("SDR_1", Sample.access)
    let lost = HTTPScript(
      .failure(.connectionLost(.afterSend)), .message(Livekit.SIPTrunkInfo(sipTrunkID: "ST_1")))
    try await gateway(lost).deleteTrunk("ST_1", Sample.access)
    #expect(lost.sent.count == 2)
    // A page that somebody in between gives says nothing about the trunk.
    let between = HTTPScript(.json(404, "<html></html>"))
    let error = try await failure(between) { try await $0.deleteTrunk("ST_1", Sample.access) }
    #expect(error?.kind == .unreadableAnswer)
  }

  @Test(arguments: [
    (401, "unauthenticated", "invalid API key", CarrierError.Kind.keyUnknown),
    (401, "unauthenticated", "invalid token", .credentialsRefused),
    (401, "unauthenticated", "permissions denied", .notPermitted),
    (403, "permission_denied", "no", .notPermitted), (404, "not_found", "no", .notFound),
    (400, "invalid_argument", "no trunk numbers specified", .invalidRequest),
    (400, "invalid_argument", "Conflicting inbound SIP Trunks: one", .conflict),
    (400, "invalid_argument", "Conflicting SIP Dispatch Rules: one", .conflict),
    (500, "internal", "Conflicting inbound SIP Trunks: one", .conflict),
    (409, "already_exists", "no", .conflict), (412, "failed_precondition", "no", .conflict),
    (404, "bad_route", "no handler", .invalidRequest),
    (501, "unimplemented", "no", .invalidRequest),
    (400, "malformed", "no", .invalidRequest), (429, "resource_exhausted", "no", .limited),
  ])
  func saysWhatTheServerRefused(
    _ status: Int, _ code: String, _ message: String, _ kind: CarrierError.Kind
  ) async throws {
    let script = HTTPScript(
      .twirp(status, code, message), .twirp(status, code, message), .twirp(status, code, message))
    let error = try await write(script)
    #expect(error?.kind == kind)
    #expect(error?.effect == .refused)
    #expect(script.sent.count == (kind == .limited ? 3 : 1))
  }

  @Test func whatMayHaveBeenDoneIsNotAskedAgain() async throws {
    let lost: [(Result<HTTPResponse, HTTPClientError>, CarrierError.Kind)] = [
      (.twirp(500, "internal"), .unavailable), (.twirp(503, "unavailable"), .unavailable),
      (.twirp(408, "deadline_exceeded"), .unavailable), (.json(502, "<html>"), .unavailable),
      (.failure(.timedOut(.afterSend)), .unavailable),
      (.failure(.connectionLost(.afterSend)), .unavailable),
      (.failure(.malformedResponse), .unreadableAnswer),
      (.json(302, ""), .unreadableAnswer), (.json(200, "<html></html>"), .unreadableAnswer),
      (.json(200, ""), .unreadableAnswer),
      (.message(Livekit.SIPInboundTrunkInfo()), .unreadableAnswer),
    ]
    for (answer, kind) in lost {
      let script = HTTPScript(answer)
      let error = try await write(script)
      #expect(error?.kind == kind)
      #expect(error?.effect == .unknown)
      #expect(error?.isTransient == true)
      #expect(script.sent.count == 1)
    }
    let made = Livekit.SIPInboundTrunkInfo(sipTrunkID: "ST_1")
    let refused = HTTPScript(.failure(.unreachable), .message(made))
    #expect(try await write(refused) == nil)
    #expect(refused.sent.count == 2)
  }

  @Test func whatReadsIsAskedThreeTimes() async throws {
    let script = HTTPScript(
      .json(502, "<html>"), .failure(.timedOut(.afterSend)), .twirp(503, "unavailable"),
      .inboundTrunks())
    #expect(try await read(script)?.kind == .unavailable)
    #expect(script.sent.count == 3)
    let empty = HTTPScript(.json(200, "", [.init("Content-Type", "text/html")]))
    #expect(try await read(empty)?.kind == .unreadableAnswer)
    let asks = HTTPScript(
      .json(429, "", [.init("Retry-After", "30")]), .inboundTrunks())
    #expect(try await read(asks)?.retryAfter == .seconds(30))
    #expect(asks.sent.count == 1)
  }

  @Test func aRefusalTellsTheServersClock() async throws {
    // The time that the test holds is 2023-11-14 22:13:20.
    let late = try await read(
      HTTPScript(
        .json(
          401, "token is expired (exp)", [.init("Date", "Tue, 14 Nov 2023 23:13:20 GMT")])))
    #expect(late?.clockDifference == .seconds(3600))
    let none = try await read(HTTPScript(.json(401, "token is expired (exp)")))
    #expect(none?.clockDifference == nil)
  }

  /// Refusals of tokens are no Twirp errors: livekit/livekit, `pkg/service/auth.go`.
  @Test func errorsHoldNoNumberNoTokenAndNoKey() async throws {
    let token = AccessToken.make(.sipAdmin, Sample.access, now: time.now())
    let plain = try await read(
      HTTPScript(.json(401, "invalid token: \(token), error: token is expired (exp)")))
    #expect(plain?.kind == .credentialsRefused)
    #expect(plain?.message == "invalid token: ***.***.***, error: token is expired (exp)")
    let key = try await read(HTTPScript(.json(401, "invalid API key: APIfrontdesk")))
    #expect(key?.message == "invalid API key: ***")
    #expect(key?.kind == .keyUnknown)
    let number = try await write(
      HTTPScript(
        .twirp(
          400, "invalid_argument",
          "Conflicting inbound SIP Trunks: using the same number(s) [\(Sample.number)]")))
    #expect(
      number?.message == "Conflicting inbound SIP Trunks: using the same number(s) [+***]")
    let page = try await read(HTTPScript(.json(403, "<html>blocked</html>")))
    #expect(page?.kind == .notPermitted)
    #expect(page?.message == "HTTP status 403")
  }
}
