package import Access
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

/// Which journal entries a list holds; a nil field takes all.
package struct OperationFilter: Sendable, Hashable {
  package var subject: OperationSubject?
  package var state: OperationState?

  package init(subject: OperationSubject? = nil, state: OperationState? = nil) {
    self.subject = subject
    self.state = state
  }
}

/// The kinds of provider. The raw value is stored.
package enum ProviderKindFilter: String, Sendable, Hashable, CaseIterable {
  case twilio
  case sipTrunk = "sip_trunk"
  case liveKit = "livekit"
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
  /// One more with each number that is inserted under the provider, or is on its way there; not
  /// part of its etag.
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

  /// A number is on its way to the provider of this region: adds one to its `numbersRevision`.
  /// Refused with `.notFound(.provider)`.
  case expectNumber(ProviderID, Region)
  /// Refused with `.numberClaimed` when the carrier's number is claimed, with `.notFound` when
  /// provider or agent is not there, and with `.versionMismatch(.provider)` when the provider's
  /// version is another. Adds one to the provider's `numbersRevision`, and claims.
  case insertNumber(PhoneNumber, providerVersion: Version)
  /// Replaces the number whose version is `from`; `.notFound(.agent)` when it names no agent.
  case updateNumber(PhoneNumber, from: Version)
  /// As `updateNumber`, and claims the carrier's number by its present name in place of the former
  /// one; refused with `.numberClaimed` when somebody has that.
  case nameNumber(PhoneNumber, from: Version)
  /// Removes the number and its claim.
  case deleteNumber(PhoneNumberID, from: Version)

  /// Refused with `.agentExists` when the id is taken in the tenant.
  case insertAgent(Agent)
  /// Replaces the agent whose version is `from`, and that was made at the same time: an id may be
  /// taken again after a deletion, and another agent of that id is `.versionMismatch`.
  case updateAgent(Agent, from: Version)
  /// Refused with `.agentHasNumbers` while any number names it, and with `.versionMismatch` when
  /// its version or its time of creation is another.
  case deleteAgent(AgentID, from: Revision)

  /// Begins a journal entry.
  case insertJournal(ProvisioningJournal)
  /// Replaces the entry whose revision is `from`.
  case updateJournal(ProvisioningJournal, from: UInt64)
  /// Notes a tenant. One that is there stays as it is.
  case insertTenant(Tenant)
  /// Refused with `.versionMismatch` when the id is taken.
  case insertToken(APIToken)
  /// Makes a token worthless for good; one that was revoked keeps its first time.
  case revokeToken(APITokenID, at: Timestamp)
  /// Forgets the request ids that made this resource, so that a retry is a new try. Nothing there
  /// is fine.
  case forgetRequests(resourceID: String)
}

/// A transaction of one tenant: what changes, and which request asked for it.
package struct RegistryWrite: Sendable {
  /// When it is written; removed routes are pruned by it.
  package var time: Timestamp
  /// Recorded with the changes. When the id is already recorded nothing is changed and
  /// `.requestRepeated` is thrown, before any other check.
  package var request: RequestRecord?
  package var changes: [RegistryChange]
  /// Written in the same transaction: who did it. Of this tenant.
  package var audit: [AuditEntry]
  /// How much the tenant may have after the write; one without an entry is not bounded.
  package var quotas: [Quota]

  package init(
    at time: Timestamp, request: RequestRecord? = nil, changes: [RegistryChange],
    audit: [AuditEntry] = [], quotas: [Quota] = []
  ) {
    self.time = time
    self.request = request
    self.changes = changes
    self.audit = audit
    self.quotas = quotas
  }
}

/// How many of a kind a tenant may have. A write that inserts one and would go over is refused with
/// `.quotaExceeded`; what is there already stays, and may be changed and removed.
package struct Quota: Sendable, Hashable {
  package var kind: CountedKind
  package var countMax: Int

  package init(_ kind: CountedKind, countMax: Int) {
    self.kind = kind
    self.countMax = countMax
  }
}

/// What is counted for each tenant, in the transaction that changes it. The raw value is stored.
package enum CountedKind: String, Sendable, Hashable, CaseIterable, Codable {
  case provider, number, agent
  /// Tokens that were not revoked.
  case token
  /// Those of the numbers that are on the operator's account.
  case platformNumber = "platform_number"
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

/// How many providers and agents are sealed in the same ways.
package struct SealCount: Sendable, Hashable {
  /// As in `Provider.seals`.
  package var seals: [Seal]
  package var rowCount: Int

  package init(seals: [Seal], rowCount: Int) {
    self.seals = seals
    self.rowCount = rowCount
  }
}

/// What kind of thing a store error is about.
package enum StoredKind: String, Sendable, Hashable {
  case provider, number, agent, token, journal
}

/// Why the store did not do it. All but the last two say that nothing was changed.
package enum StoreError: Error, Sendable, Hashable {
  case notFound(StoredKind)
  case versionMismatch(StoredKind)
  case providerExists(ProviderID)
  case providerHasNumbers(count: Int)
  /// Trunks and numbers name it as their gateway.
  case gatewayHasUsers(providerCount: Int, numberCount: Int)
  case agentExists
  case agentHasNumbers(count: Int)
  case numberClaimed(NumberClaim)
  case requestRepeated(RequestRecord)
  /// The tenant has `countMax` of the kind and may have no more.
  case quotaExceeded(CountedKind, countMax: Int)
  /// The database can't be reached, is busy beyond its bound, or the disk is full; of a write it is
  /// not known whether it was done. `cause` is for callers: it names no machine and holds no value
  /// of a row.
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
