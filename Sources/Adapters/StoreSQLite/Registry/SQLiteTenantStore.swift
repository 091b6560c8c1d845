internal import Registry
internal import Telephony

/// What a tenant has in the store's file.
struct SQLiteTenantStore: TenantStore {
  let store: SQLiteRegistryStore
  let tenant: TenantID

  func commit(_ write: RegistryWrite) async throws(StoreError) -> RegistryReceipt {
    try await store.commit(write, tenant: tenant)
  }

  func provider(_ id: ProviderID) async throws(StoreError) -> StoredProvider? {
    try await store.provider(id, tenant: tenant)
  }

  func provider(
    account: AccountSID, region: Region
  ) async throws(StoreError) -> StoredProvider? {
    try await store.provider(account: account, region: region, tenant: tenant)
  }

  func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    try await store.providers(filter, after: cursor, limit: limit, tenant: tenant)
  }

  func number(_ id: PhoneNumberID) async throws(StoreError) -> PhoneNumber? {
    try await store.number(id, tenant: tenant)
  }

  func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [PhoneNumber] {
    try await store.numbers(filter, after: cursor, limit: limit, tenant: tenant)
  }

  func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) async throws(StoreError) -> [NumberClaim] {
    try await store.claims(of: sids, account: account)
  }

  func agent(_ id: AgentID) async throws(StoreError) -> Agent? {
    try await store.agent(id, tenant: tenant)
  }

  func agents(after cursor: PageCursor?, limit: Int) async throws(StoreError) -> [Agent] {
    try await store.agents(after: cursor, limit: limit, tenant: tenant)
  }

  func numbers(of agents: [AgentID]) async throws(StoreError) -> [AgentID: AgentNumbers] {
    try await store.numbers(of: agents, tenant: tenant)
  }

  func request(_ id: String) async throws(StoreError) -> RequestRecord? {
    try await store.request(id, tenant: tenant)
  }

  func journal(_ id: OperationID) async throws(StoreError) -> ProvisioningJournal? {
    let journal = try await store.journal(id)
    return journal?.tenant == tenant ? journal : nil
  }

  func openJournal(of number: PhoneNumberID) async throws(StoreError) -> ProvisioningJournal? {
    let journal = try await store.openJournal(of: number)
    return journal?.tenant == tenant ? journal : nil
  }
}
