internal import CSQLite
internal import StoreSQL

/// A prepared statement. Owns the `sqlite3_stmt` and finalizes it exactly once.
///
/// Confined, like its connection, to one executor.
@safe final class SQLiteStatement {
  private let handle: OpaquePointer
  private let database: OpaquePointer

  init(preparing sql: String, on database: OpaquePointer) throws(SQLiteError) {
    var handle: OpaquePointer?
    let code = unsafe sqlite3_prepare_v3(
      database, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
    guard code == SQLITE_OK, let handle = unsafe handle else {
      throw unsafe SQLiteError(of: database)
    }
    unsafe self.handle = handle
    unsafe self.database = database
  }

  /// Whether it writes nothing by itself.
  var isReadOnly: Bool { unsafe sqlite3_stmt_readonly(handle) != 0 }

  deinit { unsafe _ = sqlite3_finalize(handle) }

  /// Runs the statement with `values` bound to ?1, ?2, … and hands each row to `body`.
  func run(
    _ values: [SQLValue], _ body: (SQLRow) -> Void
  ) throws(SQLiteError) {
    defer {
      unsafe _ = sqlite3_reset(handle)
      unsafe _ = sqlite3_clear_bindings(handle)
    }
    let expected = Int(unsafe sqlite3_bind_parameter_count(handle))
    precondition(expected == values.count, "\(values.count) values for \(expected) parameters")
    for (index, value) in values.enumerated() {
      guard bind(value, at: Int32(index + 1)) == SQLITE_OK else {
        throw unsafe SQLiteError(of: database)
      }
    }
    while true {
      switch unsafe sqlite3_step(handle) {
      case SQLITE_ROW: body(row())
      case SQLITE_DONE: return
      default: throw unsafe SQLiteError(of: database)
      }
    }
  }

  private func bind(_ value: SQLValue, at index: Int32) -> Int32 {
    switch value {
    case .null:
      return unsafe sqlite3_bind_null(handle, index)
    case .integer(let integer):
      return unsafe sqlite3_bind_int64(handle, index, integer)
    case .text(var text):
      return text.withUTF8 { bytes in
        let start = unsafe UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
        // A nil pointer would bind NULL; an empty Swift string may have one.
        guard let start = unsafe start else {
          return unsafe csqlite_bind_text(handle, index, "", 0)
        }
        return unsafe csqlite_bind_text(handle, index, start, UInt64(bytes.count))
      }
    case .blob(let bytes):
      return unsafe bytes.withUnsafeBytes { bytes in
        unsafe csqlite_bind_blob(handle, index, bytes.baseAddress, UInt64(bytes.count))
      }
    }
  }

  private func row() -> SQLRow {
    let count = unsafe sqlite3_column_count(handle)
    return SQLRow(values: (0..<count).map { column in value(at: column) })
  }

  private func value(at column: Int32) -> SQLValue {
    switch unsafe sqlite3_column_type(handle, column) {
    case SQLITE_INTEGER:
      return .integer(unsafe sqlite3_column_int64(handle, column))
    case SQLITE_TEXT:
      let start = unsafe sqlite3_column_text(handle, column)
      let count = Int(unsafe sqlite3_column_bytes(handle, column))
      let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
      return .text(unsafe String(decoding: bytes, as: UTF8.self))
    case SQLITE_BLOB:
      let start = unsafe sqlite3_column_blob(handle, column)
      let count = Int(unsafe sqlite3_column_bytes(handle, column))
      return .blob(unsafe Array(UnsafeRawBufferPointer(start: start, count: count)))
    case SQLITE_NULL:
      return .null
    default:
      preconditionFailure("a REAL is stored in a table of ours")
    }
  }
}

extension SQLiteError {
  /// The last error of `database`, with the file's name and, where there is one, the machine's
  /// reason.
  init(of database: OpaquePointer) {
    let code = unsafe sqlite3_extended_errcode(database)
    var message = unsafe String(cString: sqlite3_errmsg(database))
    switch code & 0xff {
    case _ where code == Self.wrongChecksum:
      message = "a page does not have its checksum"
    case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_READONLY:
      let number = unsafe sqlite3_system_errno(database)
      if let reason = Self.reason(number) { message += " (\(reason))" }
    default: break
    }
    if let path = unsafe sqlite3_db_filename(database, "main") {
      let name = unsafe String(cString: path).split(separator: "/").last.map(String.init)
      if let name { message += " in \(name)" }
    }
    self.init(code: code, message: message)
  }

  /// The numbers that say what somebody has to do.
  private static func reason(_ number: Int32) -> String? {
    switch number {
    case 0: nil
    case 5: "the disk fails"
    case 13: "no permission"
    case 27: "a file may not grow that large"
    case 28: "no space is left on the disk"
    case 30: "the file system is read-only"
    case 122: "the disk quota is used up"
    default: "errno \(number)"
    }
  }
}
