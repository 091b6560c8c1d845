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

  package func tenant(_ id: TenantID) -> any TenantStore {
    FaultyTenantStore(base.tenant(id), injector)
  }

  package func provider(_ id: ProviderID) async throws(StoreError) -> Provider? {
    try await injector.step { () async throws(StoreError) in try await base.provider(id) }
  }

  package func openJournals(
    after id: OperationID?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal] {
    try await injector.step { () async throws(StoreError) in
      try await base.openJournals(after: id, limit: limit)
    }
  }

  package func routes(
    after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> RoutePage {
    try await injector.step { () async throws(StoreError) in
      try await base.routes(after: sequence, limit: limit)
    }
  }

  @discardableResult
  package func prune(
    requestsBefore: Timestamp, historyBefore: Timestamp, limit: Int
  ) async throws(StoreError) -> Int {
    try await injector.step { () async throws(StoreError) in
      try await base.prune(
        requestsBefore: requestsBefore, historyBefore: historyBefore, limit: limit)
    }
  }
}

/// What a tenant has, behind a store of whose steps one fails.
package struct FaultyTenantStore: TenantStore {
  private let base: any TenantStore
  private let injector: FaultInjector

  init(_ base: any TenantStore, _ injector: FaultInjector) {
    self.base = base
    self.injector = injector
  }

  @discardableResult
  package func commit(_ write: RegistryWrite) async throws(StoreError) -> RegistryReceipt {
    try await injector.step { () async throws(StoreError) in try await base.commit(write) }
  }

  package func provider(
    _ id: ProviderID
  ) async throws(StoreError) -> StoredProvider? {
    try await injector.step { () async throws(StoreError) in
      try await base.provider(id)
    }
  }

  package func provider(
    account: AccountSID, region: Region
  ) async throws(StoreError) -> StoredProvider? {
    try await injector.step { () async throws(StoreError) in
      try await base.provider(account: account, region: region)
    }
  }

  package func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    try await injector.step { () async throws(StoreError) in
      try await base.providers(filter, after: cursor, limit: limit)
    }
  }

  package func number(
    _ id: PhoneNumberID
  ) async throws(StoreError) -> PhoneNumber? {
    try await injector.step { () async throws(StoreError) in try await base.number(id) }
  }

  package func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [PhoneNumber] {
    try await injector.step { () async throws(StoreError) in
      try await base.numbers(filter, after: cursor, limit: limit)
    }
  }

  package func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) async throws(StoreError) -> [NumberClaim] {
    try await injector.step { () async throws(StoreError) in
      try await base.claims(of: sids, account: account)
    }
  }

  package func agent(_ id: AgentID) async throws(StoreError) -> Agent? {
    try await injector.step { () async throws(StoreError) in try await base.agent(id) }
  }

  package func agents(
    after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Agent] {
    try await injector.step { () async throws(StoreError) in
      try await base.agents(after: cursor, limit: limit)
    }
  }

  package func numbers(
    of agents: [AgentID]
  ) async throws(StoreError) -> [AgentID: AgentNumbers] {
    try await injector.step { () async throws(StoreError) in
      try await base.numbers(of: agents)
    }
  }

  package func request(
    _ id: String
  ) async throws(StoreError) -> RequestRecord? {
    try await injector.step { () async throws(StoreError) in try await base.request(id) }
  }

  package func journal(_ id: OperationID) async throws(StoreError) -> ProvisioningJournal? {
    try await injector.step { () async throws(StoreError) in try await base.journal(id) }
  }

  package func openJournal(
    of number: PhoneNumberID
  ) async throws(StoreError) -> ProvisioningJournal? {
    try await injector.step { () async throws(StoreError) in try await base.openJournal(of: number)
    }
  }
}

extension FaultInjector {
  /// Runs one step of a store, which fails when its turn has come.
  fileprivate func step<Result: Sendable>(
    _ body: () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    switch step() {
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
