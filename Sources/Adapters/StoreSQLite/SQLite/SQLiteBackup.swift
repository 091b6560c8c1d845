internal import CSQLite
internal import StoreSQL

/// A copy of a database file that is made while others write to it (sqlite.org/backup.html).
package enum SQLiteBackup {
  /// Tries while the file is locked, e.g. for its recovery after a crash.
  private static let tryCountMax = 50
  private static let tryPauseMilliseconds: Int32 = 100

  /// Copies the file at `source` to `target`, an empty file, as it is at one moment, and checks the
  /// copy. Blocks until it is done; writers go on meanwhile.
  ///
  /// - Parameter takesWrongChecksums: takes pages whose checksum is wrong, and gives them a right
  ///   one: after another program has written to the file.
  package static func copy(
    from source: String, to target: String, takesWrongChecksums: Bool = false
  ) throws(SQLiteError) {
    if !takesWrongChecksums { try SQLiteFiles.check(source) }
    let from = try SQLiteConnection(path: source, takesWrongChecksums ? .unchecked : .checked)
    let to = try SQLiteConnection(copyTarget: target, of: from)
    try to.copy(from: from)
    let check = try to.first("PRAGMA integrity_check")?.optionalText(0)
    guard check == "ok" else {
      throw SQLiteError(code: SQLITE_CORRUPT, message: "the copy is damaged")
    }
  }

  fileprivate static func run(_ backup: OpaquePointer, into database: OpaquePointer) -> Int32 {
    var code = SQLITE_BUSY
    var tries = 0
    while code == SQLITE_BUSY || code == SQLITE_LOCKED, tries < tryCountMax {
      if tries > 0 { _ = sqlite3_sleep(tryPauseMilliseconds) }
      // All pages in one step: one read transaction, so one moment.
      code = unsafe sqlite3_backup_step(backup, -1)
      tries += 1
    }
    let finished = unsafe sqlite3_backup_finish(backup)
    return code == SQLITE_DONE ? finished : code
  }
}

extension SQLiteConnection {
  fileprivate func copy(from source: SQLiteConnection) throws(SQLiteError) {
    try unsafe source.withHandle { from throws(SQLiteError) in
      try unsafe withHandle { to throws(SQLiteError) in
        guard let backup = unsafe sqlite3_backup_init(to, "main", from, "main") else {
          throw unsafe SQLiteError(of: to)
        }
        guard unsafe SQLiteBackup.run(backup, into: to) == SQLITE_OK else {
          throw unsafe SQLiteError(of: to)
        }
      }
    }
  }
}
