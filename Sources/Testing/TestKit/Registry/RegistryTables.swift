internal import Access
internal import Registry
internal import Telephony

struct ClaimKey: Hashable {
  var account: AccountSID
  var sid: CarrierNumberSID
}

struct AgentKey: Hashable {
  var tenant: TenantID
  var id: AgentID
}

struct RequestKey: Hashable {
  var tenant: TenantID
  var id: String
}

struct CountKey: Hashable {
  var tenant: TenantID
  var kind: CountedKind
}

/// What a route change is about.
enum RouteKey: Hashable {
  case number(PhoneNumberID)
  case provider(ProviderID)
  case agent(AgentKey)
  case token(APITokenID)
}

struct RouteRow {
  var sequence: UInt64
  var kind: RouteChange.Kind
  var time: Timestamp
}

/// The memory store's tables and the rules between them.
struct RegistryTables {
  var providers: [ProviderID: StoredProvider] = [:]
  var numbers: [PhoneNumberID: PhoneNumber] = [:]
  var agents: [AgentKey: Agent] = [:]
  var claims: [ClaimKey: NumberClaim] = [:]
  var requests: [RequestKey: RequestRecord] = [:]
  var journals: [OperationID: ProvisioningJournal] = [:]
  var tenants: [TenantID: Tenant] = [:]
  var tokens: [APITokenID: APIToken] = [:]
  var audit: [AuditEntry] = []
  var counts: [CountKey: Int] = [:]
  var events: [ChangeEvent] = []
  var eventsPrunedThrough: UInt64 = 0
  var routes: [RouteKey: RouteRow] = [:]
  var sequence: UInt64 = 0
  var prunedThrough: UInt64 = 0
  /// The time of the transaction that is applied.
  var time = Timestamp(microseconds: 0)

  mutating func apply(_ write: RegistryWrite, of tenant: TenantID) throws(StoreError) {
    if let request = write.request {
      let key = RequestKey(tenant: tenant, id: request.requestID)
      if let earlier = requests[key] { throw .requestRepeated(earlier) }
      requests[key] = request
    }
    time = write.time
    let before = counts
    for change in write.changes { try apply(change, tenant) }
    for quota in write.quotas {
      let key = CountKey(tenant: tenant, kind: quota.kind)
      let count = counts[key, default: 0]
      guard count <= max(quota.countMax, before[key, default: 0]) else {
        throw .quotaExceeded(quota.kind, countMax: quota.countMax)
      }
    }
    audit += write.audit
  }

  private mutating func apply(
    _ change: RegistryChange, _ tenant: TenantID
  ) throws(StoreError) {
    switch change {
    case .insertProvider(let provider):
      guard provider.tenant == tenant else { throw .notFound(.provider) }
      try insert(provider)
    case .updateProvider(let provider, let version, let revision):
      guard provider.tenant == tenant else { throw .notFound(.provider) }
      try update(provider, from: version, numbersRevision: revision)
    case .deleteProvider(let id, let version): try delete(id, from: version, tenant)
    case .expectNumber(let id, let region):
      guard let row = providers[id], row.provider.tenant == tenant, row.provider.region == region
      else { throw .notFound(.provider) }
      providers[id]?.numbersRevision += 1
    case .insertNumber(let number, let version):
      guard number.tenant == tenant else { throw .notFound(.number) }
      try insert(number, providerVersion: version)
    case .updateNumber(let number, let version):
      guard number.tenant == tenant else { throw .notFound(.number) }
      try update(number, from: version)
    case .nameNumber(let number, let version):
      guard number.tenant == tenant else { throw .notFound(.number) }
      try name(number, from: version)
    case .deleteNumber(let id, let version): try delete(id, from: version, tenant)
    case .insertAgent(let agent):
      guard agent.tenant == tenant else { throw .notFound(.agent) }
      try insert(agent)
    case .updateAgent(let agent, let version):
      guard agent.tenant == tenant else { throw .notFound(.agent) }
      try update(agent, from: version)
    case .deleteAgent(let id, let revision): try delete(id, from: revision, tenant)
    case .insertJournal(let journal):
      guard journal.tenant == tenant else { throw .notFound(.journal) }
      try insert(journal)
    case .updateJournal(let journal, let revision):
      guard journal.tenant == tenant else { throw .notFound(.journal) }
      try update(journal, from: revision)
    case .insertTenant(let new): if tenants[new.id] == nil { tenants[new.id] = new }
    case .insertToken(let token): try insert(token, tenant)
    case .revokeToken(let id, let time): try revoke(id, at: time, tenant)
    case .forgetRequests(let id):
      requests = requests.filter { $0.key.tenant != tenant || $0.value.resourceID != id }
    }
  }
}
