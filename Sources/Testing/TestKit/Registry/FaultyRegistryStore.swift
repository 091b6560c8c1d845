package import Access
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

  package func token(_ id: APITokenID) async throws(StoreError) -> APIToken? {
    try await injector.step { () async throws(StoreError) in try await base.token(id) }
  }

  package func tenants(
    after id: TenantID?, limit: Int
  ) async throws(StoreError) -> [Tenant] {
    try await injector.step { () async throws(StoreError) in
      try await base.tenants(after: id, limit: limit)
    }
  }

  package func providers(
    after id: ProviderID?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    try await injector.step { () async throws(StoreError) in
      try await base.providers(after: id, limit: limit)
    }
  }

  package func providers(
    notSealedUnder key: String, after id: ProviderID?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    try await injector.step { () async throws(StoreError) in
      try await base.providers(notSealedUnder: key, after: id, limit: limit)
    }
  }

  package func agents(
    notSealedUnder key: String, after place: (tenant: TenantID, id: AgentID)?, limit: Int
  ) async throws(StoreError) -> [Agent] {
    try await injector.step { () async throws(StoreError) in
      try await base.agents(notSealedUnder: key, after: place, limit: limit)
    }
  }

  package func sealCounts() async throws(StoreError) -> [SealCount] {
    try await injector.step { () async throws(StoreError) in try await base.sealCounts() }
  }

  package func providers(
    sealed seals: [Seal], limit: Int
  ) async throws(StoreError) -> [Provider] {
    try await injector.step { () async throws(StoreError) in
      try await base.providers(sealed: seals, limit: limit)
    }
  }

  package func agents(sealed seals: [Seal], limit: Int) async throws(StoreError) -> [Agent] {
    try await injector.step { () async throws(StoreError) in
      try await base.agents(sealed: seals, limit: limit)
    }
  }

  package func events(
    after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> EventPage {
    try await injector.step { () async throws(StoreError) in
      try await base.events(after: sequence, limit: limit)
    }
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

  package func record(_ entries: [AuditEntry]) async throws(StoreError) {
    try await injector.step { () async throws(StoreError) in try await base.record(entries) }
  }

  package func pruneAudit(before time: Timestamp, limit: Int) async throws(StoreError) -> Int {
    try await injector.step { () async throws(StoreError) in
      try await base.pruneAudit(before: time, limit: limit)
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

extension FaultInjector {
  /// Runs one step of a store, which fails when its turn has come.
  func step<Result: Sendable>(
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
