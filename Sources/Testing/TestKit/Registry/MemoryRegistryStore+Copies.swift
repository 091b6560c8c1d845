internal import Synchronization

/// What a store held at one moment.
package struct RegistryStoreCopy: Sendable {
  fileprivate let tables: RegistryTables
}

extension MemoryRegistryStore {
  /// What the store holds now.
  package func copy() -> RegistryStoreCopy { RegistryStoreCopy(tables: tables.withLock { $0 }) }

  /// Makes the store what it was, as a database is that was put back to an earlier point in time:
  /// its history has the same name, and is shorter.
  package func goBack(to copy: RegistryStoreCopy) { tables.withLock { $0 = copy.tables } }
}
