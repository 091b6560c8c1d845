import Telephony
import TestKit
import Testing

@testable import Registry

/// A registry on a memory store and a fake carrier, with one account that has keys in us1 and ie1.
struct Harness {
  static let tenant = Sample.tenant
  static let account = Sample.account(1)
  static let former = Sample.voice

  let store: MemoryRegistryStore
  let carrier: FakeCarrier
  let gateway: FakeGateway
  let market: FakeMarket
  let trunks: FakeTrunkCarrier
  let time: ManualTime
  let ids: CountingIDs
  let context: RegistryContext

  var providers: Providers { Providers(context) }
  var numbers: PhoneNumbers { PhoneNumbers(context) }
  var agents: Agents { Agents(context) }

  init(
    regions: Set<Region> = Set(Region.allCases), time: ManualTime = ManualTime(),
    quotas: [Quota] = [], background: BackgroundTasks = BackgroundTasks()
  ) {
    let store = MemoryRegistryStore()
    let carrier = FakeCarrier()
    carrier.addKey(Sample.key(1), secret: "us-secret", account: Self.account, region: .us1)
    carrier.addKey(Sample.key(2), secret: "ie-secret", account: Self.account, region: .ie1)
    self.init(
      store: store, carrier: carrier, port: carrier, storePort: store, time: time,
      ids: CountingIDs(), regions: regions, quotas: quotas, background: background)
  }

  init(
    store: MemoryRegistryStore, carrier: FakeCarrier, port: any Carrier,
    storePort: any RegistryStore, time: ManualTime, ids: CountingIDs,
    regions: Set<Region> = Set(Region.allCases), host: String = "hooks.example.test",
    quotas: [Quota] = [],
    process: RegistryProcessID? = nil, market: FakeMarket? = nil,
    marketFaults: FaultInjector? = nil, platform: PlatformAccount? = nil,
    background: BackgroundTasks = BackgroundTasks(),
    gateway: FakeGateway = FakeGateway(), gatewayPort: (any SIPGateway)? = nil,
    trunks: FakeTrunkCarrier? = nil, trunkPort: (any TrunkCarrier)? = nil,
    trunkCredentials: FakeTrunkCredentials = FakeTrunkCredentials()
  ) {
    let market = market ?? FakeMarket(carrier)
    self.market = market
    let trunks = trunks ?? FakeTrunkCarrier(carrier)
    self.trunks = trunks
    self.store = store
    self.carrier = carrier
    self.gateway = gateway
    self.time = time
    self.ids = ids
    self.context = RegistryContext(
      store: storePort, carrier: port, gateway: gatewayPort ?? gateway,
      trunks: trunkPort ?? trunks, trunkCredentials: trunkCredentials, sealer: FakeSealer(),
      webhooks: FakeWebhookEndpoints(regions: regions, host: host), numberPlan: FakeNumberPlan(),
      time: time,
      ids: ids, quotas: quotas, process: process, auditRetention: .seconds(400 * 24 * 3600),
      market: marketFaults.map { FaultyMarket(market, $0) as any NumberMarket } ?? market,
      platform: platform,
      background: background)
  }

  /// One of several registries on the same store and carrier, with a clock of its own.
  func sharing(_ process: Int, _ time: ManualTime, _ injector: FaultInjector? = nil) -> Harness {
    Harness(
      store: store, carrier: carrier, port: carrier,
      storePort: injector.map { FaultyRegistryStore(store, $0) as any RegistryStore } ?? store,
      time: time, ids: ids, process: RegistryProcessID(bits: UInt128(process)), market: market,
      gateway: gateway, trunks: trunks)
  }

  /// The same store and carrier under a new process, through ports that may fail.
  func restarted(_ injector: FaultInjector? = nil) -> Harness {
    Harness(
      store: store, carrier: carrier,
      port: injector.map { FaultyCarrier(carrier, $0) as any Carrier } ?? carrier,
      storePort: injector.map { FaultyRegistryStore(store, $0) as any RegistryStore } ?? store,
      time: time, ids: ids, market: market, marketFaults: injector, gateway: gateway,
      gatewayPort: injector.map { FaultyGateway(gateway, $0) as any SIPGateway }, trunks: trunks,
      trunkPort: injector.map { FaultyTrunkCarrier(trunks, $0) as any TrunkCarrier })
  }

  static func input(_ region: Region = .us1) -> ProviderInput {
    ProviderInput(
      displayName: "Main", region: .value(region),
      twilio: TwilioInput(
        accountSID: account.description,
        apiKeySID: (region == .us1 ? Sample.key(1) : Sample.key(2)).description,
        apiKeySecret: Secret(region == .us1 ? "us-secret" : "ie-secret")))
  }

  func link(_ region: Region = .us1) async throws -> Provider {
    try await providers.create(
      CreateProvider(provider: Self.input(region)), by: .of(Self.tenant))
  }

  /// Puts a number into the account at the carrier.
  func buy(_ number: Int, processingRegion: Region? = nil) throws {
    carrier.addNumber(
      Sample.sid(number), try Sample.e164(number), account: Self.account,
      voice: [.us1: Self.former, .ie1: VoiceSettings(voiceURL: "https://former.test/ie1")],
      processingRegion: processingRegion)
  }

  func importNumber(
    _ number: Int, _ provider: Provider, requestID: String = "", inbound: Bool? = nil
  ) async throws -> PhoneNumber {
    try await numbers.importNumber(
      ImportPhoneNumber(
        providerID: provider.id.description, e164: try Sample.e164(number).text,
        label: "n\(number)", supportsInbound: inbound, requestID: requestID),
      by: .of(Self.tenant))
  }

  func addAgent(_ id: String) async throws -> Agent {
    let input = AgentInput(
      id: id,
      connections: [
        AgentConnectionInput(
          target: .mediaStream(url: "wss://agent.test/stream", parameters: [:]))
      ])
    return try await agents.create(CreateAgent(agent: input), by: .of(Self.tenant)).agent
  }
}

/// The registry error that `body` throws; nil when it throws none.
func failure<Result>(
  _ body: () async throws -> Result
) async -> RegistryError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? RegistryError
  }
}

/// The fields of an invalid argument, with their reasons.
func fields(_ error: RegistryError?) -> [String: FieldViolation.Reason] {
  guard case .invalidArgument(let violations) = error else { return [:] }
  return Dictionary(
    violations.map { ($0.field, $0.reason) }, uniquingKeysWith: { first, _ in first })
}

/// What the carrier refused; nil when it was no carrier's error.
func refusal(_ error: RegistryError?) -> CarrierError.Kind? {
  guard case .carrier(let failure) = error else { return nil }
  return failure.kind
}
