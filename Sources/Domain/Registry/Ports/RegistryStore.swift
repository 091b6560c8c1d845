package import Access
package import Telephony

/// The registry's memory, as a port. StoreSQL implements it over SQLite and PostgreSQL, and the
/// memory store in TestKit; `RegistryStoreConformance` in TestKit holds them to these words.
///
/// Each method of the stores is one atomic step, callable from any executor, and serialised with
/// the others: a read sees every write that was acknowledged before it began. A write that returned
/// survives kill -9. A store repeats serialization failures by itself, a bounded number of times,
/// and then throws `.unavailable`.
package protocol RegistryStore: DeploymentStore {
  /// What belongs to one tenant. The tenant need not exist: then it has nothing.
  func tenant(_ id: TenantID) -> any TenantStore
}

/// What belongs to one tenant: no method takes a tenant, so that none can be asked without one.
/// What another tenant has is not there.
package protocol TenantStore: Sendable {
  /// Applies `write` whole or not at all. Every resource in it belongs to this tenant; another
  /// tenant's is `.notFound`.
  @discardableResult
  func commit(_ write: RegistryWrite) async throws(StoreError) -> RegistryReceipt

  func provider(_ id: ProviderID) async throws(StoreError) -> StoredProvider?
  /// The provider of exactly this `Provider.key`.
  func provider(key: String, region: Region) async throws(StoreError) -> StoredProvider?
  /// Adds to what is known of the credentials that the provider has staged under `mark`. Where it
  /// has others, or none, nothing is done. Its version stays, and there is no event: it was seen,
  /// and done by nobody.
  func credentialUsed(
    _ id: ProviderID, mark: Version, _ use: CredentialUse
  ) async throws(StoreError)
  /// At most `limit` providers after `cursor`, newest first.
  func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Provider]

  func number(_ id: PhoneNumberID) async throws(StoreError) -> PhoneNumber?
  /// At most `limit` numbers after `cursor`, newest first.
  func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [PhoneNumber]
  /// The tenant's numbers of this E.164, newest first, at most `RegistryLimits.e164NumbersMax`:
  /// mostly one; more when two accounts have it.
  func numbers(of e164: E164) async throws(StoreError) -> [PhoneNumber]
  /// The claims on these numbers of an account, in no order. The one look beyond the tenant: a
  /// number is claimed once in the deployment, so that a claim may be another's.
  func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) async throws(StoreError) -> [NumberClaim]

  func agent(_ id: AgentID) async throws(StoreError) -> Agent?
  /// At most `limit` agents of this kind after `cursor`, newest first.
  func agents(
    _ kind: AssigneeKind, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Agent]

  /// How many numbers name each of these agents, and the newest of them, at most
  /// `RegistryLimits.agentNumbersMax` each. An agent without numbers may be missing.
  func numbers(of agents: [AgentID]) async throws(StoreError) -> [AgentID: AgentNumbers]

  /// What a request id stands for, if it is recorded.
  func request(_ id: String) async throws(StoreError) -> RequestRecord?

  func journal(_ id: OperationID) async throws(StoreError) -> ProvisioningJournal?
  /// At most `limit` entries after `cursor`, newest first.
  func journals(
    _ filter: OperationFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal]
  /// The open entry of a number or a provider, if there is one: at most one is open.
  func openJournal(of subject: OperationSubject) async throws(StoreError) -> ProvisioningJournal?

  /// The tenant as it was noted; nil when it was not.
  func record() async throws(StoreError) -> Tenant?
  /// How many of a kind the tenant has.
  func count(of kind: CountedKind) async throws(StoreError) -> Int

  func token(_ id: APITokenID) async throws(StoreError) -> APIToken?
  /// At most `limit` tokens after `cursor`, revoked ones too, newest first.
  func tokens(after cursor: PageCursor?, limit: Int) async throws(StoreError) -> [APIToken]
  /// Notes that a token authenticated at `time`, unless a later use is noted. A token that is not
  /// there is fine. Makes no event.
  func tokenUsed(_ id: APITokenID, at time: Timestamp) async throws(StoreError)

  /// At most `limit` entries after `cursor`, newest first: by (time, id).
  func auditEvents(
    _ filter: AuditFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [AuditEntry]

  /// The tenant's changes of one kind after `sequence`: each once, in the order of their commits.
  func events(
    of kind: ChangeEvent.Kind, after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> EventPage
}

extension TenantStore {
  package func provider(
    account: AccountSID, region: Region
  ) async throws(StoreError) -> StoredProvider? {
    try await provider(key: account.description, region: region)
  }
}

/// What is asked for all tenants at once, by our own work alone: no use case that answers a caller
/// gets it.
package protocol DeploymentStore: Sendable {
  /// Open entries of all tenants, at most `limit` with an id greater than `id`, oldest first.
  func openJournals(
    after id: OperationID?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal]

  /// What changed after `sequence`, each in its present form, by the sequence of its
  /// last change; `sequence` 0 gives all. Removed ones are given as removals until they are pruned.
  func routes(after sequence: UInt64, limit: Int) async throws(StoreError) -> RoutePage

  /// All changes after `sequence`: each once, in the order of their commits.
  func events(after sequence: UInt64, limit: Int) async throws(StoreError) -> EventPage

  /// A token of whatever tenant: for who shows one and has not said whose it is.
  func token(_ id: APITokenID) async throws(StoreError) -> APIToken?

  /// Tenants that were noted, at most `limit` with an id greater than `id`, by id.
  func tenants(after id: TenantID?, limit: Int) async throws(StoreError) -> [Tenant]

  /// Providers of all tenants, at most `limit` with an id greater than `id`, by id. One that can't
  /// be read is left out.
  func providers(after id: ProviderID?, limit: Int) async throws(StoreError) -> [Provider]

  /// Providers with a secret that is not under a data key that `key` seals, at most `limit` with an
  /// id greater than `id`, by id.
  func providers(
    notSealedUnder key: String, after id: ProviderID?, limit: Int
  ) async throws(StoreError) -> [Provider]
  /// The same for agents, by (tenant, id).
  func agents(
    notSealedUnder key: String, after place: (tenant: TenantID, id: AgentID)?, limit: Int
  ) async throws(StoreError) -> [Agent]

  /// How many providers and agents are sealed in which ways; those without secrets are left out.
  func sealCounts() async throws(StoreError) -> [SealCount]
  /// At most `limit` providers whose `seals` are these and no others, in no order.
  func providers(sealed seals: [Seal], limit: Int) async throws(StoreError) -> [Provider]
  /// The same for agents.
  func agents(sealed seals: [Seal], limit: Int) async throws(StoreError) -> [Agent]

  /// A provider of whatever tenant: for the credentials that a dispatch leases.
  func provider(_ id: ProviderID) async throws(StoreError) -> Provider?

  /// Writes audit entries of any tenants, all or none, that were made elsewhere. Those that are
  /// there stay as they are.
  func record(_ entries: [AuditEntry]) async throws(StoreError)

  /// Forgets request ids made before `requestsBefore`; removed routes, closed journal entries and
  /// events last changed before `historyBefore`; and events beyond `RegistryLimits.eventCountMax`.
  /// At most `limit` of each, and gives how many went. Audit entries stay.
  @discardableResult
  func prune(
    requestsBefore: Timestamp, historyBefore: Timestamp, limit: Int
  ) async throws(StoreError) -> Int

  /// Forgets at most `limit` audit entries of all tenants from before `time`, the oldest first, and
  /// gives how many went. Two that do it at once don't do it twice.
  func pruneAudit(before time: Timestamp, limit: Int) async throws(StoreError) -> Int
}
