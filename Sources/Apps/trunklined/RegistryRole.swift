internal import Access
internal import GRPC
internal import Keyring
internal import LiveKit
internal import NumberPlan
internal import Registry
internal import Services
internal import StoreSQL
internal import Telemetry
internal import Telephony
internal import Twilio

/// The registry of this process: its store, its use cases and what it serves.
struct RegistryRole: Sendable {
  /// The public contract and the internal service.
  let services: [any Service]
  /// What a dispatch in this process asks.
  let internalServices: [any Service]
  /// For authentication: what looks tokens up and makes the first one.
  let tokens: Tokens
  /// Where a token's use is told; written down by ``run()``.
  let tokenUses = TokenUses()
  private let tokenFeed: TokenFeed
  private let context: RegistryContext
  /// nil: it is turned off.
  private let sweep: DriftSweep?
  private let store: SQLRegistryStore
  private let log: Logger

  init(_ parts: ServerParts) async throws(ServeError) {
    let store = try await parts.stores.registry()
    try await Self.check(store, parts)
    context = RegistryContext(
      store: store,
      carrier: TwilioCarrier(client: parts.client, endpoints: parts.endpoints, time: parts.time),
      gateway: LiveKitGateway(client: parts.client, time: parts.time),
      trunks: TwilioTrunks(client: parts.client, endpoints: parts.endpoints, time: parts.time),
      trunkCredentials: KeyringTrunkCredentials(parts.keyring),
      allowsPlainGateways: parts.configuration.isInsecure,
      sealer: parts.sealer,
      webhooks: WebhookURLs(publicURLs: parts.configuration.publicURLs, tokens: parts.tokens),
      numberPlan: LibPhoneNumberPlan(), time: parts.time, ids: SystemIDSource(),
      quotas: parts.configuration.access.quotas,
      process: parts.stores.registryProcess(parts.time),
      auditRetention: parts.configuration.auditRetention.period,
      moveOverlap: parts.configuration.moveOverlap,
      credentialWindow: parts.configuration.credentialWindow,
      market: TwilioMarket(client: parts.client, endpoints: parts.endpoints, time: parts.time),
      purchaseSettling: parts.configuration.purchaseSettling,
      platform: parts.configuration.platform)
    let interval = parts.configuration.sweepInterval
    sweep = interval > .zero ? DriftSweep(context, interval: interval) : nil
    self.store = store
    let feed = context.feed
    parts.stores.whenNoticed { feed.wake() }
    tokens = Tokens(context, directory: parts.directory, hasher: SHA256TokenHasher())
    tokenFeed = TokenFeed(context.feed, parts.directory, time: parts.time)
    log = parts.log.with(["role": "registry"])
    let auditLog = AuditLog(context)
    let providers = Providers(context)
    let routes = RouteServiceHandler(
      feed: context.feed, store: store, sealer: parts.sealer, tokens: tokens,
      providers: providers, log: auditLog, time: parts.time)
    internalServices = [routes]
    services = [
      ProviderServiceHandler(providers, Self.diagnoses(context, parts)),
      PhoneNumberServiceHandler(PhoneNumbers(context)), AgentServiceHandler(Agents(context)),
      SoftphoneServiceHandler(Agents(context, .softphone)),
      OperationServiceHandler(Operations(context)), TokenServiceHandler(tokens),
      AuditServiceHandler(auditLog), routes,
    ]
  }

  private static func diagnoses(_ context: RegistryContext, _ parts: ServerParts) -> Diagnoses {
    Diagnoses(
      context,
      carrier: TwilioDiagnostics(
        client: parts.client, endpoints: parts.endpoints, time: parts.time),
      publicURLs: PublicURLClient(
        publicURLs: parts.configuration.publicURLs,
        reachability: KeyringReachability(parts.keyring), client: parts.client))
  }

  /// Refuses a keyring that can't open what is stored: each call that needs it would fail.
  private static func check(
    _ store: SQLRegistryStore, _ parts: ServerParts
  ) async throws(ServeError) {
    let problems: [SealCheck.Problem]
    do throws(StoreError) {
      problems = try await SealCheck(store: store, sealer: parts.sealer).problems()
    } catch {
      // What is damaged is told to whoever asks for it; the rest is served.
      if case .damaged(let cause) = error {
        return parts.log.error(
          "it can't be told whether the keyring fits the database, which is damaged",
          ["cause": .text(cause)])
      }
      throw .seals("\(error)")
    }
    guard problems.isEmpty else { throw .foreignKeyring(parts.configuration.keyring, problems) }
  }

  /// What would not open with this sealer; nil when the store can't tell.
  func sealProblems(_ sealer: KeyringSealer) async -> [SealCheck.Problem]? {
    try? await SealCheck(store: store, sealer: sealer).problems()
  }

  /// How often old request ids and history are forgotten, and stopped work is resumed.
  private static let housekeepingInterval: Duration = .seconds(3600)

  /// The wait after the first failed try to resume; doubles up to the second.
  private static let resumeDelayFirst: Duration = .seconds(1)
  private static let resumeDelayMax: Duration = .seconds(60)

  /// Goes on with what an earlier run left open; again and again while the store refuses.
  private func resume() async {
    var delay = Self.resumeDelayFirst
    while true {
      do throws(RegistryError) {
        return try await context.resume()
      } catch {
        log.error("the journal could not be resumed", ["error": .text("\(error)")])
      }
      guard (try? await context.time.sleep(for: delay)) != nil else { return }
      delay = min(delay * 2, Self.resumeDelayMax)
    }
  }

  /// Goes on with what an earlier run left open, and keeps house until its task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.tokenFeed.run() }
      group.addTask { await self.context.numberFeed.run() }
      group.addTask { await self.noteUses() }
      group.addTask { await self.takeUp() }
      group.addTask { await self.sweepNumbers() }
      await keepHouse()
      group.cancelAll()
    }
  }

  /// Writes down when tokens were used. One that can't be written is forgotten: the next use is
  /// told a minute later.
  private func noteUses() async {
    await tokenUses.follow { grant, time in
      try? await tokens.noteUse(of: grant.id, tenant: grant.tenant, at: time)
    }
  }

  private func keepHouse() async {
    await resume()
    do throws(RegistryError) {
      try await context.findCredentialWindows()
    } catch {
      log.error("the windows of credentials could not be read", ["error": .text("\(error)")])
    }
    while true {
      do {
        try await context.time.sleep(for: Self.housekeepingInterval)
      } catch {
        return
      }
      do throws(RegistryError) {
        try await context.housekeep()
      } catch {
        log.error("housekeeping failed", ["error": .text("\(error)")])
      }
    }
  }

  /// Goes on with works on numbers that the store stopped, and with what other registries on the
  /// same store left alone, and destroys credentials whose window is over, until its task is
  /// cancelled.
  private func takeUp() async {
    while (try? await context.time.sleep(for: RegistryLimits.leaseCheckInterval)) != nil {
      // A store that is away is told by whoever needs it; the next look comes soon.
      try? await context.takeUp()
      try? await context.closeCredentialWindows()
    }
  }

  /// Looks for what was changed at the carriers, until its task is cancelled.
  private func sweepNumbers() async {
    await sweep?.run { provider, error in
      log.error(
        "numbers could not be compared with the carrier",
        ["provider": .text(provider?.description ?? ""), "error": .text("\(error)")])
    }
  }

  /// What the sweeps of this process came to.
  func metrics() -> MetricSnapshot { sweep.map { DriftMetrics.snapshot($0.counts) } ?? .init() }

  /// Ends what would go on as long as its callers like: they go on elsewhere.
  func endWatches() { context.numberFeed.shutDown() }

  /// Ends the work on numbers at a point from which it can be resumed.
  func stop() async { await context.drain() }
}
