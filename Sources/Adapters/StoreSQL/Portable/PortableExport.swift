internal import Crypto

/// A database that can be read at one moment while others write.
package protocol SQLSnapshots: Sendable {
  /// Runs `body` on one snapshot: nothing that is committed meanwhile is seen.
  func withSnapshot<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> Result
  ) async throws(SQLFailure) -> Result
}

/// Writes tables as lines that any engine's import understands. See `PortableLine`.
package struct PortableExport: Sendable {
  private let write: @Sendable ([UInt8]) throws(SQLFailure) -> Void

  /// - Parameter write: takes each line; what it throws ends the export.
  package init(write: @escaping @Sendable ([UInt8]) throws(SQLFailure) -> Void) {
    self.write = write
  }

  /// Writes the head: the versions of the tables that follow.
  package func begin() throws(SQLFailure) {
    var line = PortableLine()
    line.trunklineExport = PortableLine.version
    line.schema = PortableSchema.versions
    try write(line.bytes)
  }

  /// Writes tables as they are at one moment; answers how many rows.
  package func add(
    _ tables: [PortableTable], from source: any SQLSnapshots
  ) async throws(SQLFailure) -> Int {
    try await source.withSnapshot { session async throws(SQLFailure) -> Int in
      var count = 0
      for table in tables { count += try await add(table, session) }
      return count
    }
  }

  private func add(
    _ table: PortableTable, _ session: any SQLSession
  ) async throws(SQLFailure) -> Int {
    var head = PortableLine()
    head.table = table.name
    head.columns = table.columns
    try write(head.bytes)
    var count = 0
    var digests: [UInt8] = []
    try await table.each(session) { row async throws(SQLFailure) in
      let digest = table.digest(of: row)
      var line = PortableLine()
      line.row = row.map { PortableLine.Cell($0) }
      line.sha256 = PortableLine.hex(digest)
      try write(line.bytes)
      count += 1
      digests += digest
    }
    var end = PortableLine()
    end.end = table.name
    end.rows = count
    end.sha256 = PortableLine.hex(SHA256.digest(digests))
    try write(end.bytes)
    return count
  }

  /// Writes the end, without which a file is not whole.
  package func end(tableCount: Int) throws(SQLFailure) {
    var line = PortableLine()
    line.end = "export"
    line.tables = tableCount
    try write(line.bytes)
  }
}

/// The versions of the tables that an export holds: those of the migrations on a server.
enum PortableSchema {
  static let versions = [
    SQLMigrations.registry.component: SQLMigrations.registry.steps.count,
    SQLMigrations.calls.component: SQLMigrations.calls.steps.count,
  ]
}
