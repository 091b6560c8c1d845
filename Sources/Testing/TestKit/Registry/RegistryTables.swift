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

/// What a route change is about.
enum RouteKey: Hashable {
  case number(PhoneNumberID)
  case provider(ProviderID)
  case agent(AgentKey)
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
  var routes: [RouteKey: RouteRow] = [:]
  var sequence: UInt64 = 0
  var prunedThrough: UInt64 = 0
  /// The time of the transaction that is applied.
  private var time = Timestamp(microseconds: 0)

  mutating func apply(_ write: RegistryWrite, of tenant: TenantID) throws(StoreError) {
    if let request = write.request {
      let key = RequestKey(tenant: tenant, id: request.requestID)
      if let earlier = requests[key] { throw .requestRepeated(earlier) }
      requests[key] = request
    }
    time = write.time
    for change in write.changes { try apply(change, tenant) }
  }

  private mutating func apply(
    _ change: RegistryChange, _ tenant: TenantID
  ) throws(StoreError) {
    switch change {
    case .insertProvider(let provider): try insert(provider)
    case .updateProvider(let provider, let version, let revision):
      try update(provider, from: version, numbersRevision: revision)
    case .deleteProvider(let id, let version): try delete(id, from: version, tenant)
    case .insertNumber(let number, let version): try insert(number, providerVersion: version)
    case .updateNumber(let number, let version): try update(number, from: version)
    case .deleteNumber(let id, let version): try delete(id, from: version, tenant)
    case .insertAgent(let agent): try insert(agent)
    case .updateAgent(let agent, let version): try update(agent, from: version)
    case .deleteAgent(let id, let version): try delete(id, from: version, tenant)
    case .insertJournal(let journal): try insert(journal)
    case .updateJournal(let journal, let revision): try update(journal, from: revision)
    case .forgetRequests(let id):
      requests = requests.filter { $0.key.tenant != tenant || $0.value.resourceID != id }
    }
  }

  // MARK: Providers

  private mutating func insert(_ provider: Provider) throws(StoreError) {
    let twin = providers.values.first {
      $0.provider.tenant == provider.tenant && $0.provider.accountSID == provider.accountSID
        && $0.provider.region == provider.region
    }
    if let twin { throw .providerExists(twin.provider.id) }
    providers[provider.id] = StoredProvider(provider: provider, numbersRevision: 0)
    publish(.provider(provider.id), .put(.provider(ProviderRoute(provider))))
  }

  private func stored(
    _ id: ProviderID, _ tenant: TenantID, from version: Version
  ) throws(StoreError) -> StoredProvider {
    guard let stored = providers[id], stored.provider.tenant == tenant else {
      throw .notFound(.provider)
    }
    guard stored.provider.revision.version == version else { throw .versionMismatch(.provider) }
    return stored
  }

  private mutating func update(
    _ provider: Provider, from version: Version, numbersRevision: UInt64?
  ) throws(StoreError) {
    var row = try stored(provider.id, provider.tenant, from: version)
    guard (numbersRevision ?? row.numbersRevision) == row.numbersRevision else {
      throw .versionMismatch(.provider)
    }
    row.provider = provider
    providers[provider.id] = row
    publish(.provider(provider.id), .put(.provider(ProviderRoute(provider))))
  }

  private mutating func delete(
    _ id: ProviderID, from version: Version, _ tenant: TenantID
  ) throws(StoreError) {
    _ = try stored(id, tenant, from: version)
    let count = numbers.values.count { $0.providerID == id }
    guard count == 0 else { throw .providerHasNumbers(count: count) }
    providers[id] = nil
    publish(.provider(id), .removed(.provider(id, tenant: tenant)))
  }

  // MARK: Numbers

  private mutating func insert(
    _ number: PhoneNumber, providerVersion: Version
  ) throws(StoreError) {
    let key = ClaimKey(account: number.accountSID, sid: number.carrierSID)
    if let claim = claims[key] { throw .numberClaimed(claim) }
    var row = try stored(number.providerID, number.tenant, from: providerVersion)
    try checkAgent(of: number)
    row.numbersRevision += 1
    providers[number.providerID] = row
    claims[key] = NumberClaim(
      accountSID: number.accountSID, carrierSID: number.carrierSID, tenant: number.tenant,
      numberID: number.id, region: number.region)
    numbers[number.id] = number
    publish(.number(number.id), .put(.number(NumberRoute(number))))
  }

  private func checkAgent(of number: PhoneNumber) throws(StoreError) {
    guard let id = number.agentID else { return }
    guard agents[AgentKey(tenant: number.tenant, id: id)] != nil else { throw .notFound(.agent) }
  }

  private func stored(
    _ id: PhoneNumberID, _ tenant: TenantID, from version: Version
  ) throws(StoreError) -> PhoneNumber {
    guard let number = numbers[id], number.tenant == tenant else { throw .notFound(.number) }
    guard number.revision.version == version else { throw .versionMismatch(.number) }
    return number
  }

  private mutating func update(
    _ number: PhoneNumber, from version: Version
  ) throws(StoreError) {
    _ = try stored(number.id, number.tenant, from: version)
    try checkAgent(of: number)
    numbers[number.id] = number
    publish(.number(number.id), .put(.number(NumberRoute(number))))
  }

  private mutating func delete(
    _ id: PhoneNumberID, from version: Version, _ tenant: TenantID
  ) throws(StoreError) {
    let number = try stored(id, tenant, from: version)
    numbers[id] = nil
    claims[ClaimKey(account: number.accountSID, sid: number.carrierSID)] = nil
    publish(.number(id), .removed(.number(id, tenant: tenant)))
  }

  // MARK: Agents

  private mutating func insert(_ agent: Agent) throws(StoreError) {
    let key = AgentKey(tenant: agent.tenant, id: agent.id)
    guard agents[key] == nil else { throw .agentExists }
    agents[key] = agent
    publish(.agent(key), .put(.agent(AgentRoute(agent))))
  }

  private func stored(_ key: AgentKey, from version: Version) throws(StoreError) -> Agent {
    guard let agent = agents[key] else { throw .notFound(.agent) }
    guard agent.revision.version == version else { throw .versionMismatch(.agent) }
    return agent
  }

  private mutating func update(_ agent: Agent, from version: Version) throws(StoreError) {
    let key = AgentKey(tenant: agent.tenant, id: agent.id)
    _ = try stored(key, from: version)
    agents[key] = agent
    publish(.agent(key), .put(.agent(AgentRoute(agent))))
  }

  private mutating func delete(
    _ id: AgentID, from version: Version, _ tenant: TenantID
  ) throws(StoreError) {
    let key = AgentKey(tenant: tenant, id: id)
    _ = try stored(key, from: version)
    let count = numbers.values.count { $0.tenant == tenant && $0.agentID == id }
    guard count == 0 else { throw .agentHasNumbers(count: count) }
    agents[key] = nil
    publish(.agent(key), .removed(.agent(id, tenant: tenant)))
  }

  // MARK: The journal

  private mutating func insert(_ journal: ProvisioningJournal) throws(StoreError) {
    let open = journals.values.contains { $0.numberID == journal.numberID && $0.isOpen }
    guard !open else { throw .versionMismatch(.journal) }
    journals[journal.id] = journal
  }

  private mutating func update(
    _ journal: ProvisioningJournal, from revision: UInt64
  ) throws(StoreError) {
    guard let stored = journals[journal.id] else { throw .notFound(.journal) }
    guard stored.revision == revision else { throw .versionMismatch(.journal) }
    journals[journal.id] = journal
  }

  // MARK: The feed

  private mutating func publish(_ key: RouteKey, _ kind: RouteChange.Kind) {
    sequence += 1
    routes[key] = RouteRow(sequence: sequence, kind: kind, time: time)
  }

  mutating func prune(requestsBefore: Timestamp, historyBefore: Timestamp, limit: Int) -> Int {
    let old = requests.filter { $0.value.createTime < requestsBefore }.keys.prefix(limit)
    for key in old { requests[key] = nil }
    let closed = journals.values.filter { !$0.isOpen && $0.updateTime < historyBefore }
      .prefix(limit)
    for journal in closed { journals[journal.id] = nil }
    let removed = routes.filter { row in
      if case .removed = row.value.kind { row.value.time < historyBefore } else { false }
    }.sorted { $0.value.sequence < $1.value.sequence }.prefix(limit)
    for row in removed {
      routes[row.key] = nil
      prunedThrough = max(prunedThrough, row.value.sequence)
    }
    return old.count + closed.count + removed.count
  }
}
