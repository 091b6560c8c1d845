internal import CSQLite
package import StoreSQL

/// One connection to a database file. Owns the `sqlite3` and closes it exactly once.
///
/// It is opened without SQLite's mutex (sqlite.org/threadsafe.html, multi-thread mode): the one
/// executor that owns the connection serialises its use.
@safe package final class SQLiteConnection {
  private let handle: OpaquePointer
  private var statements: [String: SQLiteStatement] = [:]
  /// The stores' statements, by their names.
  private var named: [String: SQLiteStatement] = [:]
  private var isInTransaction = false

  /// Statements kept prepared; our SQL texts are fewer, so it is never reached in practice.
  private static let statementCountMax = 1024

  /// The ends of a transaction.
  enum Command: String {
    case begin = "BEGIN IMMEDIATE"
    case commit = "COMMIT"
  }

  /// Opens or creates the file at `path` with WAL and `synchronous=FULL`.
  ///
  /// A commit has reached the disk when it returns (sqlite.org/pragma.html#pragma_synchronous).
  package convenience init(path: String) throws(SQLiteError) {
    try self.init(path: path, .checked)
  }

  /// The same; with `.unchecked` pages are taken whose checksum is wrong.
  convenience init(path: String, _ reading: CheckedPages.Reading) throws(SQLiteError) {
    try self.init(opening: path, reading)
    try run("PRAGMA journal_mode=WAL")
    try run("PRAGMA synchronous=FULL")
    try run("PRAGMA foreign_keys=ON")
    try run("PRAGMA trusted_schema=OFF")
  }

  /// Opens the empty file at `path` for a copy of `source`, whose settings it gets.
  convenience init(copyTarget path: String, of source: SQLiteConnection) throws(SQLiteError) {
    try self.init(opening: path, .checked)
    // The header comes first, so that every page of the copy gets its checksum.
    if source.hasChecksums { try run("PRAGMA user_version=1") }
  }

  private init(opening path: String, _ reading: CheckedPages.Reading) throws(SQLiteError) {
    var handle: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    guard let files = CheckedPages.name(reading) else {
      throw SQLiteError(code: SQLITE_NOMEM, message: "out of memory")
    }
    let code = unsafe sqlite3_open_v2(path, &handle, flags, files)
    guard let handle = unsafe handle else {
      throw SQLiteError(code: code, message: "out of memory")
    }
    unsafe self.handle = handle
    guard code == SQLITE_OK else { throw unsafe SQLiteError(of: handle) }
    // SQLite takes a file that it may not write to as one to be read.
    guard unsafe sqlite3_db_readonly(handle, "main") == 0 else {
      throw SQLiteError(code: SQLITE_READONLY, message: "the file may not be written to")
    }
    unsafe _ = sqlite3_extended_result_codes(handle, 1)
    unsafe _ = sqlite3_busy_timeout(handle, Self.busyTimeoutMilliseconds)
    // Room for the checksums, when this makes the file.
    var size = Int32(CheckedPages.size)
    unsafe _ = sqlite3_file_control(handle, "main", SQLITE_FCNTL_RESERVE_BYTES, &size)
  }

  /// Whether the file was made with room for checksums. Good after the first statement.
  var hasChecksums: Bool {
    var file: UnsafeMutablePointer<sqlite3_file>?
    unsafe _ = sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file)
    guard let file = unsafe file else { return false }
    return unsafe CheckedFile(file).state.pointee.hasChecksums
  }

  /// Lends the handle.
  func withHandle<Result>(
    _ body: (OpaquePointer) throws(SQLiteError) -> Result
  ) throws(SQLiteError) -> Result {
    try unsafe body(handle)
  }

  /// How long a lock that another process holds (a backup, say) is waited for.
  private static let busyTimeoutMilliseconds: Int32 = 5000

  deinit {
    statements.removeAll()
    named.removeAll()
    unsafe _ = sqlite3_close_v2(handle)
  }

  /// Runs one statement and answers its rows.
  @discardableResult
  package func run(_ sql: String, _ values: [SQLValue] = []) throws(SQLiteError) -> [SQLRow] {
    var rows: [SQLRow] = []
    try statement(sql).run(values) { rows.append($0) }
    return rows
  }

  /// Runs one statement and answers its first row.
  package func first(_ sql: String, _ values: [SQLValue] = []) throws(SQLiteError) -> SQLRow? {
    try run(sql, values).first
  }

  /// Runs one statement and answers how many rows it changed.
  package func change(_ sql: String, _ values: [SQLValue] = []) throws(SQLiteError) -> Int {
    try run(sql, values)
    return Int(unsafe sqlite3_changes64(handle))
  }

  /// Runs one statement of the stores.
  func run(_ statement: SQLStatement, _ values: [SQLValue]) throws(SQLiteError) -> SQLResult {
    var result = SQLResult()
    let prepared = try prepared(statement)
    try prepared.run(values) { result.rows.append($0) }
    if !prepared.isReadOnly { result.changedCount = Int(unsafe sqlite3_changes64(handle)) }
    return result
  }

  /// Runs a script of statements without parameters, as a migration is.
  package func runScript(_ sql: String) throws(SQLiteError) {
    let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
    if code != SQLITE_OK { throw unsafe SQLiteError(of: handle) }
  }

  /// Runs `body` in one write transaction: all of it is durable when this returns, or none.
  ///
  /// BEGIN IMMEDIATE takes the write lock at once, so that `body` never fails with SQLITE_BUSY
  /// half-way. `mapping` turns SQLite's own failures into the error of `body`.
  package func withTransaction<Result, Failure: Error>(
    mapping: (SQLiteError) -> Failure, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(!isInTransaction, "a transaction within a transaction")
    isInTransaction = true
    defer { isInTransaction = false }
    try command("BEGIN IMMEDIATE", mapping)
    let result: Result
    do throws(Failure) {
      result = try body()
    } catch {
      rollBack()
      throw error
    }
    do throws(Failure) {
      try command("COMMIT", mapping)
    } catch {
      rollBack()
      throw error
    }
    return result
  }

  private func command<Failure: Error>(
    _ sql: String, _ mapping: (SQLiteError) -> Failure
  ) throws(Failure) {
    do throws(SQLiteError) {
      try run(sql)
    } catch {
      throw mapping(error)
    }
  }

  /// Ends a failed transaction. SQLite may have ended it itself (disk full, I/O error).
  func rollBack() {
    guard unsafe sqlite3_get_autocommit(handle) == 0 else { return }
    let code = unsafe sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
    precondition(code == SQLITE_OK, "ROLLBACK failed with \(code); the connection can't be used")
  }

  private func prepared(_ statement: SQLStatement) throws(SQLiteError) -> SQLiteStatement {
    if let known = named[statement.name] { return known }
    if named.count >= Self.statementCountMax { named.removeAll() }
    let fresh = try unsafe SQLiteStatement(preparing: Self.translated(statement.text), on: handle)
    named[statement.name] = fresh
    return fresh
  }

  /// SQLite's form of a statement: `?1` for `$1`, which would be a name to it; and no FOR UPDATE,
  /// since a transaction has the whole file.
  static func translated(_ text: String) -> String {
    text.replacing("$", with: "?").replacing(" FOR UPDATE", with: "")
  }

  private func statement(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
    if let known = statements[sql] { return known }
    if statements.count >= Self.statementCountMax { statements.removeAll() }
    let fresh = try unsafe SQLiteStatement(preparing: sql, on: handle)
    statements[sql] = fresh
    return fresh
  }
}
