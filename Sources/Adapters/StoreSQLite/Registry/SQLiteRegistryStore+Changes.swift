internal import Registry
internal import Telephony

extension SQLiteRegistryStore {
  /// Applies one change inside the transaction.
  func apply(
    _ change: RegistryChange, tenant: TenantID, feed: inout RouteFeedWriter
  ) throws(StoreError) {
    switch change {
    case .insertProvider(let provider):
      try insert(provider)
      try feed.put(.provider, provider.id.description)
    case .updateProvider(let provider, let from, let numbersRevision):
      try update(provider, from: from, numbersRevision: numbersRevision, tenant: tenant)
      try feed.put(.provider, provider.id.description)
    case .deleteProvider(let id, let from):
      try deleteProvider(id, from: from, tenant: tenant)
      try feed.remove(.provider, id.description)
    case .insertNumber(let number, let providerVersion):
      try insert(number, providerVersion: providerVersion, tenant: tenant)
      try feed.put(.number, number.id.description)
    case .updateNumber(let number, let from):
      try update(number, from: from, tenant: tenant)
      try feed.put(.number, number.id.description)
    case .deleteNumber(let id, let from):
      try deleteNumber(id, from: from, tenant: tenant)
      try feed.remove(.number, id.description)
    case .insertAgent(let agent):
      try insert(agent)
      try feed.put(.agent, agent.id.description)
    case .updateAgent(let agent, let from):
      try update(agent, from: from, tenant: tenant)
      try feed.put(.agent, agent.id.description)
    case .deleteAgent(let id, let from):
      try deleteAgent(id, from: from, tenant: tenant)
      try feed.remove(.agent, id.description)
    case .insertJournal(let journal):
      try insert(journal)
    case .updateJournal(let journal, let from):
      try update(journal, from: from)
    case .insertTenant, .insertToken, .revokeToken: throw Self.later
    case .forgetRequests(let resourceID):
      try run(
        "DELETE FROM registry_requests WHERE tenant = ?1 AND resource_id = ?2",
        [SQLiteValue(tenant), .text(resourceID)])
    }
  }

  /// Records a request id, or throws what it already stands for.
  func insert(_ request: RequestRecord) throws(StoreError) {
    if let known = try self.request(request.requestID, tenant: request.tenant) {
      throw .requestRepeated(known)
    }
    try run(
      "INSERT INTO registry_requests VALUES (?1, ?2, ?3, ?4, ?5)",
      [
        SQLiteValue(request.tenant), .text(request.requestID), .blob(request.fingerprint),
        .text(request.resourceID), SQLiteValue(request.createTime),
      ])
  }

  // MARK: Providers

  private func insert(_ provider: Provider) throws(StoreError) {
    let taken = try run(
      "SELECT id FROM providers WHERE tenant = ?1 AND account_sid = ?2 AND region = ?3",
      [
        SQLiteValue(provider.tenant), SQLiteValue(provider.accountSID),
        SQLiteValue(provider.region),
      ])
    if let row = taken.first { throw .providerExists(try identifier(row.text(0))) }
    try run(
      "INSERT INTO providers VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7)",
      [
        SQLiteValue(provider.id), SQLiteValue(provider.tenant), SQLiteValue(provider.accountSID),
        SQLiteValue(provider.region), SQLiteValue(provider.revision.version),
        SQLiteValue(provider.revision.createTime), StoredDocument.encode(provider),
      ])
  }

  private func update(
    _ provider: Provider, from: Version, numbersRevision: UInt64?, tenant: TenantID
  ) throws(StoreError) {
    let changed = try change(
      """
      UPDATE providers SET version = ?1, document = ?2
      WHERE id = ?3 AND tenant = ?4 AND version = ?5
        AND (?6 IS NULL OR numbers_revision = ?6)
      """,
      [
        SQLiteValue(provider.revision.version), StoredDocument.encode(provider),
        SQLiteValue(provider.id), SQLiteValue(tenant), SQLiteValue(from),
        numbersRevision.map { SQLiteValue($0) } ?? .null,
      ])
    guard changed == 1 else { throw try refusalOfProvider(provider.id, tenant) }
  }

  private func deleteProvider(
    _ id: ProviderID, from: Version, tenant: TenantID
  ) throws(StoreError) {
    let known: [SQLiteValue] = [SQLiteValue(id), SQLiteValue(tenant), SQLiteValue(from)]
    let found = try run(
      "SELECT 1 FROM providers WHERE id = ?1 AND tenant = ?2 AND version = ?3", known)
    guard !found.isEmpty else { throw try refusalOfProvider(id, tenant) }
    let count = try count(
      "SELECT count(*) FROM phone_numbers WHERE provider_id = ?1", [SQLiteValue(id)])
    guard count == 0 else { throw .providerHasNumbers(count: count) }
    try run("DELETE FROM providers WHERE id = ?1 AND tenant = ?2 AND version = ?3", known)
  }

  private func refusalOfProvider(_ id: ProviderID, _ tenant: TenantID) throws(StoreError)
    -> StoreError
  {
    let found = try run(
      "SELECT 1 FROM providers WHERE id = ?1 AND tenant = ?2",
      [SQLiteValue(id), SQLiteValue(tenant)])
    return found.isEmpty ? .notFound(.provider) : .versionMismatch(.provider)
  }

  // MARK: Agents

  private func insert(_ agent: Agent) throws(StoreError) {
    guard try run("SELECT 1 FROM agents WHERE tenant = ?1 AND id = ?2", agentKey(agent)).isEmpty
    else { throw .agentExists }
    try run(
      "INSERT INTO agents VALUES (?1, ?2, ?3, ?4, ?5)",
      agentKey(agent) + [
        SQLiteValue(agent.revision.version), SQLiteValue(agent.revision.createTime),
        StoredDocument.encode(agent),
      ])
  }

  private func agentKey(_ agent: Agent) -> [SQLiteValue] {
    [SQLiteValue(agent.tenant), SQLiteValue(agent.id)]
  }

  private func update(_ agent: Agent, from: Version, tenant: TenantID) throws(StoreError) {
    let changed = try change(
      "UPDATE agents SET version = ?1, document = ?2"
        + " WHERE tenant = ?3 AND id = ?4 AND version = ?5",
      [
        SQLiteValue(agent.revision.version), StoredDocument.encode(agent), SQLiteValue(tenant),
        SQLiteValue(agent.id), SQLiteValue(from),
      ])
    guard changed == 1 else { throw try refusalOfAgent(agent.id, tenant) }
  }

  private func deleteAgent(_ id: AgentID, from: Version, tenant: TenantID) throws(StoreError) {
    let key: [SQLiteValue] = [SQLiteValue(tenant), SQLiteValue(id)]
    let found = try run(
      "SELECT 1 FROM agents WHERE tenant = ?1 AND id = ?2 AND version = ?3",
      key + [SQLiteValue(from)])
    guard !found.isEmpty else { throw try refusalOfAgent(id, tenant) }
    let count = try count(
      "SELECT count(*) FROM phone_numbers WHERE tenant = ?1 AND agent_id = ?2", key)
    guard count == 0 else { throw .agentHasNumbers(count: count) }
    try run("DELETE FROM agents WHERE tenant = ?1 AND id = ?2", key)
  }

  private func refusalOfAgent(_ id: AgentID, _ tenant: TenantID) throws(StoreError) -> StoreError {
    let found = try run(
      "SELECT 1 FROM agents WHERE tenant = ?1 AND id = ?2", [SQLiteValue(tenant), SQLiteValue(id)])
    return found.isEmpty ? .notFound(.agent) : .versionMismatch(.agent)
  }

  func count(_ sql: String, _ values: [SQLiteValue]) throws(StoreError) -> Int {
    Int(try run(sql, values).first?.integer(0) ?? 0)
  }

  /// An id that we stored ourselves.
  func identifier<Kind>(_ text: String) throws(StoreError) -> HexIdentifier<Kind> {
    do throws(IdentifierError) {
      return try HexIdentifier<Kind>(text)
    } catch {
      throw .damaged(cause: "a stored id is not one: \(error)")
    }
  }
}
