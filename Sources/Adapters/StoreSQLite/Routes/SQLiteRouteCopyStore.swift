package import CallDispatch
internal import EventLoops
internal import StoreSQL
internal import Telephony

/// The dispatch's copy of the routes on one SQLite file. See `RouteCopyStore` for what it promises.
///
/// An actor on the ``SQLiteExecutor``: each method runs whole, one after the other.
package actor SQLiteRouteCopyStore: RouteCopyStore {
  private let executor: SQLiteExecutor
  private let connection: SQLiteConnection
  /// What rows of the present snapshot are marked with.
  private var mark: Int64

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe executor.writing.asUnownedSerialExecutor()
  }

  static let migrations = SQLiteMigrations(steps: [
    SQLiteMigrations.Step("make the tables", script: tables),
    // What is there stays in use until the whole has come again, with the tokens.
    SQLiteMigrations.Step(
      "have the registry send everything again, now with tokens",
      script: "UPDATE route_copy_place SET epoch = '', revision = 0 WHERE epoch IS NOT NULL"),
    SQLiteMigrations.Step(
      "keep the time of the last change",
      script: "ALTER TABLE route_copy_place ADD COLUMN change_time INTEGER"),
  ])

  private static let tables = """
    CREATE TABLE route_copies (
      kind TEXT NOT NULL,
      id TEXT NOT NULL,
      mark INTEGER NOT NULL,
      sealed BLOB NOT NULL,
      PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE route_copy_place (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      mark INTEGER NOT NULL,
      epoch TEXT,
      revision INTEGER
    ) STRICT;
    INSERT INTO route_copy_place VALUES (1, 0, NULL, NULL);
    """

  /// Opens or creates the file at `path`.
  ///
  /// A loss of power may undo the last steps (`synchronous=NORMAL`): the place goes with them.
  package init(
    path: String, executor: SQLiteExecutor
  ) async throws(SQLiteMigrations.Failure) {
    self.executor = executor
    do throws(SQLiteError) {
      connection = try SQLiteConnection(path: path)
      try connection.run("PRAGMA synchronous=NORMAL")
    } catch {
      throw .sqlite(error)
    }
    try Self.migrations.run(on: connection)
    do throws(SQLiteError) {
      mark = try connection.first("SELECT mark FROM route_copy_place")?.integer(0) ?? 0
    } catch {
      throw .sqlite(error)
    }
  }

  package func place() throws(RouteCopyError) -> RoutePlace? {
    try mapped { () throws(SQLiteError) in
      guard
        let row = try connection.first(
          "SELECT epoch, revision, change_time FROM route_copy_place"),
        let epoch = row.optionalText(0)
      else { return nil }
      return RoutePlace(
        epoch: epoch, revision: UInt64(clamping: row.integer(1)),
        time: row.optionalInteger(2).map(Timestamp.init(microseconds:)))
    }
  }

  package func rows(
    after key: RouteCopyKey?, limit: Int
  ) throws(RouteCopyError) -> [RouteCopyRow] {
    let rows = try mapped { () throws(SQLiteError) in
      try connection.run(
        Self.page,
        [.text(key?.kind.rawValue ?? ""), .text(key?.id ?? ""), .integer(Int64(limit))])
    }
    return rows.compactMap { row in
      RouteCopyKind(rawValue: row.text(0)).map { kind in
        RouteCopyRow(RouteCopyKey(kind, row.text(1)), sealed: row.blob(2))
      }
    }
  }

  /// The plus keeps SQLite from looking for each kind by itself, which reads all rows before the
  /// page anew for each page.
  static let page = """
    SELECT kind, id, sealed FROM route_copies
    WHERE (kind, id) > (?1, ?2) AND +kind IN (\(knownKinds))
    ORDER BY kind, id LIMIT ?3
    """

  /// As a list of SQL; a file of a newer program may hold others.
  private static let knownKinds = RouteCopyKind.allCases.map { "'\($0.rawValue)'" }
    .joined(separator: ", ")

  package func apply(_ change: RouteCopyChange) throws(RouteCopyError) {
    try connection.withTransaction(mapping: RouteCopyError.init) { () throws(RouteCopyError) in
      try mapped { () throws(SQLiteError) in try write(change) }
    }
    if case .snapshotBegan = change { mark += 1 }
  }

  private func write(_ change: RouteCopyChange) throws(SQLiteError) {
    switch change {
    case .snapshotBegan:
      try connection.run("UPDATE route_copy_place SET mark = ?1", [.integer(mark + 1)])
    case .put(let rows):
      for row in rows { try put(row) }
    case .snapshotEnded(let place):
      try connection.run(
        "DELETE FROM route_copies WHERE mark <> ?1 AND kind <> ?2",
        [.integer(mark), .text(RouteCopyKind.lease.rawValue)])
      try stand(at: place)
    case .changed(let row, let removed, let place):
      if let row { try put(row) }
      for key in removed {
        try connection.run(
          "DELETE FROM route_copies WHERE kind = ?1 AND id = ?2",
          [.text(key.kind.rawValue), .text(key.id)])
      }
      try stand(at: place)
    case .kept(let row):
      try put(row)
    case .resealed(let rows):
      for reseal in rows {
        try connection.run(
          "UPDATE route_copies SET sealed = ?1 WHERE kind = ?2 AND id = ?3 AND sealed = ?4",
          [
            .blob(reseal.sealed), .text(reseal.row.key.kind.rawValue), .text(reseal.row.key.id),
            .blob(reseal.row.sealed),
          ])
      }
    }
  }

  private func put(_ row: RouteCopyRow) throws(SQLiteError) {
    try connection.run(
      """
      INSERT INTO route_copies VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (kind, id) DO UPDATE SET mark = ?3, sealed = ?4
      """,
      [.text(row.key.kind.rawValue), .text(row.key.id), .integer(mark), .blob(row.sealed)])
  }

  private func stand(at place: RoutePlace) throws(SQLiteError) {
    try connection.run(
      "UPDATE route_copy_place SET epoch = ?1, revision = ?2, change_time = ?3",
      [
        .text(place.epoch), .integer(Int64(clamping: place.revision)),
        place.time.map { .integer($0.microseconds) } ?? .null,
      ])
  }

  private func mapped<R>(_ body: () throws(SQLiteError) -> R) throws(RouteCopyError) -> R {
    do throws(SQLiteError) { return try body() } catch { throw RouteCopyError(error) }
  }
}

extension RouteCopyError {
  fileprivate init(_ error: SQLiteError) { self = .unavailable(cause: error.description) }
}
