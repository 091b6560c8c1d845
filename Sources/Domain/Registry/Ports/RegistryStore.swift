package import Telephony

/// Where a page begins: after this resource, newest first. The order is (createTime, id), both
/// falling.
package struct PageCursor: Sendable, Hashable {
  package var createTime: Timestamp
  /// The id's text, which breaks ties.
  package var id: String

  package init(createTime: Timestamp, id: String) {
    self.createTime = createTime
    self.id = id
  }
}

/// Which providers a list holds; a nil field takes all.
package struct ProviderFilter: Sendable, Hashable {
  package var kind: ProviderKindFilter?
  package var accountSID: AccountSID?
  package var region: Region?

  package init(
    kind: ProviderKindFilter? = nil, accountSID: AccountSID? = nil, region: Region? = nil
  ) {
    self.kind = kind
    self.accountSID = accountSID
    self.region = region
  }
}

/// Which numbers a list holds; a nil field takes all.
package struct PhoneNumberFilter: Sendable, Hashable {
  package var kind: ProviderKindFilter?
  package var agentID: AgentID?
  package var providerID: ProviderID?
  package var region: Region?
  package var state: PhoneNumberState?

  package init(
    kind: ProviderKindFilter? = nil, agentID: AgentID? = nil, providerID: ProviderID? = nil,
    region: Region? = nil, state: PhoneNumberState? = nil
  ) {
    self.kind = kind
    self.agentID = agentID
    self.providerID = providerID
    self.region = region
    self.state = state
  }
}

/// The kinds of provider that a number can be under. All numbers are Twilio's until other kinds
/// come.
package enum ProviderKindFilter: String, Sendable, Hashable, CaseIterable {
  case twilio
}

/// Who holds a carrier's number: (accountSID, carrierSID) is unique in the whole deployment.
package struct NumberClaim: Sendable, Hashable {
  package var accountSID: AccountSID
  package var carrierSID: CarrierNumberSID
  package var tenant: TenantID
  package var numberID: PhoneNumberID
  package var region: Region

  package init(
    accountSID: AccountSID, carrierSID: CarrierNumberSID, tenant: TenantID,
    numberID: PhoneNumberID, region: Region
  ) {
    self.accountSID = accountSID
    self.carrierSID = carrierSID
    self.tenant = tenant
    self.numberID = numberID
    self.region = region
  }
}

/// What a request id stands for (AIP-155): kept at least `RegistryLimits.requestLifetime`, per
/// tenant and across regions.
package struct RequestRecord: Sendable, Hashable {
  package var tenant: TenantID
  /// The client's id.
  package var requestID: String
  /// Method and body, as the sealer's fingerprint.
  package var fingerprint: [UInt8]
  /// The id's text of what the request made.
  package var resourceID: String
  package var createTime: Timestamp

  package init(
    tenant: TenantID, requestID: String, fingerprint: [UInt8], resourceID: String,
    createTime: Timestamp
  ) {
    self.tenant = tenant
    self.requestID = requestID
    self.fingerprint = fingerprint
    self.resourceID = resourceID
    self.createTime = createTime
  }
}

/// A provider with the count that tells whether numbers came under it meanwhile.
package struct StoredProvider: Sendable, Hashable {
  package var provider: Provider
  /// One more with each number that is inserted under the provider; not part of its etag.
  package var numbersRevision: UInt64

  package init(provider: Provider, numbersRevision: UInt64) {
    self.provider = provider
    self.numbersRevision = numbersRevision
  }
}

/// One change of a transaction. A store applies them in order and all or none, and publishes each
/// change of a provider, a number or an agent in the route feed.
package enum RegistryChange: Sendable {
  /// Refused with `.providerExists` when (tenant, account, region) is taken.
  case insertProvider(Provider)
  /// Replaces the provider whose version is `from`. With `numbersRevision`, also refused with
  /// `.versionMismatch` when a number came under the provider meanwhile.
  case updateProvider(Provider, from: Version, numbersRevision: UInt64?)
  /// Refused with `.providerHasNumbers` while it has any, in whatever state.
  case deleteProvider(ProviderID, from: Version)

  /// Refused with `.numberClaimed` when the carrier's number is claimed, with `.notFound` when
  /// provider or agent is not there, and with `.versionMismatch(.provider)` when the provider's
  /// version is another. Adds one to the provider's `numbersRevision`, and claims.
  case insertNumber(PhoneNumber, providerVersion: Version)
  /// Replaces the number whose version is `from`; `.notFound(.agent)` when it names no agent.
  case updateNumber(PhoneNumber, from: Version)
  /// Removes the number and its claim.
  case deleteNumber(PhoneNumberID, from: Version)

  /// Refused with `.agentExists` when the id is taken in the tenant.
  case insertAgent(Agent)
  /// Replaces the agent whose version is `from`.
  case updateAgent(Agent, from: Version)
  /// Refused with `.agentHasNumbers` while any number names it.
  case deleteAgent(AgentID, from: Version)

  /// Begins a journal entry.
  case insertJournal(ProvisioningJournal)
  /// Replaces the entry whose revision is `from`.
  case updateJournal(ProvisioningJournal, from: UInt64)
  /// Forgets the request ids that made this resource, so that a retry is a new try. Nothing there
  /// is fine.
  case forgetRequests(resourceID: String)
}

/// A transaction: what changes, for whom, and which request asked for it.
package struct RegistryWrite: Sendable {
  /// Every resource named in `changes` belongs to this tenant; another tenant's is `.notFound`.
  package var tenant: TenantID
  /// When it is written; removed routes are pruned by it.
  package var time: Timestamp
  /// Recorded with the changes. When the id is already recorded nothing is changed and
  /// `.requestRepeated` is thrown, before any other check.
  package var request: RequestRecord?
  package var changes: [RegistryChange]

  package init(
    tenant: TenantID, at time: Timestamp, request: RequestRecord? = nil, changes: [RegistryChange]
  ) {
    self.tenant = tenant
    self.time = time
    self.request = request
    self.changes = changes
  }
}

/// The numbers of an agent.
package struct AgentNumbers: Sendable, Hashable {
  /// Newest first, at most `RegistryLimits.agentNumbersMax`.
  package var newest: [PhoneNumberID]
  package var count: Int

  package init(newest: [PhoneNumberID] = [], count: Int = 0) {
    self.newest = newest
    self.count = count
  }
}

/// What kind of thing a store error is about.
package enum StoredKind: String, Sendable, Hashable {
  case provider, number, agent, journal
}

/// Why the store did not do it. All but the last two say that nothing was changed.
package enum StoreError: Error, Sendable, Hashable {
  case notFound(StoredKind)
  case versionMismatch(StoredKind)
  case providerExists(ProviderID)
  case providerHasNumbers(count: Int)
  case agentExists
  case agentHasNumbers(count: Int)
  case numberClaimed(NumberClaim)
  case requestRepeated(RequestRecord)
  /// The database can't be reached, is busy beyond its bound, or the disk is full; of a write it is
  /// not known whether it was done. For logs: `cause` holds no value of a row.
  case unavailable(cause: String)
  /// What is stored can't be read, or breaks its own rules.
  case damaged(cause: String)
}

/// What a transaction did.
package struct RegistryReceipt: Sendable, Hashable {
  /// The last sequence number of the route feed that the transaction used; nil when it changed no
  /// route.
  package var routeSequence: UInt64?

  package init(routeSequence: UInt64?) {
    self.routeSequence = routeSequence
  }
}

/// The registry's memory, as a port. StoreSQLite implements it, the memory store in TestKit, and
/// later a store on PostgreSQL; `RegistryStoreConformance` in TestKit holds them to these words.
///
/// Each method is one atomic step, callable from any executor, and serialised with the others: a
/// read sees every write that was acknowledged before it began. A write that returned survives kill
/// -9. A store repeats serialization failures by itself, a bounded number of times, and then throws
/// `.unavailable`.
package protocol RegistryStore: Sendable {
  /// Applies `write` whole or not at all.
  @discardableResult
  func commit(_ write: RegistryWrite) async throws(StoreError) -> RegistryReceipt

  func provider(_ id: ProviderID, tenant: TenantID) async throws(StoreError) -> StoredProvider?
  func provider(
    account: AccountSID, region: Region, tenant: TenantID
  ) async throws(StoreError) -> StoredProvider?
  /// At most `limit` providers after `cursor`, newest first.
  func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) async throws(StoreError) -> [Provider]

  func number(_ id: PhoneNumberID, tenant: TenantID) async throws(StoreError) -> PhoneNumber?
  func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) async throws(StoreError) -> [PhoneNumber]
  /// The claims on these numbers of an account, whoever holds them, in no order.
  func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) async throws(StoreError) -> [NumberClaim]

  func agent(_ id: AgentID, tenant: TenantID) async throws(StoreError) -> Agent?
  func agents(
    after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) async throws(StoreError) -> [Agent]

  /// How many numbers name each of these agents, and the newest of them, at most
  /// `RegistryLimits.agentNumbersMax` each. An agent without numbers may be missing.
  func numbers(
    of agents: [AgentID], tenant: TenantID
  ) async throws(StoreError) -> [AgentID: AgentNumbers]

  /// What a request id stands for, if it is recorded.
  func request(_ id: String, tenant: TenantID) async throws(StoreError) -> RequestRecord?

  func journal(_ id: OperationID) async throws(StoreError) -> ProvisioningJournal?
  /// The open entry of a number, if there is one: at most one is open.
  func openJournal(of number: PhoneNumberID) async throws(StoreError) -> ProvisioningJournal?
  /// Open entries of all tenants, at most `limit` with an id greater than `id`, oldest first.
  func openJournals(
    after id: OperationID?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal]

  /// What changed after `sequence`, each in its present form, by the sequence of its
  /// last change; `sequence` 0 gives all. Removed ones are given as removals until they are pruned.
  func routes(after sequence: UInt64, limit: Int) async throws(StoreError) -> RoutePage

  /// Forgets request ids made before `requestsBefore`, removed routes and closed journal entries
  /// last changed before `historyBefore`; at most `limit` of each, and gives how many went.
  @discardableResult
  func prune(
    requestsBefore: Timestamp, historyBefore: Timestamp, limit: Int
  ) async throws(StoreError) -> Int
}
