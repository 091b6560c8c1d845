import Glibc
import StoreSQL
import Testing

@testable import StoreSQLite

/// A database file in a folder of its own, gone with the value.
final class TemporaryDatabase {
  let folder: String
  var path: String { folder + "/test.db" }

  init() {
    var template = Array("/tmp/trunkline-store-XXXXXX".utf8CString)
    folder = unsafe mkdtemp(&template).map { unsafe String(cString: $0) } ?? ""
    precondition(!folder.isEmpty, "mkdtemp failed")
  }

  deinit {
    for suffix in ["", "-wal", "-shm"] { unsafe _ = unlink(path + suffix) }
    unsafe _ = rmdir(folder)
  }
}

private enum Failure: Error, Equatable {
  case sqlite(SQLiteError)
  case own
}

struct SQLiteConnectionTests {
  let file = TemporaryDatabase()

  @Test func valuesComeBackAsTheyWentIn() throws {
    let database = try SQLiteConnection(path: file.path)
    try database.run("CREATE TABLE t (a, b, c, d, e, f) STRICT".replacingTypes)
    let values: [SQLValue] = [
      nil, .integer(.min), "é\u{0}x", .blob([0, 255]), .blob([]), "",
    ]
    try database.run("INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5, ?6)", values)
    #expect(try database.run("SELECT * FROM t") == [SQLRow(values: values)])
  }

  @Test func commitsAreDurableAndFull() throws {
    let database = try SQLiteConnection(path: file.path)
    #expect(try database.first("PRAGMA journal_mode")?.text(0) == "wal")
    #expect(try database.first("PRAGMA synchronous")?.integer(0) == 2)
    #expect(try database.first("PRAGMA foreign_keys")?.integer(0) == 1)
  }

  @Test func failedTransactionLeavesNothing() throws {
    let database = try SQLiteConnection(path: file.path)
    try database.run("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    #expect(throws: Failure.own) {
      try database.withTransaction(mapping: Failure.sqlite) { () throws(Failure) in
        do throws(SQLiteError) {
          try database.run("INSERT INTO t VALUES (1)")
        } catch {
          throw .sqlite(error)
        }
        throw .own
      }
    }
    #expect(try database.run("SELECT * FROM t").isEmpty)
    try database.run("INSERT INTO t VALUES (1)")
    let refused = #expect(throws: SQLiteError.self) { try database.run("INSERT INTO t VALUES (1)") }
    #expect(refused?.isUniqueViolation == true)
  }

  @Test func migrationsRunOnceAndRefuseANewerFile() throws {
    let database = try SQLiteConnection(path: file.path)
    let first = SQLiteMigrations(steps: [.init("", script: "CREATE TABLE a (x)")])
    try first.run(on: database)
    try first.run(on: database)
    let second = SQLiteMigrations(
      steps: first.steps + [.init("", script: "CREATE TABLE b (x); CREATE TABLE c (x)")])
    try second.run(on: database)
    #expect(try database.first("PRAGMA user_version")?.integer(0) == 2)
    #expect(throws: SQLiteMigrations.Failure.newerFile(version: 2, known: 1)) {
      try first.run(on: database)
    }
  }

  @Test func brokenMigrationLeavesTheVersion() throws {
    let database = try SQLiteConnection(path: file.path)
    let broken = SQLiteMigrations(steps: [
      .init("", script: "CREATE TABLE a (x); CREATE TABLE a (x)")
    ])
    #expect(throws: SQLiteMigrations.Failure.self) { try broken.run(on: database) }
    #expect(try database.first("PRAGMA user_version")?.integer(0) == 0)
    try SQLiteMigrations(steps: [.init("", script: "CREATE TABLE a (x)")]).run(on: database)
  }
}

extension String {
  /// STRICT tables need column types; ANY keeps each value as it is.
  fileprivate var replacingTypes: String {
    var text = ""
    for character in self {
      if character == "," || character == ")" { text += " ANY" }
      text.append(character)
    }
    return text
  }
}
