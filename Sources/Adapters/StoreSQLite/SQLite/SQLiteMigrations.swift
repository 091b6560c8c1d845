/// The steps that bring a database file to the shape this program knows.
///
/// Step n takes version n − 1 to n; `PRAGMA user_version` holds the version. A step that has been
/// released is never edited: a change is a further step.
package struct SQLiteMigrations: Sendable {
  package let steps: [String]

  package init(steps: [String]) { self.steps = steps }

  /// Why a file can't be brought to this program's version.
  package enum Failure: Error, Hashable, Sendable {
    case sqlite(SQLiteError)
    /// A newer program wrote the file.
    case newerFile(version: Int, known: Int)
  }

  /// Runs the steps that are missing, each in a transaction of its own.
  package func run(on connection: SQLiteConnection) throws(Failure) {
    let version = try sqlite { () throws(SQLiteError) in
      try Int(connection.first("PRAGMA user_version")?.integer(0) ?? 0)
    }
    guard version <= steps.count else {
      throw .newerFile(version: version, known: steps.count)
    }
    for number in version..<steps.count {
      try connection.withTransaction(mapping: Failure.sqlite) { () throws(Failure) in
        try sqlite { () throws(SQLiteError) in
          try connection.runScript(steps[number])
          try connection.runScript("PRAGMA user_version = \(number + 1)")
        }
      }
    }
  }

  private func sqlite<R>(_ body: () throws(SQLiteError) -> R) throws(Failure) -> R {
    do throws(SQLiteError) { return try body() } catch { throw .sqlite(error) }
  }
}
