package import Registry
package import Telephony

extension SQLiteRegistryStore {
  func provider(
    _ id: ProviderID, tenant: TenantID
  ) throws(StoreError) -> StoredProvider? {
    try storedProvider(
      "SELECT document, numbers_revision FROM providers WHERE id = ?1 AND tenant = ?2",
      [SQLiteValue(id), SQLiteValue(tenant)])
  }

  func provider(
    account: AccountSID, region: Region, tenant: TenantID
  ) throws(StoreError) -> StoredProvider? {
    try storedProvider(
      """
      SELECT document, numbers_revision FROM providers
      WHERE tenant = ?1 AND account_sid = ?2 AND region = ?3
      """,
      [SQLiteValue(tenant), SQLiteValue(account), SQLiteValue(region)])
  }

  private func storedProvider(
    _ sql: String, _ values: [SQLiteValue]
  ) throws(StoreError) -> StoredProvider? {
    guard let row = try run(sql, values).first else { return nil }
    return StoredProvider(
      provider: try decode(Provider.self, row.blob(0)),
      numbersRevision: UInt64(clamping: row.integer(1)))
  }

  func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) throws(StoreError) -> [Provider] {
    var query = PageQuery(table: "providers", tenant: tenant)
    query.filter("account_sid", filter.accountSID.map { SQLiteValue($0) })
    query.filter("region", filter.region.map { SQLiteValue($0) })
    return try page(query, after: cursor, limit: limit)
  }

  func number(
    _ id: PhoneNumberID, tenant: TenantID
  ) throws(StoreError) -> PhoneNumber? {
    try document(
      "SELECT document FROM phone_numbers WHERE id = ?1 AND tenant = ?2",
      [SQLiteValue(id), SQLiteValue(tenant)])
  }

  func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) throws(StoreError) -> [PhoneNumber] {
    var query = PageQuery(table: "phone_numbers", tenant: tenant)
    switch filter.kind {
    // Every number is Twilio's until there are other kinds of provider.
    case nil, .twilio: break
    }
    query.filter("agent_id", filter.agentID.map { SQLiteValue($0) })
    query.filter("provider_id", filter.providerID.map { SQLiteValue($0) })
    query.filter("region", filter.region.map { SQLiteValue($0) })
    query.filter("state", filter.state.map { .text($0.rawValue) })
    return try page(query, after: cursor, limit: limit)
  }

  func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) throws(StoreError) -> [NumberClaim] {
    var claims: [NumberClaim] = []
    for sid in sids {
      let rows = try run(
        """
        SELECT tenant, number_id, region FROM number_claims
        WHERE account_sid = ?1 AND carrier_sid = ?2
        """,
        [SQLiteValue(account), SQLiteValue(sid)])
      guard let row = rows.first else { continue }
      guard let region = Region(rawValue: row.text(2)) else {
        throw .damaged(cause: "a stored region is not one")
      }
      claims.append(
        NumberClaim(
          accountSID: account, carrierSID: sid, tenant: try identifier(row.text(0)),
          numberID: try identifier(row.text(1)), region: region))
    }
    return claims
  }

  func agent(_ id: AgentID, tenant: TenantID) throws(StoreError) -> Agent? {
    try document(
      "SELECT document FROM agents WHERE tenant = ?1 AND id = ?2",
      [SQLiteValue(tenant), SQLiteValue(id)])
  }

  func agents(
    after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) throws(StoreError) -> [Agent] {
    try page(PageQuery(table: "agents", tenant: tenant), after: cursor, limit: limit)
  }

  func numbers(
    of agents: [AgentID], tenant: TenantID
  ) throws(StoreError) -> [AgentID: AgentNumbers] {
    var numbers: [AgentID: AgentNumbers] = [:]
    for agent in agents {
      let key: [SQLiteValue] = [SQLiteValue(tenant), SQLiteValue(agent)]
      let count = try count(
        "SELECT count(*) FROM phone_numbers WHERE tenant = ?1 AND agent_id = ?2", key)
      guard count > 0 else { continue }
      let rows = try run(
        """
        SELECT id FROM phone_numbers WHERE tenant = ?1 AND agent_id = ?2
        ORDER BY create_time DESC, id DESC LIMIT ?3
        """,
        key + [.integer(Int64(RegistryLimits.agentNumbersMax))])
      var newest: [PhoneNumberID] = []
      for row in rows { newest.append(try identifier(row.text(0))) }
      numbers[agent] = AgentNumbers(newest: newest, count: count)
    }
    return numbers
  }

  func request(
    _ id: String, tenant: TenantID
  ) throws(StoreError) -> RequestRecord? {
    let rows = try run(
      """
      SELECT fingerprint, resource_id, create_time FROM registry_requests
      WHERE tenant = ?1 AND request_id = ?2
      """,
      [SQLiteValue(tenant), .text(id)])
    return rows.first.map { row in
      RequestRecord(
        tenant: tenant, requestID: id, fingerprint: row.blob(0), resourceID: row.text(1),
        createTime: Timestamp(microseconds: row.integer(2)))
    }
  }

  func journal(_ id: OperationID) throws(StoreError) -> ProvisioningJournal? {
    try document("SELECT document FROM provisioning_journal WHERE id = ?1", [SQLiteValue(id)])
  }

  func openJournal(
    of number: PhoneNumberID
  ) throws(StoreError) -> ProvisioningJournal? {
    try document(
      "SELECT document FROM provisioning_journal WHERE number_id = ?1 AND is_open = 1",
      [SQLiteValue(number)])
  }

  package func openJournals(
    after id: OperationID?, limit: Int
  ) throws(StoreError) -> [ProvisioningJournal] {
    let rows = try run(
      """
      SELECT document, id FROM provisioning_journal
      WHERE is_open = 1 AND (?1 IS NULL OR id > ?1) ORDER BY id LIMIT ?2
      """,
      [id.map { SQLiteValue($0) } ?? .null, .integer(Int64(limit))])
    // One entry that can't be read must not keep the others from being resumed.
    return rows.compactMap { row in
      if let journal = try? decode(ProvisioningJournal.self, row.blob(0)) { return journal }
      damaged("journal entry \(row.text(1))")
      return nil
    }
  }

  private func page<Value: Decodable>(
    _ query: PageQuery, after cursor: PageCursor?, limit: Int
  ) throws(StoreError) -> [Value] {
    let (sql, values) = query.statement(after: cursor, limit: limit)
    return try documents(try run(sql, values))
  }

  private func document<Value: Decodable>(
    _ sql: String, _ values: [SQLiteValue]
  ) throws(StoreError) -> Value? {
    let values: [Value] = try documents(try run(sql, values))
    return values.first
  }

  private func documents<Value: Decodable>(_ rows: [SQLiteRow]) throws(StoreError) -> [Value] {
    var values: [Value] = []
    for row in rows { values.append(try decode(Value.self, row.blob(0))) }
    return values
  }
}

/// A keyset page of a tenant's resources, newest first.
private struct PageQuery {
  private let table: String
  private var conditions = ["tenant = ?1"]
  private var values: [SQLiteValue]

  init(table: String, tenant: TenantID) {
    self.table = table
    self.values = [SQLiteValue(tenant)]
  }

  /// Keeps rows whose `column` has `value`; nil keeps all.
  mutating func filter(_ column: String, _ value: SQLiteValue?) {
    guard let value else { return }
    values.append(value)
    conditions.append("\(column) = ?\(values.count)")
  }

  func statement(after cursor: PageCursor?, limit: Int) -> (String, [SQLiteValue]) {
    var conditions = conditions
    var values = values
    if let cursor {
      values += [SQLiteValue(cursor.createTime), .text(cursor.id)]
      conditions.append("(create_time, id) < (?\(values.count - 1), ?\(values.count))")
    }
    values.append(.integer(Int64(limit)))
    let sql = """
      SELECT document FROM \(table) WHERE \(conditions.joined(separator: " AND "))
      ORDER BY create_time DESC, id DESC LIMIT ?\(values.count)
      """
    return (sql, values)
  }
}
