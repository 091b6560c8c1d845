internal import Access
internal import Registry
internal import Telephony

extension RegistryTables {
  // MARK: Providers

  mutating func insert(_ provider: Provider) throws(StoreError) {
    try checkKey(of: provider)
    providers[provider.id] = StoredProvider(provider: provider, numbersRevision: 0)
    publish(
      .provider(provider.id), route(of: provider),
      event(.provider, "\(provider.id)", provider.tenant, provider.revision.version, .created))
    tally(.provider, provider.tenant, 1)
  }

  /// Another of its key must not be there, and the gateway that it names must.
  private func checkKey(of provider: Provider) throws(StoreError) {
    if let gateway = provider.gatewayID, providers[gateway]?.provider.tenant != provider.tenant {
      throw .notFound(.provider)
    }
    let twin = providers.values.first {
      $0.provider.tenant == provider.tenant && $0.provider.key == provider.key
        && $0.provider.region == provider.region && $0.provider.id != provider.id
    }
    if let twin { throw .providerExists(twin.provider.id) }
  }

  private func route(of provider: Provider) -> RouteChange.Kind {
    RouteEntry.of(provider).map { .put($0) }
      ?? .removed(.provider(provider.id, tenant: provider.tenant))
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

  mutating func update(
    _ provider: Provider, from version: Version, numbersRevision: UInt64?
  ) throws(StoreError) {
    var row = try stored(provider.id, provider.tenant, from: version)
    guard (numbersRevision ?? row.numbersRevision) == row.numbersRevision else {
      throw .versionMismatch(.provider)
    }
    try checkKey(of: provider)
    row.provider = provider
    providers[provider.id] = row
    publish(
      .provider(provider.id), route(of: provider),
      event(.provider, "\(provider.id)", provider.tenant, provider.revision.version, .updated))
  }

  mutating func delete(
    _ id: ProviderID, from version: Version, _ tenant: TenantID
  ) throws(StoreError) {
    _ = try stored(id, tenant, from: version)
    let count = numbers.values.count { $0.providerID == id }
    guard count == 0 else { throw .providerHasNumbers(count: count) }
    let users = providers.values.count { $0.provider.gatewayID == id }
    let called = numbers.values.count { $0.gatewayProviderID == id }
    guard users + called == 0 else {
      throw .gatewayHasUsers(providerCount: users, numberCount: called)
    }
    providers[id] = nil
    publish(
      .provider(id), .removed(.provider(id, tenant: tenant)),
      event(.provider, "\(id)", tenant, version, .deleted))
    tally(.provider, tenant, -1)
  }

  // MARK: Numbers

  mutating func insert(
    _ number: PhoneNumber, providerVersion: Version
  ) throws(StoreError) {
    let key = ClaimKey(account: number.accountSID, sid: number.carrierSID)
    if let gateway = number.gatewayProviderID,
      providers[gateway]?.provider.tenant != number.tenant
    {
      throw .notFound(.provider)
    }
    if let claim = claims[key] { throw .numberClaimed(claim) }
    var row = try stored(number.providerID, number.tenant, from: providerVersion)
    try checkAgent(of: number)
    row.numbersRevision += 1
    providers[number.providerID] = row
    claims[key] = NumberClaim(
      accountSID: number.accountSID, carrierSID: number.carrierSID, tenant: number.tenant,
      numberID: number.id, region: number.region)
    numbers[number.id] = number
    publish(
      .number(number.id), .put(.number(NumberRoute(number))),
      event(.number, "\(number.id)", number.tenant, number.revision.version, .created, number))
    tally(.number, number.tenant, 1)
    if number.purchase == .platform { tally(.platformNumber, number.tenant, 1) }
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

  mutating func update(
    _ number: PhoneNumber, from version: Version
  ) throws(StoreError) {
    _ = try stored(number.id, number.tenant, from: version)
    try checkAgent(of: number)
    claims[ClaimKey(account: number.accountSID, sid: number.carrierSID)]?.region = number.region
    numbers[number.id] = number
    publish(
      .number(number.id), .put(.number(NumberRoute(number))),
      event(.number, "\(number.id)", number.tenant, number.revision.version, .updated, number))
  }

  mutating func name(
    _ number: PhoneNumber, from version: Version
  ) throws(StoreError) {
    let former = try stored(number.id, number.tenant, from: version)
    let key = ClaimKey(account: number.accountSID, sid: number.carrierSID)
    if let claim = claims[key], claim.numberID != number.id { throw .numberClaimed(claim) }
    claims[ClaimKey(account: former.accountSID, sid: former.carrierSID)] = nil
    claims[key] = NumberClaim(
      accountSID: number.accountSID, carrierSID: number.carrierSID, tenant: number.tenant,
      numberID: number.id, region: number.region)
    try update(number, from: version)
  }

  mutating func delete(
    _ id: PhoneNumberID, from version: Version, _ tenant: TenantID
  ) throws(StoreError) {
    let number = try stored(id, tenant, from: version)
    numbers[id] = nil
    claims[ClaimKey(account: number.accountSID, sid: number.carrierSID)] = nil
    publish(
      .number(id), .removed(.number(id, tenant: tenant)),
      event(.number, "\(id)", tenant, version, .deleted))
    tally(.number, tenant, -1)
    if number.purchase == .platform { tally(.platformNumber, tenant, -1) }
  }

  // MARK: Agents

  mutating func insert(_ agent: Agent) throws(StoreError) {
    let key = AgentKey(tenant: agent.tenant, id: agent.id)
    guard agents[key] == nil else { throw .agentExists }
    agents[key] = agent
    publish(
      .agent(key), .put(.agent(AgentRoute(agent))),
      event(.agent, "\(agent.id)", agent.tenant, agent.revision.version, .created))
    tally(.agent, agent.tenant, 1)
  }

  private func check(
    _ key: AgentKey, from version: Version, madeAt createTime: Timestamp
  ) throws(StoreError) {
    guard let agent = agents[key] else { throw .notFound(.agent) }
    guard agent.revision.version == version, agent.revision.createTime == createTime else {
      throw .versionMismatch(.agent)
    }
  }

  mutating func update(_ agent: Agent, from version: Version) throws(StoreError) {
    let key = AgentKey(tenant: agent.tenant, id: agent.id)
    try check(key, from: version, madeAt: agent.revision.createTime)
    agents[key] = agent
    publish(
      .agent(key), .put(.agent(AgentRoute(agent))),
      event(.agent, "\(agent.id)", agent.tenant, agent.revision.version, .updated))
  }

  mutating func delete(
    _ id: AgentID, from revision: Revision, _ tenant: TenantID
  ) throws(StoreError) {
    let key = AgentKey(tenant: tenant, id: id)
    try check(key, from: revision.version, madeAt: revision.createTime)
    let count = numbers.values.count { $0.tenant == tenant && $0.agentID == id }
    guard count == 0 else { throw .agentHasNumbers(count: count) }
    agents[key] = nil
    publish(
      .agent(key), .removed(.agent(id, tenant: tenant)),
      event(.agent, "\(id)", tenant, revision.version, .deleted))
    tally(.agent, tenant, -1)
  }

  // MARK: The journal

  mutating func insert(_ journal: ProvisioningJournal) throws(StoreError) {
    let open = journals.values.contains { $0.subject == journal.subject && $0.isOpen }
    guard !open else { throw .versionMismatch(.journal) }
    journals[journal.id] = journal
  }

  mutating func update(
    _ journal: ProvisioningJournal, from revision: UInt64
  ) throws(StoreError) {
    guard let stored = journals[journal.id] else { throw .notFound(.journal) }
    guard stored.revision == revision else { throw .versionMismatch(.journal) }
    journals[journal.id] = journal
  }

  // MARK: The feed

  private mutating func publish(
    _ key: RouteKey, _ kind: RouteChange.Kind, _ event: ChangeEvent
  ) {
    sequence += 1
    routes[key] = RouteRow(sequence: sequence, kind: kind, time: time)
    var event = event
    event.sequence = sequence
    events.append(event)
  }

  /// An event whose sequence is not given yet.
  private func event(
    _ kind: ChangeEvent.Kind, _ id: String, _ tenant: TenantID, _ version: Version,
    _ change: ChangeEvent.Change, _ number: PhoneNumber? = nil
  ) -> ChangeEvent {
    ChangeEvent(
      sequence: 0, tenant: tenant, kind: kind, resourceID: id, version: version, change: change,
      time: time, number: number)
  }

  private mutating func tally(_ kind: CountedKind, _ tenant: TenantID, _ difference: Int) {
    counts[CountKey(tenant: tenant, kind: kind), default: 0] += difference
  }

  // MARK: Tokens

  mutating func insert(_ token: APIToken, _ tenant: TenantID) throws(StoreError) {
    guard token.tenant == tenant else { throw .notFound(.token) }
    guard tokens[token.id] == nil else { throw .versionMismatch(.token) }
    tokens[token.id] = token
    guard let grant = token.grant else { return }
    publish(
      .token(token.id), .put(.token(grant)), event(.token, "\(token.id)", tenant, 1, .created))
    tally(.token, tenant, 1)
  }

  mutating func revoke(
    _ id: APITokenID, at time: Timestamp, _ tenant: TenantID
  ) throws(StoreError) {
    guard var token = tokens[id], token.tenant == tenant else { throw .notFound(.token) }
    guard token.revokeTime == nil else { return }
    token.revokeTime = time
    tokens[id] = token
    publish(
      .token(id), .removed(.token(id, tenant: tenant)),
      event(.token, "\(id)", tenant, 2, .deleted))
    tally(.token, tenant, -1)
  }

  func stand(after asked: UInt64, prunedThrough: UInt64, epoch: String) -> FeedStand {
    FeedStand(
      epoch: epoch, latest: FeedPoint(sequence: sequence, time: events.last?.time),
      prunedThrough: prunedThrough, askedTime: events.first { $0.sequence == asked }?.time)
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
    let keptFrom = sequence - min(sequence, UInt64(RegistryLimits.eventCountMax))
    let gone = events.dropLast().prefix(limit).prefix {
      $0.time < historyBefore || $0.sequence <= keptFrom
    }
    if let last = gone.last { eventsPrunedThrough = last.sequence }
    events.removeFirst(gone.count)
    return old.count + closed.count + removed.count + gone.count
  }
}
