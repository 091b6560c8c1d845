package import Access
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

  package func tenant(_ id: TenantID) -> any TenantStore {
    MemoryTenantStore(store: self, tenant: id)
  }

  package func provider(_ id: ProviderID) async throws(StoreError) -> Provider? {
    tables.withLock { $0.providers[id]?.provider }
  }

  package func token(_ id: APITokenID) async throws(StoreError) -> APIToken? {
    tables.withLock { $0.tokens[id] }
  }

  package func tenants(
    after id: TenantID?, limit: Int
  ) async throws(StoreError) -> [Tenant] {
    tables.withLock { tables in
      let all = tables.tenants.values.filter { tenant in id.map { $0 < tenant.id } ?? true }
      return Array(all.sorted { $0.id < $1.id }.prefix(limit))
    }
  }

  package func providers(
    after id: ProviderID?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    tables.withLock { tables in
      let all = tables.providers.values.map(\.provider)
        .filter { provider in id.map { $0 < provider.id } ?? true }
      return Array(all.sorted { $0.id < $1.id }.prefix(limit))
    }
  }

  package func providers(
    notSealedUnder key: String, after id: ProviderID?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    tables.withLock { tables in
      let all = tables.providers.values.map(\.provider).filter { provider in
        provider.seals.contains { $0 != Seal(keyName: key, isEnvelope: true) }
          && id.map { $0 < provider.id } ?? true
      }
      return Array(all.sorted { $0.id < $1.id }.prefix(limit))
    }
  }

  package func agents(
    notSealedUnder key: String, after place: (tenant: TenantID, id: AgentID)?, limit: Int
  ) async throws(StoreError) -> [Agent] {
    tables.withLock { tables in
      let all = tables.agents.values.filter { agent in
        agent.seals.contains { $0 != Seal(keyName: key, isEnvelope: true) }
          && place.map { ($0.tenant, $0.id) < (agent.tenant, agent.id) } ?? true
      }
      return Array(
        all.sorted { ($0.tenant, $0.id) < ($1.tenant, $1.id) }.prefix(limit))
    }
  }

  package func sealCounts() async throws(StoreError) -> [SealCount] {
    tables.withLock { tables in
      var counts: [String: Int] = [:]
      let all =
        tables.providers.values.map(\.provider.seals) + tables.agents.values.map(\.seals)
      for seals in all where !seals.isEmpty { counts[seals.text, default: 0] += 1 }
      return counts.sorted { $0.key < $1.key }
        .map { SealCount(seals: [Seal](text: $0.key), rowCount: $0.value) }
    }
  }

  package func providers(
    sealed seals: [Seal], limit: Int
  ) async throws(StoreError) -> [Provider] {
    tables.withLock { tables in
      Array(tables.providers.values.map(\.provider).filter { $0.seals == seals }.prefix(limit))
    }
  }

  package func agents(sealed seals: [Seal], limit: Int) async throws(StoreError) -> [Agent] {
    tables.withLock { Array($0.agents.values.filter { $0.seals == seals }.prefix(limit)) }
  }

  package func events(
    after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> EventPage {
    events(after: sequence, limit: limit) { _ in true }
  }

  func events(
    after sequence: UInt64, limit: Int, where isWanted: (ChangeEvent) -> Bool
  ) -> EventPage {
    tables.withLock { tables in
      EventPage(
        events: Array(
          tables.events.filter { $0.sequence > sequence && isWanted($0) }.prefix(limit)),
        feed: tables.stand(
          after: sequence, prunedThrough: tables.eventsPrunedThrough, epoch: epoch))
    }
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
        changes: changes.map { row in
          RouteChange(point: FeedPoint(sequence: row.sequence, time: row.time), kind: row.kind)
        },
        feed: tables.stand(after: sequence, prunedThrough: tables.prunedThrough, epoch: epoch))
    }
  }

  package func record(_ entries: [AuditEntry]) async throws(StoreError) {
    tables.withLock { tables in
      for entry in entries where !tables.audit.contains(where: { $0.id == entry.id }) {
        tables.audit.append(entry)
      }
    }
  }

  package func pruneAudit(before time: Timestamp, limit: Int) async throws(StoreError) -> Int {
    tables.withLock { tables in
      let gone = Set(
        tables.audit.filter { $0.time < time }.sorted { $0.time < $1.time }.prefix(limit).map(\.id))
      tables.audit.removeAll { gone.contains($0.id) }
      return gone.count
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
}
