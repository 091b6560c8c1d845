internal import EventLoops
internal import StoreSQL

/// A connection that reads.
actor SQLiteReader {
  /// How long one read may take: meanwhile those that have this connection wait.
  static let readTimeout: Duration = .seconds(5)

  private let loop: EventLoop
  private let connection: SQLiteConnection

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe loop.asUnownedSerialExecutor()
  }

  /// Opens the file, which is there and has its tables.
  init(path: String, on loop: EventLoop) async throws(SQLiteMigrations.Failure) {
    self.loop = loop
    do throws(SQLiteError) {
      connection = try SQLiteConnection(path: path)
      try connection.run("PRAGMA cache_size=-\(Self.cacheKibibytes)")
    } catch {
      throw .sqlite(error)
    }
  }

  /// The upper pages of every table and index of a million numbers; SQLite's own 2 MiB hold few.
  private static let cacheKibibytes = 64 << 10

  /// - Parameter timeout: beside the caller's deadline; nil: as long as it takes.
  func run(
    _ statement: SQLStatement, _ values: [SQLValue], timeout: Duration? = SQLiteReader.readTimeout
  ) throws(SQLFailure) -> SQLResult {
    let latest = timeout.map { ContinuousClock.now.advanced(by: $0) }
    let deadline = [latest, SQLDeadline.current].compactMap(\.self).min()
    // It may have waited for others' reads.
    if let deadline, deadline <= .now { throw .deadline }
    do throws(SQLiteError) {
      guard let deadline else { return try connection.run(statement, values) }
      return try connection.run(statement, values, until: deadline)
    } catch {
      throw error.isInterruption ? .deadline : SQLFailure(error)
    }
  }

  func command(_ sql: String) throws(SQLFailure) {
    do throws(SQLiteError) { try connection.run(sql) } catch { throw SQLFailure(error) }
  }

  func rollBack() { connection.rollBack() }
}
