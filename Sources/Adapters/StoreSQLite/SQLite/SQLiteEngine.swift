internal import EventLoops
package import StoreSQL

/// A database file as ``StoreSQL/SQLEngine``: one connection that writes and some that read.
///
/// A write-ahead log gives each read the last commit, whatever is being written. Transactions run
/// one after the other.
package struct SQLiteEngine: SQLEngine {
  private let writer: SQLiteWriter
  private let readers: SQLiteReaders

  /// Opens or creates the file at `path` and brings it to this program's version.
  package init(
    path: String, executor: SQLiteExecutor, schema: SQLiteMigrations
  ) async throws(SQLiteMigrations.Failure) {
    writer = try await SQLiteWriter(path: path, executor: executor, schema: schema)
    readers = try await SQLiteReaders(path: path, executor: executor)
  }

  package func read(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult {
    try await readers.run(statement, values)
  }

  package func transaction<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
  ) async throws(SQLFailure) -> Result {
    try await writer.transaction(body)
  }
}

/// The connection that writes: one transaction at a time, in the order of their coming.
actor SQLiteWriter {
  private let executor: SQLiteExecutor
  private let connection: SQLiteConnection
  private let turns = Turns()
  private var isBusy = false

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe executor.writing.asUnownedSerialExecutor()
  }

  init(
    path: String, executor: SQLiteExecutor, schema: SQLiteMigrations
  ) async throws(SQLiteMigrations.Failure) {
    self.executor = executor
    do throws(SQLiteError) {
      try SQLiteFiles.makeOrCheck(path)
      connection = try SQLiteConnection(path: path)
    } catch {
      throw .sqlite(error)
    }
    try schema.run(on: connection)
  }

  /// Runs `body` between BEGIN IMMEDIATE and COMMIT.
  ///
  /// The body's statements run on this actor and don't suspend, but a body may: what comes
  /// meanwhile waits for its turn, or it would stand in the middle of this transaction.
  func transaction<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
  ) async throws(SQLFailure) -> Result {
    guard await turns.enter() else {
      throw .unavailable(cause: "too many transactions wait", mayHaveCommitted: false)
    }
    isBusy = true
    defer {
      isBusy = false
      turns.leave()
    }
    try command(.begin)
    let ending: SQLEnding<Result>
    do throws(SQLFailure) {
      ending = try await body(SQLiteSession(writer: self))
    } catch {
      connection.rollBack()
      throw error
    }
    switch ending {
    case .rollBack(let result):
      connection.rollBack()
      return result
    case .commit(let result):
      do throws(SQLFailure) {
        try command(.commit)
      } catch {
        connection.rollBack()
        guard case .unavailable(let cause, _) = error else { throw error }
        throw .unavailable(cause: cause, mayHaveCommitted: true)
      }
      return result
    }
  }

  private func command(_ command: SQLiteConnection.Command) throws(SQLFailure) {
    do throws(SQLiteError) { try connection.run(command.rawValue) } catch {
      throw SQLFailure(error)
    }
  }

  fileprivate func run(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) throws(SQLFailure) -> SQLResult {
    precondition(isBusy, "a statement outside of its transaction")
    do throws(SQLiteError) {
      return try connection.run(statement, values)
    } catch {
      throw SQLFailure(error)
    }
  }
}

/// The transaction that a writer has under way.
private struct SQLiteSession: SQLSession {
  let writer: SQLiteWriter

  func run(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult {
    try await writer.run(statement, values)
  }

  /// Nobody else reads the file: watchers of this process are told by the receipt.
  func announceChange() async throws(SQLFailure) {}
}

extension SQLFailure {
  /// A refusal of a key apart, SQLite's failures are either the machine's, and pass, or ours.
  init(_ error: SQLiteError) {
    if error.isUniqueViolation {
      self = .uniqueViolation(constraint: error.message)
    } else if error.isDamage {
      self = .damaged(cause: error.description)
    } else {
      self = .unavailable(cause: error.description, mayHaveCommitted: false)
    }
  }
}
