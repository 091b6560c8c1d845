internal import StoreSQL
internal import Synchronization

/// The connections that read a file; a read takes the one that has the fewest to do.
final class SQLiteReaders: Sendable {
  private let readers: [SQLiteReader]
  /// How many reads each runs or has waiting.
  private let counts: Mutex<[Int]>

  /// Opens the file, which is there and has its tables.
  init(path: String, executor: SQLiteExecutor) async throws(SQLiteMigrations.Failure) {
    var readers: [SQLiteReader] = []
    for loop in executor.reading { readers.append(try await SQLiteReader(path: path, on: loop)) }
    self.readers = readers
    counts = Mutex(readers.map { _ in 0 })
  }

  func run(_ statement: SQLStatement, _ values: [SQLValue]) async throws(SQLFailure) -> SQLResult {
    let index = counts.withLock { counts in
      var least = 0
      for index in counts.indices where counts[index] < counts[least] { least = index }
      counts[least] += 1
      return least
    }
    defer { counts.withLock { counts in counts[index] -= 1 } }
    return try await readers[index].run(statement, values)
  }
}
