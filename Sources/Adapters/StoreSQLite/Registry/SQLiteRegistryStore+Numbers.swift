internal import Registry
internal import Telephony

extension SQLiteRegistryStore {
  func insert(
    _ number: PhoneNumber, providerVersion: Version, tenant: TenantID
  ) throws(StoreError) {
    if let claim = try claims(of: [number.carrierSID], account: number.accountSID).first {
      throw .numberClaimed(claim)
    }
    let providers = try run(
      "SELECT version FROM providers WHERE id = ?1 AND tenant = ?2",
      [SQLiteValue(number.providerID), SQLiteValue(tenant)])
    guard let provider = providers.first else { throw .notFound(.provider) }
    guard provider.integer(0) == Int64(clamping: providerVersion) else {
      throw .versionMismatch(.provider)
    }
    try checkAgent(of: number, tenant)
    try run(
      "UPDATE providers SET numbers_revision = numbers_revision + 1 WHERE id = ?1",
      [SQLiteValue(number.providerID)])
    try run(
      "INSERT INTO phone_numbers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
      [SQLiteValue(number.id), SQLiteValue(tenant)] + columns(of: number))
    try run(
      "INSERT INTO number_claims VALUES (?1, ?2, ?3, ?4, ?5)",
      [
        SQLiteValue(number.accountSID), SQLiteValue(number.carrierSID), SQLiteValue(tenant),
        SQLiteValue(number.id), SQLiteValue(number.region),
      ])
  }

  func update(_ number: PhoneNumber, from: Version, tenant: TenantID) throws(StoreError) {
    try checkAgent(of: number, tenant)
    let changed = try change(
      """
      UPDATE phone_numbers SET provider_id = ?3, agent_id = ?4, region = ?5, state = ?6,
        version = ?7, create_time = ?8, document = ?9
      WHERE id = ?1 AND tenant = ?2 AND version = ?10
      """,
      [SQLiteValue(number.id), SQLiteValue(tenant)] + columns(of: number) + [SQLiteValue(from)])
    guard changed == 1 else { throw try refusalOfNumber(number.id, tenant) }
    try run(
      "UPDATE number_claims SET region = ?1 WHERE number_id = ?2",
      [SQLiteValue(number.region), SQLiteValue(number.id)])
  }

  /// Removes the number and its claim.
  func deleteNumber(
    _ id: PhoneNumberID, from: Version, tenant: TenantID
  ) throws(StoreError) {
    let changed = try change(
      "DELETE FROM phone_numbers WHERE id = ?1 AND tenant = ?2 AND version = ?3",
      [SQLiteValue(id), SQLiteValue(tenant), SQLiteValue(from)])
    guard changed == 1 else { throw try refusalOfNumber(id, tenant) }
    try run("DELETE FROM number_claims WHERE number_id = ?1", [SQLiteValue(id)])
  }

  /// The columns after id and tenant, in the table's order.
  private func columns(of number: PhoneNumber) -> [SQLiteValue] {
    [
      SQLiteValue(number.providerID), number.agentID.map { SQLiteValue($0) } ?? .null,
      SQLiteValue(number.region), .text(number.state.rawValue),
      SQLiteValue(number.revision.version), SQLiteValue(number.revision.createTime),
      StoredDocument.encode(number),
    ]
  }

  private func checkAgent(of number: PhoneNumber, _ tenant: TenantID) throws(StoreError) {
    guard let agent = number.agentID else { return }
    let found = try run(
      "SELECT 1 FROM agents WHERE tenant = ?1 AND id = ?2",
      [SQLiteValue(tenant), SQLiteValue(agent)])
    guard !found.isEmpty else { throw .notFound(.agent) }
  }

  private func refusalOfNumber(
    _ id: PhoneNumberID, _ tenant: TenantID
  ) throws(StoreError) -> StoreError {
    let found = try run(
      "SELECT 1 FROM phone_numbers WHERE id = ?1 AND tenant = ?2",
      [SQLiteValue(id), SQLiteValue(tenant)])
    return found.isEmpty ? .notFound(.number) : .versionMismatch(.number)
  }

  // MARK: Journal

  func insert(_ journal: ProvisioningJournal) throws(StoreError) {
    let open = try openJournal(of: journal.numberID)
    guard open == nil || !journal.isOpen else { throw .versionMismatch(.journal) }
    try run(
      "INSERT INTO provisioning_journal VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      [
        SQLiteValue(journal.id), SQLiteValue(journal.numberID), SQLiteValue(journal.isOpen),
        SQLiteValue(journal.revision), SQLiteValue(journal.updateTime),
        StoredDocument.encode(journal),
      ])
  }

  func update(_ journal: ProvisioningJournal, from: UInt64) throws(StoreError) {
    let changed = try change(
      """
      UPDATE provisioning_journal SET is_open = ?1, revision = ?2, update_time = ?3, document = ?4
      WHERE id = ?5 AND revision = ?6
      """,
      [
        SQLiteValue(journal.isOpen), SQLiteValue(journal.revision),
        SQLiteValue(journal.updateTime), StoredDocument.encode(journal), SQLiteValue(journal.id),
        SQLiteValue(from),
      ])
    guard changed == 1 else {
      let isThere = try self.journal(journal.id) != nil
      throw isThere ? .versionMismatch(.journal) : .notFound(.journal)
    }
  }
}
