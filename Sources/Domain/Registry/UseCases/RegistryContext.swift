internal import Access
package import Telephony

/// What the use cases stand on: the ports, the journal's runner and the route feed.
///
/// One for each process; made by the program, which also calls `resume` and `findCredentialWindows`
/// at its start, `housekeep` now and then, `takeUp` and `closeCredentialWindows` every
/// `RegistryLimits.leaseCheckInterval`, and `drain` before it ends.
package struct RegistryContext: Sendable {
  private let stores: any RegistryStore
  let quotas: [Quota]
  private let auditRetention: Duration?
  /// How long both regions answer after a move.
  let moveOverlap: Duration
  package let carrier: any Carrier
  /// What trunks are made with.
  let outside: OutsidePorts
  package let gateway: any SIPGateway
  /// Gateways may be spoken to without TLS, whatever their host.
  let allowsPlainGateways: Bool
  let market: any NumberMarket
  /// How long a number may still come to be bought after the answer was lost.
  let purchaseSettling: Duration
  /// The operator's account for others' numbers; nil: there is none.
  let platform: PlatformAccount?
  package let sealer: any SecretSealer
  package let webhooks: any WebhookEndpoints
  package let numberPlan: any NumberPlan
  package let time: any TimeSource
  package let ids: any IDSource
  package let background: BackgroundTasks
  /// How long what PromoteCredential replaced is kept.
  let credentialWindow: Duration
  let windows = CredentialWindows()
  let trials = CredentialTrials()
  let batches = BatchBoard()
  package let feed: RouteFeed
  /// Whoever serves watches runs it.
  package let numberFeed: NumberFeed
  package let runner: ProvisioningRunner

  /// - Parameter allowsPlainGateways: gateways may be spoken to without TLS, whatever their host.
  /// - Parameter process: this process, where other registries may work on the same store; nil when
  ///   the store is its alone.
  /// - Parameter auditRetention: how long audit entries are kept; nil: for ever. At least
  ///   `RegistryLimits.auditRetentionMin`.
  /// - Parameter moveOverlap: how long both regions answer after a move.
  /// - Parameter market: where numbers are bought.
  /// - Parameter purchaseSettling: how long a number may still come to be bought after the answer
  ///   was lost.
  /// - Parameter platform: the operator's account for others' numbers; nil: there is none.
  /// - Parameter credentialWindow: how long what PromoteCredential replaced is kept, within
  ///   `RegistryLimits.credentialWindowMin` and `credentialWindowMax`.
  package init(
    store: any RegistryStore, carrier: any Carrier, gateway: any SIPGateway,
    trunks: any TrunkCarrier, trunkCredentials: any TrunkCredentials,
    allowsPlainGateways: Bool = false, sealer: any SecretSealer, webhooks: any WebhookEndpoints,
    numberPlan: any NumberPlan, time: any TimeSource, ids: any IDSource, quotas: [Quota] = [],
    process: RegistryProcessID? = nil,
    auditRetention: Duration? = nil, moveOverlap: Duration = RegistryLimits.moveOverlap,
    credentialWindow: Duration = RegistryLimits.credentialWindowDefault,
    market: any NumberMarket = ClosedMarket(),
    purchaseSettling: Duration = RegistryLimits.purchaseSettling,
    platform: PlatformAccount? = nil,
    background: BackgroundTasks = BackgroundTasks()
  ) {
    precondition(
      auditRetention ?? RegistryLimits.auditRetentionMin >= RegistryLimits.auditRetentionMin,
      "audit entries are kept for too short a time")
    precondition(
      (RegistryLimits.credentialWindowMin...RegistryLimits.credentialWindowMax)
        .contains(credentialWindow), "credentials are kept for too short or too long a time")
    self.credentialWindow = credentialWindow
    self.stores = store
    self.auditRetention = auditRetention
    self.moveOverlap = moveOverlap
    self.quotas = quotas
    self.carrier = carrier
    self.outside = OutsidePorts(
      trunks: trunks, gateway: gateway, credentials: trunkCredentials)
    self.gateway = gateway
    self.allowsPlainGateways = allowsPlainGateways
    self.market = market
    self.purchaseSettling = purchaseSettling
    self.platform = platform
    self.sealer = sealer
    self.webhooks = webhooks
    self.numberPlan = numberPlan
    self.time = time
    self.ids = ids
    self.background = background
    self.feed = RouteFeed(store: store, time: time)
    self.numberFeed = NumberFeed(store: store, routes: feed, time: time)
    self.runner = ProvisioningRunner(
      store: store, carrier: carrier, market: market, outside: outside,
      platform: platform?.providerID, sealer: sealer, time: time, ids: ids, feed: feed,
      process: process, background: background)
    // The runner holds what holds it: both are there as long as the process is.
    let (batches, rotations) = (BatchWork(context: self), RotationWork(context: self))
    runner.drive(.importBatch) { (journal, lease, work) async throws(ProvisioningStop) in
      try await batches.drive(journal, lease, work)
    }
    runner.drive(.rotateCredential) { (journal, lease, work) async throws(ProvisioningStop) in
      try await rotations.drive(journal, lease, work)
    }
  }

  /// Goes on with what a crash or an unreachable store left open. Returns when each entry was
  /// closed or stopped again; where registries share a store, when what is nobody else's was begun.
  /// Calls may be taken meanwhile.
  package func resume() async throws(RegistryError) {
    guard runner.process == nil else { return try await takeUp() }
    try await reading { () async throws(StoreError) in try await runner.resume() }
  }

  /// Begins to go on with what nobody works on any more, and does not wait for it.
  package func takeUp() async throws(RegistryError) {
    try await reading { () async throws(StoreError) in try await runner.takeUp() }
  }

  /// Forgets request ids and history that are old enough, looks for windows of credentials, and
  /// resumes what was stopped, whether or not the others succeed. Once an hour will do.
  package func housekeep() async throws(RegistryError) {
    var failure = await prune()
    do throws(RegistryError) {
      try await findCredentialWindows()
    } catch {
      failure = failure ?? error
    }
    try await resume()
    if let failure { throw failure }
  }

  /// Forgets what is old enough; tells why not.
  private func prune() async -> RegistryError? {
    let now = time.now()
    do throws(StoreError) {
      while true {
        let count = try await stores.prune(
          requestsBefore: now.advanced(by: .zero - RegistryLimits.requestLifetime),
          historyBefore: now.advanced(by: .zero - RegistryLimits.historyLifetime),
          limit: RegistryLimits.pruneCountMax)
        if count < RegistryLimits.pruneCountMax || Task.isCancelled { break }
      }
      guard let auditRetention else { return nil }
      while true {
        let count = try await stores.pruneAudit(
          before: now.advanced(by: .zero - auditRetention), limit: RegistryLimits.pruneCountMax)
        if count < RegistryLimits.pruneCountMax || Task.isCancelled { return nil }
      }
    } catch {
      return RegistryError(error)
    }
  }

  /// Takes no more work on numbers and returns when what goes on has reached a point from which it
  /// can be resumed.
  package func drain() async {
    await background.drain()
    await runner.release()
    runner.forgetDrivers()
  }
}

// MARK: - For the use cases

extension RegistryContext {
  /// What belongs to a tenant; use cases get no other store.
  func store(of tenant: TenantID) -> any TenantStore { stores.tenant(tenant) }

  /// What knows no tenant yet: the token that a call shows.
  var deployment: any DeploymentStore { stores }

  /// What comparing with the carriers stands on.
  var drift: DriftPorts {
    DriftPorts(
      store: stores, carrier: carrier, outside: outside, sealer: sealer, time: time, ids: ids,
      feed: feed)
  }

  /// Commits with what the audit log is told of it, and publishes.
  func commit(
    by caller: Caller, request: RequestRecord? = nil, _ changes: [RegistryChange],
    audit draft: AuditDraft
  ) async throws(StoreError) {
    let write = write(by: caller, at: time.now(), request: request, changes, audit: draft)
    try await commit(write, of: caller.tenant)
  }

  /// Commits and publishes.
  func commit(_ write: RegistryWrite, of tenant: TenantID) async throws(StoreError) {
    let receipt = try await store(of: tenant).commit(write)
    feed.published(receipt.routeSequence)
  }

  /// A transaction of a caller's, with what the audit log is told of it.
  func write(
    by caller: Caller, at time: Timestamp, request: RequestRecord? = nil,
    _ changes: [RegistryChange], audit draft: AuditDraft
  ) -> RegistryWrite {
    RegistryWrite(
      at: time, request: request, changes: changes,
      audit: [draft.entry(by: caller, at: time, ids)],
      // Our own work is bounded by who asked for it.
      quotas: caller.principal == .system
        ? [] : quotas.filter { quota in changes.contains { $0.adds == quota.kind } })
  }

  /// What an id of a request stands for, made from its body; nil when the request has no id.
  func request(
    _ id: String, _ body: RequestBody, resource: String, tenant: TenantID
  ) throws(RegistryError) -> RequestRecord? {
    guard !id.isEmpty else { return nil }
    return RequestRecord(
      tenant: tenant, requestID: id, fingerprint: try fingerprint(body), resourceID: resource,
      createTime: time.now())
  }

  /// The earlier request of the same id, if there was one; refuses one with another body.
  func earlier(
    _ id: String, _ body: RequestBody, tenant: TenantID
  ) async throws(RegistryError) -> RequestRecord? {
    guard !id.isEmpty else { return nil }
    let found = try await reading { () async throws(StoreError) in
      try await store(of: tenant).request(id)
    }
    guard let found else { return nil }
    try checkSame(found, body)
    return found
  }

  /// Refuses when the recorded request had another body.
  func checkSame(_ record: RequestRecord, _ body: RequestBody) throws(RegistryError) {
    guard record.fingerprint == (try fingerprint(body)) else {
      throw .invalidArgument([
        FieldViolation(
          "request_id", .requestIDReused,
          "This request id came with another request before. Take a new one.")
      ])
    }
  }

  func fingerprint(_ body: RequestBody) throws(RegistryError) -> [UInt8] {
    do {
      return try sealer.fingerprint(of: body.bytes)
    } catch {
      throw RegistryError(error)
    }
  }

  /// Seals under the owner's data key, which is made with its first secret.
  func seal(
    _ secret: Secret, _ field: CredentialField, of owner: SecretOwner,
    under dataKey: inout SealedDataKey?
  ) throws(RegistryError) -> SealedSecret {
    do throws(SealingError) {
      let key: SealedDataKey
      if let dataKey { key = dataKey } else { key = try sealer.makeDataKey(for: owner) }
      dataKey = key
      return try sealer.seal(secret, field, of: owner, under: key)
    } catch {
      throw RegistryError(error)
    }
  }

  /// The Twilio account of a provider; others have none.
  func account(of provider: Provider) throws(RegistryError) -> AccountSID {
    guard let account = provider.accountSID else {
      throw .providerUnsuited(provider.id, provider.kind)
    }
    return account
  }

  func access(_ provider: Provider) throws(RegistryError) -> CarrierAccess {
    _ = try account(of: provider)
    do {
      return try provider.access(sealer)
    } catch {
      throw RegistryError(error)
    }
  }

  func provider(
    _ id: ProviderID, tenant: TenantID
  ) async throws(RegistryError) -> StoredProvider {
    let found = try await reading { () async throws(StoreError) in
      try await store(of: tenant).provider(id)
    }
    guard let found else { throw .notFound(.provider(id)) }
    return found
  }

  func number(
    _ id: PhoneNumberID, tenant: TenantID
  ) async throws(RegistryError) -> PhoneNumber {
    let found = try await reading { () async throws(StoreError) in
      try await store(of: tenant).number(id)
    }
    guard let found else { throw .notFound(.number(id)) }
    return found
  }

  func agent(_ id: AgentID, tenant: TenantID) async throws(RegistryError) -> Agent {
    let found = try await reading { () async throws(StoreError) in
      try await store(of: tenant).agent(id)
    }
    guard let found else { throw .notFound(.agent(id)) }
    return found
  }
}

/// How an attempt to write ended.
enum Attempt<Value: Sendable>: Sendable {
  case done(Value)
  case failed(RegistryError)
  /// Nothing was written; the caller may know a way.
  case refused(StoreError)
}

/// Compares the etag that was sent, if one was, with the present one.
func checkEtag(
  _ sent: String, _ present: String, _ resource: ResourceReference
) throws(RegistryError) {
  guard sent.isEmpty || sent == present else { throw .etagMismatch(resource) }
}

extension RegistryChange {
  /// What the tenant has one more of after this change.
  fileprivate var adds: CountedKind? {
    switch self {
    case .insertProvider: .provider
    case .insertNumber: .number
    case .insertAgent: .agent
    case .insertToken: .token
    case .updateProvider, .deleteProvider, .expectNumber, .updateNumber, .nameNumber,
      .deleteNumber, .updateAgent, .deleteAgent, .insertJournal, .updateJournal, .insertTenant,
      .revokeToken, .forgetRequests:
      nil
    }
  }
}
