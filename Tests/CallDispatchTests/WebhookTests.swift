import CallDispatch
import Telephony
import TestKit
import Testing

struct WebhookTests {
  func expect(
    _ refusal: WebhookRefusal, _ harness: DispatchHarness,
    _ webhook: (WebhookRequest, VoiceWebhook), _ comment: Comment? = nil
  ) async {
    await #expect(throws: DispatchError.webhookRefused(refusal), comment) {
      try await harness.dispatcher.answerVoice(webhook.0, webhook.1)
    }
  }

  @Test func anInboundCallReachesItsAgent() async throws {
    let harness = try await DispatchHarness()
    let (request, webhook) = harness.voice(call: 7)
    let answer = try await harness.dispatcher.answerVoice(request, webhook)
    guard case .connect(.mediaStream(let url, let parameters)) = answer else {
      Issue.record("The call was answered with \(answer).")
      return
    }
    let call = try #require(harness.store.allCalls.first)
    #expect(url == "wss://agent.example.com/s")
    let values = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.value) })
    #expect(values["own"] == "1")
    #expect(values["call_id"] == call.id.description)
    #expect(values["from"] == "+14155550100")
    #expect(values["direction"] == "inbound")
    #expect(call.state == .inProgress)
    #expect(call.direction == .inbound)
    #expect(call.region == .us1)
    #expect(call.agent?.description == "helpful")
  }

  /// While a number is being moved, the token tells which region calls.
  @Test func aCallOfEitherRegionIsThatRegionsCall() async throws {
    let harness = try await DispatchHarness()
    let target = ProviderRoute(
      id: ProviderID(bits: 77), tenant: CallSamples.tenant, account: CallSamples.account,
      region: .ie1, signsWebhooks: false)
    harness.routes.apply(.changed(.setProvider(target), at: nil))
    let (early, first) = harness.voice(call: 7, generation: 2)
    await expect(.tokenUnknown, harness, (early, first))
    var number = try harness.number()
    number.pendingProvider = target.id
    harness.routes.apply(.changed(.setNumber(number), at: nil))
    _ = try await harness.dispatcher.answerVoice(early, first)
    let (request, webhook) = harness.voice(call: 8)
    _ = try await harness.dispatcher.answerVoice(request, webhook)
    let calls = harness.store.allCalls.sorted { $0.region < $1.region }
    #expect(calls.map(\.region) == [.ie1, .us1])
    #expect(calls.map(\.provider) == [target.id, CallSamples.provider])
    await expect(.tokenUnknown, harness, harness.voice(call: 9, generation: 3))
  }

  /// A call that began before its number had moved ends with the token that it began with.
  @Test func aCallIsFollowedToItsEndAfterAMove() async throws {
    let harness = try await DispatchHarness()
    let (request, webhook) = harness.voice(call: 7)
    _ = try await harness.dispatcher.answerVoice(request, webhook)
    let moved = ProviderRoute(
      id: ProviderID(bits: 77), tenant: CallSamples.tenant, account: CallSamples.account,
      region: .ie1, signsWebhooks: false)
    harness.routes.apply(.changed(.setProvider(moved), at: nil))
    var number = try harness.number()
    number.provider = moved.id
    number.webhookGeneration = 2
    harness.routes.apply(.changed(.setNumber(number), at: nil))
    func end(_ generation: UInt32, _ call: UInt64) async throws {
      let token = FakeWebhookTokens().token(
        forNumber: CallSamples.number, generation: generation)
      try await harness.dispatcher.acceptStatus(
        harness.webhook(.number(CallSamples.number, token, .status)),
        StatusWebhook(
          account: CallSamples.account, carrierCallID: CallSamples.carrierCallID(call),
          status: .completed))
    }
    // What is not our call, or of no neighbouring generation, is a stranger's.
    await #expect(throws: DispatchError.webhookRefused(.tokenUnknown)) { try await end(1, 8) }
    await #expect(throws: DispatchError.webhookRefused(.tokenUnknown)) { try await end(4, 7) }
    try await end(1, 7)
    #expect(harness.store.allCalls.map(\.state) == [.completed])
    await expect(.tokenUnknown, harness, harness.voice(call: 9))
  }

  @Test func theSameWebhookAgainGetsTheSameAnswer() async throws {
    let harness = try await DispatchHarness()
    let (request, webhook) = harness.voice(call: 7)
    let first = try await harness.dispatcher.answerVoice(request, webhook)
    try harness.publish(agent: nil)
    let second = try await harness.dispatcher.answerVoice(request, webhook)
    #expect(first == second)
    #expect(harness.store.allCalls.count == 1)
  }

  @Test func anUnassignedNumberRejectsOrGoesToItsFormerURL() async throws {
    let harness = try await DispatchHarness()
    try harness.publish(agent: nil)
    let rejected = harness.voice(call: 1)
    #expect(
      try await harness.dispatcher.answerVoice(rejected.0, rejected.1) == .reject(.rejected))
    var number = try harness.number(agent: nil)
    number.unassignedURL = "https://former.example.com/v"
    number.unassignedMethod = .get
    let place = RoutePlace(epoch: "memory", revision: 2)
    harness.routes.apply(.changed(.setNumber(number), at: place))
    let redirected = harness.voice(call: 2)
    #expect(
      try await harness.dispatcher.answerVoice(redirected.0, redirected.1)
        == .redirect(url: "https://former.example.com/v", method: .get))
  }

  @Test func aForgedWebhookIsRefusedAndWritesNothing() async throws {
    let harness = try await DispatchHarness()
    await expect(.tokenUnknown, harness, harness.voice(call: 1, generation: 2), "stale")
    await expect(.subjectMismatch, harness, harness.voice(call: 1, to: "+15005550009"), "to")
    var (request, webhook) = harness.voice(call: 1)
    webhook.account = AccountSID(bits: 99)
    await expect(.subjectMismatch, harness, (request, webhook), "account")
    let token = FakeWebhookTokens().token(forNumber: CallSamples.number, generation: 1)
    request = harness.webhook(.number(PhoneNumberID(bits: 99), token, .voice))
    await expect(.tokenUnknown, harness, (request, harness.voice(call: 1).1), "number")
    request = harness.webhook(.number(CallSamples.number, token, .status))
    await expect(.tokenUnknown, harness, (request, harness.voice(call: 1).1), "purpose")
    request = harness.webhook(.call(CallSamples.outbound(1).id, token, .voice))
    await expect(.tokenUnknown, harness, (request, harness.voice(call: 1).1), "call")
    #expect(harness.store.allCalls.isEmpty)
  }

  @Test func aSignatureIsRequiredWhereATokenIsHeld() async throws {
    let harness = try await DispatchHarness()
    try harness.publish(signs: true)
    await expect(.signatureMissing, harness, harness.voice(call: 1))
    await expect(.signatureWrong, harness, harness.voice(call: 1, signature: "signed by x"))
    for token in ["current", "staged"] {
      let signature = FakeWebhookSigner.signature(by: token)
      let (request, webhook) = harness.voice(call: 1, signature: signature)
      _ = try await harness.dispatcher.answerVoice(request, webhook)
    }
    #expect(harness.store.allCalls.count == 1)
    #expect(harness.store.allCalls.first?.work?.kind == .refresh)
    harness.credentials.fail(.unavailable)
    await #expect(throws: DispatchError.credentials(CallSamples.provider, .unavailable)) {
      let (request, webhook) = harness.voice(call: 2, signature: "x")
      return try await harness.dispatcher.answerVoice(request, webhook)
    }
  }

  @Test func withoutRoutesNothingIsAnswered() async throws {
    let harness = try await DispatchHarness()
    let empty = CallDispatcher(
      ports: .init(
        store: harness.store, carrier: harness.carrier, credentials: harness.credentials,
        tokens: FakeWebhookTokens(), tokenKey: FakeTokenKey(), signer: FakeWebhookSigner(),
        numberPlan: FakeNumberPlan(), time: harness.time, ids: SystemIDSource()),
      configuration: .init(regions: [.us1], publicURLs: PublicURLs([:])), routes: RouteDirectory())
    let (request, webhook) = harness.voice(call: 1)
    await #expect(throws: DispatchError.routesNotReady) {
      try await empty.answerVoice(request, webhook)
    }
  }

  @Test func anUnsignedCallIsLookedUpAfterwards() async throws {
    let harness = try await DispatchHarness()
    let real = CarrierCall(
      id: CallSamples.carrierCallID(1), status: .inProgress, from: "+14155550100",
      to: DispatchHarness.e164, isInbound: true, createTime: CallSamples.epoch)
    harness.carrier.add(real)
    var other = real
    other.id = CallSamples.carrierCallID(2)
    other.to = "+15005550009"
    harness.carrier.add(other)
    for index in 1...4 {
      let (request, webhook) = harness.voice(call: UInt64(index))
      _ = try await harness.dispatcher.answerVoice(request, webhook)
    }
    func work(seconds: Int) async {
      for _ in 0..<seconds {
        await harness.dispatcher.runUntilIdle()
        harness.time.advance(by: .seconds(1))
      }
    }
    func call(_ index: UInt64) async throws -> Call? {
      try await harness.store.call(
        account: CallSamples.account, carrierCallID: CallSamples.carrierCallID(index))
    }
    await work(seconds: 1)
    #expect(try await call(1)?.state == .inProgress)
    #expect(try await call(2)?.endReason == .unverified)
    // The carrier may show a call late: that it is absent for a while is no mismatch.
    await work(seconds: 24)
    #expect(try await call(3)?.state == .inProgress)
    #expect(try await call(4)?.state == .inProgress)
    var late = real
    late.id = CallSamples.carrierCallID(4)
    harness.carrier.add(late)
    await work(seconds: 15)
    #expect(try await call(3)?.endReason == .unverified)
    #expect(try await call(4)?.state == .inProgress)
    #expect(try await call(4)?.work?.kind == .refresh)
    #expect(try await call(2)?.work == nil)
    #expect(harness.carrier.ended == [CallSamples.carrierCallID(2)])
  }

  @Test func anOutboundCallIsFollowedToItsEnd() async throws {
    let harness = try await DispatchHarness()
    let placed = try await harness.dispatcher.placeCalls(harness.request())
    let call = try #require(placed.first?.call)
    await harness.dispatcher.runUntilIdle()
    let id = try #require(harness.carrier.calls.first?.id)
    try await harness.report(.initiated, of: call, id, sequence: 0)
    try await harness.report(.ringing, of: call, id, sequence: 1)
    let token = FakeWebhookTokens().token(forCall: call.id)
    let request = harness.webhook(.call(call.id, token, .voice))
    let webhook = VoiceWebhook(
      account: CallSamples.account, carrierCallID: id, from: call.from.text, to: call.to.text)
    let answer = try await harness.dispatcher.answerVoice(request, webhook)
    guard case .connect(.mediaStream(_, let parameters)) = answer else {
      Issue.record("The call was answered with \(answer).")
      return
    }
    #expect(parameters.contains(StreamParameter(name: "metadata.n", value: "0")))
    #expect(try await harness.dispatcher.answerVoice(request, webhook) == answer)
    try await harness.report(.completed, of: call, id, sequence: 3)
    try await harness.report(.inProgress, of: call, id, sequence: 2)
    try await harness.report(.completed, of: call, id, sequence: 3)
    let ended = try #require(try await harness.store.call(call.id))
    #expect(ended.state == .completed)
    #expect(ended.work == nil)
    let stranger = CallSamples.carrierCallID(999)
    await #expect(throws: Never.self) {
      try await harness.report(.busy, of: ended, stranger, sequence: 9)
    }
    #expect(try await harness.store.call(call.id) == ended)
  }

  @Test func aCallbackOfAnotherCallIsRefused() async throws {
    let harness = try await DispatchHarness()
    let call = try #require(try await harness.dispatcher.placeCalls(harness.request()).first?.call)
    await harness.dispatcher.runUntilIdle()
    await #expect(throws: DispatchError.webhookRefused(.subjectMismatch)) {
      try await harness.report(.busy, of: call, CallSamples.carrierCallID(999), sequence: 9)
    }
    #expect(try await harness.store.call(call.id)?.state == .dialing)
  }

  @Test func pathsAreReadAsTheyAreWritten() throws {
    let token = WebhookToken(bits: 0xab)
    let call = CallID(region: .ie1, bits: 5)
    let paths: [WebhookPath] = [
      .number(CallSamples.number, token, .voice), .number(CallSamples.number, token, .status),
      .call(call, token, .voice), .call(call, token, .status),
    ]
    for path in paths { #expect(WebhookPath(path.text) == path) }
    let bad = [
      "", "/", "/v1", "/v1/numbers", paths[0].text + "/", "/" + paths[0].text,
      paths[0].text + "x", paths[0].text.replacing("numbers", with: "calls"),
      paths[0].text.replacing("ab/", with: "AB/"), paths[2].text.replacing("ie1", with: "de1"),
    ]
    for text in bad { #expect(WebhookPath(text) == nil, "\(text)") }
    #expect(!"\(token)".contains("ab"))
  }
}
