import CallDispatch
import Telephony
import TestKit
import Testing

struct PlaceCallsTests {
  func calls(_ results: [PlaceResult]) -> [Call] { results.compactMap(\.call) }

  @Test func eachDestinationGetsItsResultInOrder() async throws {
    let emergency = try E164("+15555550911")
    let harness = try await DispatchHarness(emergency: [emergency])
    var request = harness.request(2)
    request.destinations = [
      .init(to: "+14155552000"), .init(to: "0123"), .init(to: emergency.text),
      .init(to: "+123"), .init(to: "+14155552000"), .init(to: DispatchHarness.e164),
      .init(to: "+14155552001", metadata: ["k": "v"]),
    ]
    let results = try await harness.dispatcher.placeCalls(request)
    #expect(results.count == 7)
    #expect(results[0].call?.to.text == "+14155552000")
    #expect(results[1] == .refused(.malformed))
    #expect(results[2] == .refused(.emergency))
    #expect(results[3] == .refused(.impossible))
    #expect(results[4] == .refused(.repeated))
    #expect(results[5] == .refused(.sameAsFrom))
    #expect(results[6].call?.metadata == ["k": "v"])
    #expect(results[6].call?.state == .queued)
    #expect(harness.carrier.posts.isEmpty)
    await harness.dispatcher.runUntilIdle()
    #expect(harness.carrier.posts.values.sorted() == [1, 1])
    #expect(harness.store.allCalls.allSatisfy { $0.state == .dialing && $0.carrierCallID != nil })
  }

  @Test func theDialCarriesTheCallsOwnToken() async throws {
    let harness = try await DispatchHarness()
    let call = try #require(calls(try await harness.dispatcher.placeCalls(harness.request())).first)
    await harness.dispatcher.runUntilIdle()
    let id = try #require(harness.carrier.calls.first?.id)
    let order = try #require(harness.carrier.order(of: id))
    let token = FakeWebhookTokens().token(forCall: call.id)
    #expect(order.voiceURL == "https://us1.example.com/v1/calls/\(call.id)/\(token.text)/voice")
    #expect(order.statusURL == "https://us1.example.com/v1/calls/\(call.id)/\(token.text)/status")
    #expect(order.ringingTimeoutSeconds == 60)
    #expect(order.from.text == DispatchHarness.e164)
  }

  @Test func aRequestIDGivesTheSameCallsAgain() async throws {
    let harness = try await DispatchHarness()
    let first = try await harness.dispatcher.placeCalls(harness.request(3, id: "r"))
    await harness.dispatcher.runUntilIdle()
    // Whatever became of the number meanwhile.
    harness.routes.apply(
      .changed(.removeNumber(CallSamples.number), at: RoutePlace(epoch: "memory", revision: 2)))
    let second = try await harness.dispatcher.placeCalls(harness.request(3, id: "r"))
    #expect(calls(second).map(\.id) == calls(first).map(\.id))
    #expect(calls(second).allSatisfy { $0.state == .dialing })
    #expect(harness.carrier.posts.values.allSatisfy { $0 == 1 })
    var other = harness.request(3, id: "r")
    other.destinations[1].metadata["n"] = "another"
    await #expect(throws: DispatchError.self) {
      try await harness.dispatcher.placeCalls(other)
    }
    #expect(harness.store.allCalls.count == 3)
  }

  @Test func whatTheRequestGetsWrongIsNamedByField() async throws {
    let harness = try await DispatchHarness()
    var request = harness.request(0, id: "has space")
    request.ringingTimeoutSeconds = 4
    request.timeLimitSeconds = 0
    await #expect {
      try await harness.dispatcher.placeCalls(request)
    } throws: { error in
      guard case .invalid(let violations) = error as? DispatchError else { return false }
      return violations.map(\.field)
        == ["request_id", "outbound_calls", "ringing_timeout", "time_limit"]
    }
    let bad: [[String: String]] = [
      ["": "v"], ["k": "a\u{0}b"], [String(repeating: "k", count: 41): ""],
      ["k": String(repeating: "v", count: 401)],
      Dictionary(uniqueKeysWithValues: (0..<17).map { ("\($0)", "") }),
    ]
    for metadata in bad {
      var request = harness.request(2)
      request.destinations[1].metadata = metadata
      await #expect {
        try await harness.dispatcher.placeCalls(request)
      } throws: { error in
        guard case .invalid(let violations) = error as? DispatchError else { return false }
        return violations.map(\.field) == ["outbound_calls[1].metadata"]
      }
    }
    await #expect(throws: DispatchError.self) {
      try await harness.dispatcher.placeCalls(harness.request(101))
    }
    #expect(harness.store.allCalls.isEmpty)
  }

  @Test func theNumberAndTheAgentMustBeThere() async throws {
    let harness = try await DispatchHarness()
    func fails(_ error: DispatchError, _ request: PlaceRequest) async {
      await #expect(throws: error) { try await harness.dispatcher.placeCalls(request) }
    }
    var request = harness.request()
    request.caller = .of(CallSamples.otherTenant)
    await fails(.numberNotFound(CallSamples.number), request)
    request = harness.request()
    request.agent = try AgentID("nobody")
    await fails(.agentNotFound(try AgentID("nobody")), request)
    try harness.publish(agent: nil)
    await fails(.agentMissing(CallSamples.number), harness.request())
    request.agent = try AgentID("helpful")
    _ = try await harness.dispatcher.placeCalls(request)
    var number = try harness.number()
    number.placesOutbound = false
    let place = RoutePlace(epoch: "memory", revision: 2)
    harness.routes.apply(.changed(.setNumber(number), at: place))
    await fails(.numberNotReady(CallSamples.number, .outboundOff), harness.request())
    // A number of a SIP trunk has a provider that no dispatch knows; it is told apart all the same.
    number.placesOutbound = true
    number.isSIP = true
    harness.routes.apply(.changed(.setNumber(number), at: place))
    await fails(.numberNotReady(CallSamples.number, .dialledByGateway), harness.request())
    #expect(harness.carrier.posts.isEmpty)
    let elsewhere = try await DispatchHarness(regions: [.ie1])
    await #expect(throws: DispatchError.otherRegion(.us1)) {
      try await elsewhere.dispatcher.placeCalls(elsewhere.request())
    }
  }

  @Test func refusalsWithoutEffectAreRepeatedAndOthersFail() async throws {
    let harness = try await DispatchHarness()
    harness.carrier.script([
      .refuse(CarrierRefusal(.throttled, code: 20_429)), .refuse(CarrierRefusal(.unreachable)),
    ])
    let call = try #require(calls(try await harness.dispatcher.placeCalls(harness.request())).first)
    for _ in 0..<3 {
      await harness.dispatcher.runUntilIdle()
      harness.time.advance(by: .seconds(11))
    }
    let dialled = try #require(try await harness.store.call(call.id))
    #expect(dialled.carrierCallID != nil)
    #expect(dialled.dial?.refusals == 2)
    harness.carrier.script([.refuse(CarrierRefusal(.notAllowed, code: 21_215))])
    var request = harness.request(2)
    request.destinations.removeFirst()
    let other = try #require(calls(try await harness.dispatcher.placeCalls(request)).first)
    await harness.dispatcher.runUntilIdle()
    let failed = try #require(try await harness.store.call(other.id))
    #expect(failed.endReason == .carrierRefused)
    #expect(failed.carrierCode == 21_215)
  }

  @Test func aLostDialIsFoundByListing() async throws {
    let harness = try await DispatchHarness()
    harness.carrier.script([.loseAfter])
    let call = try #require(calls(try await harness.dispatcher.placeCalls(harness.request())).first)
    await harness.dispatcher.runUntilIdle()
    let lost = try #require(try await harness.store.call(call.id))
    #expect(lost.outcomeUnknown)
    // None is dialled to the same destination meanwhile.
    let again = try await harness.dispatcher.placeCalls(harness.request())
    #expect(again == [.refused(.attemptUnresolved)])
    // The carrier shows it late.
    let id = try #require(harness.carrier.calls.first?.id)
    harness.carrier.hide(id)
    harness.time.advance(by: .seconds(3))
    await harness.dispatcher.runUntilIdle()
    #expect(try await harness.store.call(call.id)?.outcomeUnknown == true)
    harness.carrier.hide(id, false)
    harness.time.advance(by: .seconds(10))
    await harness.dispatcher.runUntilIdle()
    let found = try #require(try await harness.store.call(call.id))
    #expect(found.carrierCallID == id)
    #expect(!found.outcomeUnknown)
    #expect(harness.carrier.posts.values.allSatisfy { $0 == 1 })
  }

  @Test func anotherCallOfTheSameNumbersIsNotTakenForTheLostOne() async throws {
    let harness = try await DispatchHarness()
    let to = "+14155552000"
    func foreign(_ index: UInt64, at seconds: Int) -> CarrierCall {
      CarrierCall(
        id: CallSamples.carrierCallID(index), status: .completed, from: DispatchHarness.e164,
        to: to, isInbound: false, createTime: CallSamples.time(seconds))
    }
    harness.carrier.add(foreign(900, at: -3600))
    harness.carrier.script([.loseBefore])
    let call = try #require(calls(try await harness.dispatcher.placeCalls(harness.request())).first)
    await harness.dispatcher.runUntilIdle()
    harness.time.advance(by: .seconds(10))
    await harness.dispatcher.runUntilIdle()
    #expect(try await harness.store.call(call.id)?.outcomeUnknown == true)
    harness.time.advance(by: .seconds(86_400))
    await harness.dispatcher.runUntilIdle()
    let failed = try #require(try await harness.store.call(call.id))
    #expect(failed.endReason == .outcomeUnknown)
    #expect(failed.outcomeUnknown)
    #expect(harness.carrier.posts.isEmpty)
  }

  @Test func aCallbackFindsALostDial() async throws {
    let harness = try await DispatchHarness()
    harness.carrier.script([.loseAfter])
    let call = try #require(calls(try await harness.dispatcher.placeCalls(harness.request())).first)
    await harness.dispatcher.runUntilIdle()
    let id = try #require(harness.carrier.calls.first?.id)
    try await harness.report(.ringing, of: call, id, sequence: 1)
    let found = try #require(try await harness.store.call(call.id))
    #expect(found.state == .ringing)
    #expect(!found.outcomeUnknown)
    #expect(found.carrierCallID == id)
  }

  @Test func twoCallsToOneDestinationGoOneAfterTheOther() async throws {
    let harness = try await DispatchHarness()
    let first = try #require(
      calls(try await harness.dispatcher.placeCalls(harness.request())).first)
    harness.time.advance(by: .seconds(1))
    let second = try #require(
      calls(try await harness.dispatcher.placeCalls(harness.request())).first)
    harness.carrier.script([.loseBefore])
    await harness.dispatcher.runUntilIdle()
    #expect(try await harness.store.call(first.id)?.outcomeUnknown == true)
    #expect(try await harness.store.call(second.id)?.state == .queued)
    harness.time.advance(by: .seconds(301))
    await harness.dispatcher.runUntilIdle()
    #expect(try await harness.store.call(second.id)?.endReason == .attemptUnresolved)
    #expect(harness.carrier.posts.isEmpty)
  }
}
