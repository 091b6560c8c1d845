package import Registry
package import Telephony

/// A store of whose steps one fails, as the injector says.
package struct FaultyRegistryStore: RegistryStore {
  private let base: any RegistryStore
  private let injector: FaultInjector

  package init(_ base: any RegistryStore, _ injector: FaultInjector) {
    self.base = base
    self.injector = injector
  }

  @discardableResult
  package func commit(_ write: RegistryWrite) async throws(StoreError) -> RegistryReceipt {
    try await step { () async throws(StoreError) in try await base.commit(write) }
  }

  package func provider(
    _ id: ProviderID, tenant: TenantID
  ) async throws(StoreError) -> StoredProvider? {
    try await step { () async throws(StoreError) in
      try await base.provider(id, tenant: tenant)
    }
  }

  package func provider(
    account: AccountSID, region: Region, tenant: TenantID
  ) async throws(StoreError) -> StoredProvider? {
    try await step { () async throws(StoreError) in
      try await base.provider(account: account, region: region, tenant: tenant)
    }
  }

  package func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) async throws(StoreError) -> [Provider] {
    try await step { () async throws(StoreError) in
      try await base.providers(filter, after: cursor, limit: limit, tenant: tenant)
    }
  }

  package func number(
    _ id: PhoneNumberID, tenant: TenantID
  ) async throws(StoreError) -> PhoneNumber? {
    try await step { () async throws(StoreError) in try await base.number(id, tenant: tenant) }
  }

  package func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) async throws(StoreError) -> [PhoneNumber] {
    try await step { () async throws(StoreError) in
      try await base.numbers(filter, after: cursor, limit: limit, tenant: tenant)
    }
  }

  package func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) async throws(StoreError) -> [NumberClaim] {
    try await step { () async throws(StoreError) in
      try await base.claims(of: sids, account: account)
    }
  }

  package func agent(_ id: AgentID, tenant: TenantID) async throws(StoreError) -> Agent? {
    try await step { () async throws(StoreError) in try await base.agent(id, tenant: tenant) }
  }

  package func agents(
    after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) async throws(StoreError) -> [Agent] {
    try await step { () async throws(StoreError) in
      try await base.agents(after: cursor, limit: limit, tenant: tenant)
    }
  }

  package func numbers(
    of agents: [AgentID], tenant: TenantID
  ) async throws(StoreError) -> [AgentID: AgentNumbers] {
    try await step { () async throws(StoreError) in
      try await base.numbers(of: agents, tenant: tenant)
    }
  }

  package func request(
    _ id: String, tenant: TenantID
  ) async throws(StoreError) -> RequestRecord? {
    try await step { () async throws(StoreError) in try await base.request(id, tenant: tenant) }
  }

  package func journal(_ id: OperationID) async throws(StoreError) -> ProvisioningJournal? {
    try await step { () async throws(StoreError) in try await base.journal(id) }
  }

  package func openJournal(
    of number: PhoneNumberID
  ) async throws(StoreError) -> ProvisioningJournal? {
    try await step { () async throws(StoreError) in try await base.openJournal(of: number) }
  }

  package func openJournals(
    after id: OperationID?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal] {
    try await step { () async throws(StoreError) in
      try await base.openJournals(after: id, limit: limit)
    }
  }

  package func routes(
    after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> RoutePage {
    try await step { () async throws(StoreError) in
      try await base.routes(after: sequence, limit: limit)
    }
  }

  @discardableResult
  package func prune(
    requestsBefore: Timestamp, historyBefore: Timestamp, limit: Int
  ) async throws(StoreError) -> Int {
    try await step { () async throws(StoreError) in
      try await base.prune(
        requestsBefore: requestsBefore, historyBefore: historyBefore, limit: limit)
    }
  }

  private func step<Result: Sendable>(
    _ body: () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    switch injector.step() {
    case .proceed:
      return try await body()
    case .failBefore:
      throw .unavailable(cause: "injected")
    case .failAfter:
      _ = try await body()
      throw .unavailable(cause: "injected")
    }
  }
}
