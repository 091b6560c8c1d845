package import StoreSQL

/// A database file as it is at one moment, read while others write: a connection of its own holds
/// one read transaction.
package struct SQLiteSnapshots: SQLSnapshots {
  private let path: String
  private let executor: SQLiteExecutor

  /// The file is there and has this program's tables: see ``SQLiteStores``.
  package init(path: String, executor: SQLiteExecutor) {
    self.path = path
    self.executor = executor
  }

  package func withSnapshot<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> Result
  ) async throws(SQLFailure) -> Result {
    let reader: SQLiteReader
    guard let loop = executor.reading.last else { preconditionFailure("Nothing reads.") }
    do throws(SQLiteMigrations.Failure) {
      reader = try await SQLiteReader(path: path, on: loop)
    } catch .sqlite(let error) {
      throw SQLFailure(error)
    } catch {
      throw .damaged(cause: "\(error)")
    }
    return try await reader.withSnapshot(body)
  }
}

extension SQLiteReader {
  /// Runs `body` in one read transaction; nothing else is read on this connection meanwhile.
  func withSnapshot<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> Result
  ) async throws(SQLFailure) -> Result {
    try command("BEGIN")
    defer { rollBack() }
    return try await body(SnapshotSession(reader: self))
  }
}

private struct SnapshotSession: SQLSession {
  let reader: SQLiteReader

  func run(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult {
    try await reader.run(statement, values, timeout: nil)
  }

  func announceChange() async throws(SQLFailure) {}
}
