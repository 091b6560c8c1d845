internal import StoreSQL

/// The steps that bring a database file to the shape this program knows.
///
/// Step n takes version n − 1 to n; `PRAGMA user_version` holds the version. A step that has been
/// released is never edited: a change is a further step.
package struct SQLiteMigrations: Sendable {
  /// One step: what it is for, its script, and what code does after the script.
  package struct Step: Sendable {
    package let purpose: String
    let script: String
    let fill: (@Sendable (SQLiteConnection) throws(Failure) -> Void)?

    package init(
      _ purpose: String, script: String,
      fill: (@Sendable (SQLiteConnection) throws(Failure) -> Void)? = nil
    ) {
      self.purpose = purpose
      self.script = script
      self.fill = fill
    }
  }

  package let steps: [Step]

  package init(steps: [Step]) { self.steps = steps }

  /// Why a file can't be brought to this program's version.
  package enum Failure: Error, Hashable, Sendable {
    case sqlite(SQLiteError)
    /// A newer program wrote the file.
    case newerFile(version: Int, known: Int)
  }

  /// The steps that a file lacks. Changes nothing.
  package func missing(on connection: SQLiteConnection) throws(Failure) -> [Step] {
    Array(steps[try version(connection)...])
  }

  /// Runs the steps that are missing, each in a transaction of its own. Two starters take turns:
  /// the second finds nothing missing.
  package func run(on connection: SQLiteConnection) throws(Failure) {
    while try version(connection) < steps.count {
      try connection.withTransaction(mapping: Failure.sqlite) { () throws(Failure) in
        let number = try version(connection)
        guard number < steps.count else { return }
        try sqlite { () throws(SQLiteError) in try connection.runScript(steps[number].script) }
        try steps[number].fill?(connection)
        try sqlite { () throws(SQLiteError) in
          try connection.runScript("PRAGMA user_version = \(number + 1)")
        }
      }
    }
  }

  private func version(_ connection: SQLiteConnection) throws(Failure) -> Int {
    let version = try sqlite { () throws(SQLiteError) in
      try Int(connection.first("PRAGMA user_version")?.integer(0) ?? 0)
    }
    guard version <= steps.count else {
      throw .newerFile(version: version, known: steps.count)
    }
    return version
  }

  private func sqlite<R>(_ body: () throws(SQLiteError) -> R) throws(Failure) -> R {
    do throws(SQLiteError) { return try body() } catch { throw .sqlite(error) }
  }
}
