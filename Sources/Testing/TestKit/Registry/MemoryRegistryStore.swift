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
}
