package import Registry
internal import Synchronization
package import Telephony

/// The registry's memory for tests: nothing is kept when it goes.
package final class MemoryRegistryStore: RegistryStore {
  let tables: Mutex<RegistryTables>
  private let epoch: String

  package init(epoch: String = "memory") {
    self.tables = Mutex(RegistryTables())
    self.epoch = epoch
  }

  @discardableResult
  package func commit(_ write: RegistryWrite) async throws(StoreError) -> RegistryReceipt {
    try tables.withLock { tables throws(StoreError) in
      var copy = tables
      let sequence = copy.sequence
      try copy.apply(write)
      tables = copy
      return RegistryReceipt(routeSequence: copy.sequence > sequence ? copy.sequence : nil)
    }
  }

  package func provider(
    _ id: ProviderID, tenant: TenantID
  ) async throws(StoreError) -> StoredProvider? {
    tables.withLock { tables in tables.providers[id].flatMap { $0.tenant == tenant ? $0 : nil } }
  }

  package func provider(
    account: AccountSID, region: Region, tenant: TenantID
  ) async throws(StoreError) -> StoredProvider? {
    tables.withLock { tables in
      tables.providers.values.first {
        $0.tenant == tenant && $0.provider.accountSID == account && $0.provider.region == region
      }
    }
  }

  package func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) async throws(StoreError) -> [Provider] {
    tables.withLock { tables in
      let all = tables.providers.values.map(\.provider).filter {
        $0.tenant == tenant && (filter.accountSID ?? $0.accountSID) == $0.accountSID
          && (filter.region ?? $0.region) == $0.region
      }
      return Self.page(all, after: cursor, limit: limit) {
        PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
      }
    }
  }

  package func number(
    _ id: PhoneNumberID, tenant: TenantID
  ) async throws(StoreError) -> PhoneNumber? {
    tables.withLock { tables in tables.numbers[id].flatMap { $0.tenant == tenant ? $0 : nil } }
  }

  package func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) async throws(StoreError) -> [PhoneNumber] {
    tables.withLock { tables in
      let all = tables.numbers.values.filter {
        $0.tenant == tenant && (filter.agentID == nil || filter.agentID == $0.agentID)
          && (filter.providerID ?? $0.providerID) == $0.providerID
          && (filter.region ?? $0.region) == $0.region && (filter.state ?? $0.state) == $0.state
      }
      return Self.page(all, after: cursor, limit: limit) {
        PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
      }
    }
  }

  package func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) async throws(StoreError) -> [NumberClaim] {
    tables.withLock { tables in
      sids.compactMap { tables.claims[ClaimKey(account: account, sid: $0)] }
    }
  }

  package func agent(_ id: AgentID, tenant: TenantID) async throws(StoreError) -> Agent? {
    tables.withLock { $0.agents[AgentKey(tenant: tenant, id: id)] }
  }

  package func agents(
    after cursor: PageCursor?, limit: Int, tenant: TenantID
  ) async throws(StoreError) -> [Agent] {
    tables.withLock { tables in
      Self.page(
        tables.agents.values.filter { $0.tenant == tenant }, after: cursor, limit: limit
      ) { PageCursor(createTime: $0.revision.createTime, id: $0.id.description) }
    }
  }

  package func numbers(
    of agents: [AgentID], tenant: TenantID
  ) async throws(StoreError) -> [AgentID: AgentNumbers] {
    tables.withLock { tables in
      var found: [AgentID: AgentNumbers] = [:]
      for agent in agents {
        let all = tables.numbers.values.filter { $0.tenant == tenant && $0.agentID == agent }
        guard !all.isEmpty else { continue }
        let newest = Self.page(all, after: nil, limit: RegistryLimits.agentNumbersMax) {
          PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
        }
        found[agent] = AgentNumbers(newest: newest.map(\.id), count: all.count)
      }
      return found
    }
  }

  package func request(
    _ id: String, tenant: TenantID
  ) async throws(StoreError) -> RequestRecord? {
    tables.withLock { $0.requests[RequestKey(tenant: tenant, id: id)] }
  }

  package func journal(_ id: OperationID) async throws(StoreError) -> ProvisioningJournal? {
    tables.withLock { $0.journals[id] }
  }

  package func openJournal(
    of number: PhoneNumberID
  ) async throws(StoreError) -> ProvisioningJournal? {
    tables.withLock { $0.journals.values.first { $0.numberID == number && $0.isOpen } }
  }

  package func openJournals(
    after id: OperationID?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal] {
    tables.withLock { tables in
      let open = tables.journals.values.filter { journal in
        journal.isOpen && (id.map { $0 < journal.id } ?? true)
      }
      return Array(open.sorted { $0.id < $1.id }.prefix(limit))
    }
  }

  package func routes(
    after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> RoutePage {
    tables.withLock { tables in
      let changes = tables.routes.values.filter { $0.sequence > sequence }
        .sorted { $0.sequence < $1.sequence }.prefix(limit)
      return RoutePage(
        changes: changes.map { RouteChange(sequence: $0.sequence, kind: $0.kind) },
        latest: tables.sequence, prunedThrough: tables.prunedThrough, epoch: epoch)
    }
  }

  @discardableResult
  package func prune(
    requestsBefore: Timestamp, historyBefore: Timestamp, limit: Int
  ) async throws(StoreError) -> Int {
    tables.withLock { tables in
      tables.prune(requestsBefore: requestsBefore, historyBefore: historyBefore, limit: limit)
    }
  }

  /// Newest first after the cursor.
  private static func page<Resource>(
    _ all: some Sequence<Resource>, after cursor: PageCursor?, limit: Int,
    key: (Resource) -> PageCursor
  ) -> [Resource] {
    let sorted = all.sorted { isNewer(key($0), key($1)) }
    let rest = sorted.filter { resource in cursor.map { isNewer($0, key(resource)) } ?? true }
    return Array(rest.prefix(limit))
  }

  private static func isNewer(_ one: PageCursor, _ other: PageCursor) -> Bool {
    (one.createTime, one.id) > (other.createTime, other.id)
  }
}

extension StoredProvider {
  fileprivate var tenant: TenantID { provider.tenant }
}
