package import Access
package import Registry
package import Telephony

// Stands in until the store is StoreSQL's.

extension SQLiteRegistryStore {
  static var later: StoreError { .unavailable(cause: "not in this store yet") }

  package func token(_ id: APITokenID) throws(StoreError) -> APIToken? { throw Self.later }
  package func tenants(after id: TenantID?, limit: Int) throws(StoreError) -> [Tenant] {
    throw Self.later
  }
  package func providers(
    notSealedUnder key: String, after id: ProviderID?, limit: Int
  ) throws(StoreError) -> [Provider] { throw Self.later }
  package func agents(
    notSealedUnder key: String, after place: (tenant: TenantID, id: AgentID)?, limit: Int
  ) throws(StoreError) -> [Agent] { throw Self.later }
  package func events(after sequence: UInt64, limit: Int) throws(StoreError) -> EventPage {
    throw Self.later
  }
}

extension SQLiteTenantStore {
  func numbers(of e164: E164) async throws(StoreError) -> [PhoneNumber] {
    throw SQLiteRegistryStore.later
  }
  func record() async throws(StoreError) -> Tenant? { throw SQLiteRegistryStore.later }
  func count(of kind: CountedKind) async throws(StoreError) -> Int {
    throw SQLiteRegistryStore.later
  }
  func token(_ id: APITokenID) async throws(StoreError) -> APIToken? {
    throw SQLiteRegistryStore.later
  }
  func tokens(after cursor: PageCursor?, limit: Int) async throws(StoreError) -> [APIToken] {
    throw SQLiteRegistryStore.later
  }
  func tokenUsed(_ id: APITokenID, at time: Timestamp) async throws(StoreError) {
    throw SQLiteRegistryStore.later
  }
  func auditEvents(
    _ filter: AuditFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [AuditEntry] { throw SQLiteRegistryStore.later }
  func events(
    of kind: ChangeEvent.Kind, after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> EventPage { throw SQLiteRegistryStore.later }
}
