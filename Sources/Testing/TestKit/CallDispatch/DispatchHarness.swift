internal import Access
package import CallDispatch
package import Telephony

/// A dispatcher over memory: one provider in us1, one number with an agent, a carrier that accepts.
package struct DispatchHarness: Sendable {
  package static let e164 = "+15005550006"

  package let time: ManualTime
  package let store: MemoryCallStore
  package let carrier: FakeCarrierCalls
  package let credentials = FakeCredentialSource()
  package let routes = RouteDirectory()
  package let dispatcher: CallDispatcher

  /// Over the world of an earlier harness: what a restart finds, or with `isShared` what a second
  /// dispatch beside it does. `faults` hits the store's writes
  /// and the carrier. With `hold` time stands still until it is advanced, else a sleep makes it
  /// jump.
  package init(
    after earlier: DispatchHarness? = nil, faults: FaultInjector = FaultInjector(),
    regions: Set<Region> = [.us1, .ie1, .au1], emergency: Set<E164> = [], hold: Bool = false,
    isShared: Bool = false, callRetention: Duration? = nil
  ) async throws {
    let time = earlier?.time ?? ManualTime(hold ? .hold : .jump, now: CallSamples.epoch)
    self.time = time
    store = earlier?.store ?? MemoryCallStore()
    carrier = earlier?.carrier ?? FakeCarrierCalls(time: time)
    let urls = PublicURLs([
      .us1: "https://us1.example.com", .ie1: "https://ie1.example.com/",
      .au1: "https://au1.example.com",
    ])
    dispatcher = CallDispatcher(
      ports: .init(
        store: FaultyCallStore(store, faults), carrier: FaultyCarrierCalls(carrier, faults),
        credentials: credentials, tokens: FakeWebhookTokens(), tokenKey: FakeTokenKey(),
        signer: FakeWebhookSigner(),
        numberPlan: FakeNumberPlan(emergency: emergency), time: time, ids: SystemIDSource()),
      configuration: .init(
        regions: regions, publicURLs: urls, isShared: isShared, callRetention: callRetention),
      routes: routes)
    await dispatcher.begin()
    try publish()
  }

  /// The routes of the samples: provider, agent `helpful` and the number, in one snapshot.
  package func publish(signs: Bool = false, agent: String? = "helpful") throws {
    let (tenant, provider) = (CallSamples.tenant, CallSamples.provider)
    credentials.set(lease(signs: signs))
    routes.apply(.snapshotBegan)
    routes.apply(
      .changed(
        .setProvider(
          ProviderRoute(
            id: provider, tenant: tenant, account: CallSamples.account, region: .us1,
            signsWebhooks: signs)), at: nil))
    let target = AgentConnection.Target.mediaStream(
      url: "wss://agent.example.com/s",
      parameters: [StreamParameter(name: "own", value: "1")])
    routes.apply(
      .changed(
        .setAgent(
          AgentRoute(
            tenant: tenant, id: try AgentID("helpful"),
            connections: [AgentConnection(region: nil, target: target)])), at: nil))
    routes.apply(.changed(.setNumber(try number(agent: agent)), at: nil))
    routes.apply(.snapshotEnded(RoutePlace(epoch: "memory", revision: 1)))
  }

  package func number(agent: String? = "helpful") throws -> NumberRoute {
    NumberRoute(
      id: CallSamples.number, tenant: CallSamples.tenant, provider: CallSamples.provider,
      e164: try E164(Self.e164), webhookGeneration: 1, agent: try agent.map { try AgentID($0) })
  }

  package func lease(signs: Bool) -> CredentialLease {
    CredentialLease(
      provider: CallSamples.provider, account: CallSamples.account, region: .us1,
      authentication: .apiKey(APIKeySID(bits: 1), secret: Secret("secret")),
      signingTokens: signs ? [Secret("current"), Secret("staged")] : [])
  }

  /// A request of the sample number to `count` destinations.
  package func request(
    _ count: Int = 1, id: String? = nil, waitFor: PlaceRequest.WaitFor = .queued
  ) -> PlaceRequest {
    PlaceRequest(
      caller: .of(CallSamples.tenant), requestID: id, from: CallSamples.number,
      destinations: (0..<count).map { .init(to: "+1415555\(2000 + $0)", metadata: ["n": "\($0)"]) },
      waitFor: waitFor)
  }

  // MARK: The carrier's side

  /// What the carrier would post to the number's voice webhook.
  package func voice(
    call: UInt64, from: String = "+14155550100", to: String = DispatchHarness.e164,
    generation: UInt32 = 1, signature: String? = nil
  ) -> (WebhookRequest, VoiceWebhook) {
    let token = FakeWebhookTokens().token(forNumber: CallSamples.number, generation: generation)
    let path = WebhookPath.number(CallSamples.number, token, .voice)
    return (
      webhook(path, signature),
      VoiceWebhook(
        account: CallSamples.account, carrierCallID: CallSamples.carrierCallID(call), from: from,
        to: to)
    )
  }

  package func webhook(_ path: WebhookPath, _ signature: String? = nil) -> WebhookRequest {
    WebhookRequest(
      path: path, url: "https://us1.example.com\(path.text)", parameters: [], signature: signature)
  }

  /// A callback of an outbound call, over its own path.
  package func report(
    _ status: CarrierCallStatus, of call: Call, _ id: CarrierCallSID, sequence: Int? = nil
  ) async throws(DispatchError) {
    let token = FakeWebhookTokens().token(forCall: call.id)
    try await dispatcher.acceptStatus(
      webhook(.call(call.id, token, .status)),
      StatusWebhook(
        account: call.account, carrierCallID: id, status: status, sequence: sequence))
  }
}
