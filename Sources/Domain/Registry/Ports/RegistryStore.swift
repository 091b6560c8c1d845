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
  func provider(
    account: AccountSID, region: Region
  ) async throws(StoreError) -> StoredProvider?
  /// At most `limit` providers after `cursor`, newest first.
  func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Provider]

  func number(_ id: PhoneNumberID) async throws(StoreError) -> PhoneNumber?
  /// At most `limit` numbers after `cursor`, newest first.
  func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [PhoneNumber]
  /// The claims on these numbers of an account, in no order. The one look beyond the tenant: a
  /// number is claimed once in the deployment, so that a claim may be another's.
  func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) async throws(StoreError) -> [NumberClaim]

  func agent(_ id: AgentID) async throws(StoreError) -> Agent?
  /// At most `limit` agents after `cursor`, newest first.
  func agents(after cursor: PageCursor?, limit: Int) async throws(StoreError) -> [Agent]

  /// How many numbers name each of these agents, and the newest of them, at most
  /// `RegistryLimits.agentNumbersMax` each. An agent without numbers may be missing.
  func numbers(of agents: [AgentID]) async throws(StoreError) -> [AgentID: AgentNumbers]

  /// What a request id stands for, if it is recorded.
  func request(_ id: String) async throws(StoreError) -> RequestRecord?

  func journal(_ id: OperationID) async throws(StoreError) -> ProvisioningJournal?
  /// The open entry of a number, if there is one: at most one is open.
  func openJournal(of number: PhoneNumberID) async throws(StoreError) -> ProvisioningJournal?
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

  /// A provider of whatever tenant: for the credentials that a dispatch leases.
  func provider(_ id: ProviderID) async throws(StoreError) -> Provider?

  /// Forgets request ids made before `requestsBefore`, removed routes and closed journal entries
  /// last changed before `historyBefore`; at most `limit` of each, and gives how many went.
  @discardableResult
  func prune(
    requestsBefore: Timestamp, historyBefore: Timestamp, limit: Int
  ) async throws(StoreError) -> Int
}
