internal import Access
internal import Registry
internal import Telephony

// Providers, agents, tokens and tenants, and the audit log.

extension RegistryTransaction {
  // MARK: Providers

  mutating func insert(_ provider: Provider) async throws(Stop) {
    try check(provider.tenant, .provider)
    try await lockGateway(provider.gatewayID)
    let inserted = try await run(
      RegistryStatements.insertProvider,
      [
        SQLValue(provider.region), SQLValue(tenant), SQLValue(provider.id),
        .text(provider.key), SQLValue(provider.revision.version),
        SQLValue(provider.revision.createTime), .text(provider.seals.text),
        SQLValue(document: provider), .text(provider.kind.rawValue),
        provider.gatewayID.map { SQLValue($0) } ?? .null,
      ])
    guard inserted.changedCount == 1 else {
      throw try await twin(of: provider) ?? .failed(.serialization)
    }
    changed(.of(provider, .created), count: 1)
  }

  /// Why a provider can't be as it is to be: another of its key is linked in its region.
  private func twin(of provider: Provider) async throws(Stop) -> Stop? {
    let rows = try await run(
      RegistryStatements.providerOfKey,
      [SQLValue(provider.region), SQLValue(tenant), .text(provider.key)]
    ).rows
    guard let row = rows.first else { return nil }
    let id: ProviderID = try identifier(row.text(2))
    return id == provider.id ? nil : .refused(.providerExists(id))
  }

  /// Takes the row of a gateway that is named: it is not deleted meanwhile.
  func lockGateway(_ gateway: ProviderID?) async throws(Stop) {
    if let gateway { _ = try await lockProvider(gateway) }
  }

  mutating func update(
    _ provider: Provider, from: Version, numbersRevision: UInt64?
  ) async throws(Stop) {
    try check(provider.tenant, .provider)
    guard try await lockProvider(provider.id).integer(0) == Int64(clamping: from) else {
      throw .refused(.versionMismatch(.provider))
    }
    try await lockGateway(provider.gatewayID)
    if let twin = try await twin(of: provider) { throw twin }
    var values = [
      SQLValue(provider.revision.version), .text(provider.seals.text),
      SQLValue(document: provider), SQLValue(provider.region), SQLValue(tenant),
      SQLValue(provider.id), SQLValue(from), .text(provider.key),
      provider.gatewayID.map { SQLValue($0) } ?? .null,
    ]
    let statement: SQLStatement
    if let numbersRevision {
      values.append(SQLValue(numbersRevision))
      statement = RegistryStatements.updateProviderWithNumbers
    } else {
      statement = RegistryStatements.updateProvider
    }
    guard try await run(statement, values).changedCount == 1 else {
      _ = try await lockProvider(provider.id)
      throw .refused(.versionMismatch(.provider))
    }
    changed(.of(provider, .updated))
  }

  mutating func deleteProvider(_ id: ProviderID, from: Version) async throws(Stop) {
    let row = try await lockProvider(id)
    guard row.integer(0) == Int64(clamping: from) else {
      throw .refused(.versionMismatch(.provider))
    }
    let count = try await count(
      RegistryStatements.countNumbersOfProvider, [SQLValue(tenant), SQLValue(id)])
    guard count == 0 else { throw .refused(.providerHasNumbers(count: count)) }
    let key = [SQLValue(tenant), SQLValue(id)]
    let providers = try await self.count(RegistryStatements.countProvidersOfGateway, key)
    let numbers = try await self.count(RegistryStatements.countNumbersOfGateway, key)
    guard providers + numbers == 0 else {
      throw .refused(.gatewayHasUsers(providerCount: providers, numberCount: numbers))
    }
    try await run(
      RegistryStatements.deleteProvider, [.text(row.text(1)), SQLValue(tenant), SQLValue(id)])
    changed(.gone(.provider, id.description, from), count: -1)
  }

  /// Version and region of a provider, whose row is taken.
  private func lockProvider(_ id: ProviderID) async throws(Stop) -> SQLRow {
    let rows = try await run(
      RegistryStatements.lockProvider, [SQLValue(tenant), SQLValue(id)]
    ).rows
    guard let row = rows.first else { throw .refused(.notFound(.provider)) }
    return row
  }

  // MARK: Agents

  mutating func insert(_ agent: Agent) async throws(Stop) {
    try check(agent.tenant, .agent)
    let inserted = try await run(
      RegistryStatements.insertAgent,
      [
        SQLValue(tenant), SQLValue(agent.id), SQLValue(agent.revision.version),
        SQLValue(agent.revision.createTime), .text(agent.seals.text), SQLValue(document: agent),
      ])
    guard inserted.changedCount == 1 else { throw .refused(.agentExists) }
    changed(.of(agent, .created), count: 1)
  }

  mutating func update(_ agent: Agent, from: Version) async throws(Stop) {
    try check(agent.tenant, .agent)
    let updated = try await run(
      RegistryStatements.updateAgent,
      [
        SQLValue(agent.revision.version), .text(agent.seals.text), SQLValue(document: agent),
        SQLValue(tenant), SQLValue(agent.id), SQLValue(from), SQLValue(agent.revision.createTime),
      ])
    guard updated.changedCount == 1 else {
      _ = try await lockAgent(agent.id)
      throw .refused(.versionMismatch(.agent))
    }
    changed(.of(agent, .updated))
  }

  mutating func deleteAgent(_ id: AgentID, from: Revision) async throws(Stop) {
    guard try await lockAgent(id) == (from.version, from.createTime) else {
      throw .refused(.versionMismatch(.agent))
    }
    let key = [SQLValue(tenant), SQLValue(id)]
    let count = try await count(RegistryStatements.countNumbersOfAgent, key)
    guard count == 0 else { throw .refused(.agentHasNumbers(count: count)) }
    try await run(RegistryStatements.deleteAgent, key)
    changed(.gone(.agent, id.description, from.version), count: -1)
  }

  /// The version of an agent, whose row is taken, and when it was made.
  @discardableResult
  func lockAgent(_ id: AgentID) async throws(Stop) -> (Version, Timestamp) {
    let rows = try await run(RegistryStatements.lockAgent, [SQLValue(tenant), SQLValue(id)]).rows
    guard let row = rows.first else { throw .refused(.notFound(.agent)) }
    return (Version(clamping: row.integer(0)), Timestamp(microseconds: row.integer(1)))
  }

  // MARK: Tenants and tokens

  func insert(_ tenant: Tenant) async throws(Stop) {
    try await run(
      FeedStatements.insertTenant,
      [SQLValue(tenant.id), SQLValue(tenant.createTime), SQLValue(document: tenant)])
  }

  mutating func insert(_ token: APIToken) async throws(Stop) {
    try check(token.tenant, .token)
    let inserted = try await run(
      FeedStatements.insertToken,
      [
        SQLValue(token.id), SQLValue(tenant), SQLValue(token.createTime),
        token.lastUseTime.map { SQLValue($0) } ?? .null,
        token.revokeTime.map { SQLValue($0) } ?? .null, SQLValue(document: token),
      ])
    guard inserted.changedCount == 1 else { throw .refused(.versionMismatch(.token)) }
    guard let grant = token.grant else { return }
    changed(
      FeedChange(
        kind: .token, id: token.id.description, version: 1, change: .created, entry: .token(grant)),
      count: 1)
  }

  mutating func revoke(_ id: APITokenID, at time: Timestamp) async throws(Stop) {
    let key = [SQLValue(id), SQLValue(tenant)]
    guard let row = try await run(FeedStatements.lockToken, key).rows.first else {
      throw .refused(.notFound(.token))
    }
    guard row.optionalInteger(0) == nil else { return }
    try await run(FeedStatements.revokeToken, [SQLValue(time)] + key)
    changed(.gone(.token, id.description, 2), count: -1)
  }

  // MARK: -

  func insert(_ entry: AuditEntry) async throws(Stop) {
    precondition(entry.tenant == tenant, "an audit entry of another tenant than its write")
    try await run(FeedStatements.insertAudit, entry.values)
  }

  private func count(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(Stop) -> Int {
    Int(try await run(statement, values).rows.first?.integer(0) ?? 0)
  }

  func identifier<Kind>(_ text: String) throws(Stop) -> HexIdentifier<Kind> {
    do throws(StoreError) {
      return try StoreError.identifier(text)
    } catch {
      throw .refused(error)
    }
  }
}

extension FeedChange {
  static func of(_ provider: Provider, _ change: ChangeEvent.Change) -> FeedChange {
    FeedChange(
      kind: .provider, id: provider.id.description, version: provider.revision.version,
      change: change, entry: .of(provider))
  }

  static func of(_ agent: Agent, _ change: ChangeEvent.Change) -> FeedChange {
    FeedChange(
      kind: .agent, id: agent.id.description, version: agent.revision.version, change: change,
      entry: .agent(AgentRoute(agent)))
  }

  static func of(_ number: PhoneNumber, _ change: ChangeEvent.Change) -> FeedChange {
    FeedChange(
      kind: .number, id: number.id.description, version: number.revision.version, change: change,
      entry: .number(NumberRoute(number)), number: number)
  }

  static func gone(
    _ kind: ChangeEvent.Kind, _ id: String, _ version: Version
  ) -> FeedChange {
    FeedChange(kind: kind, id: id, version: version, change: .deleted)
  }
}
