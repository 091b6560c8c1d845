import CallDispatch
import Telephony
import TestKit
import Testing

/// A call's record has no password; its answer has the agent's of the moment.
struct SIPPasswordTests {
  private let uri = "sip:agent@example.com"

  private func sealed(_ byte: UInt8) -> SealedBytes {
    SealedBytes(keyName: "k\(byte)", bytes: [byte], associatedData: [9])
  }

  private func answer(_ password: SealedBytes?) -> CallAnswer {
    .connect(.sip(uri: uri, login: SIPLogin(username: "trunk", password: password)))
  }

  private func publish(_ harness: DispatchHarness, _ password: SealedBytes?) throws {
    let login = SIPLogin(username: "trunk", password: password)
    harness.routes.apply(
      .changed(
        .setAgent(
          AgentRoute(
            tenant: CallSamples.tenant, id: try AgentID("helpful"),
            connections: [
              AgentConnection(region: .ie1, target: .sip(uri: "sip:other@b.test", login: login)),
              AgentConnection(region: nil, target: .sip(uri: uri, login: login)),
            ])), at: nil))
  }

  @Test func aRepeatedWebhookGetsThePasswordOfNow() async throws {
    let harness = try await DispatchHarness()
    try publish(harness, sealed(1))
    let (request, webhook) = harness.voice(call: 7)
    #expect(try await harness.dispatcher.answerVoice(request, webhook) == answer(sealed(1)))
    #expect(harness.store.allCalls.map(\.answer) == [answer(nil)])
    // Sealed anew, or replaced, meanwhile.
    try publish(harness, sealed(2))
    #expect(try await harness.dispatcher.answerVoice(request, webhook) == answer(sealed(2)))
    try publish(harness, nil)
    #expect(try await harness.dispatcher.answerVoice(request, webhook) == answer(nil))
  }

  @Test func aCallOfAnEarlierVersionKeepsItsOwn() async throws {
    let harness = try await DispatchHarness()
    try publish(harness, sealed(2))
    var call = CallSamples.inbound(1, carrierCall: 7)
    call.agent = try AgentID("helpful")
    call.answer = answer(sealed(1))
    _ = try await harness.store.createInbound(call)
    let (request, webhook) = harness.voice(call: 7)
    #expect(try await harness.dispatcher.answerVoice(request, webhook) == answer(sealed(1)))
  }
}
