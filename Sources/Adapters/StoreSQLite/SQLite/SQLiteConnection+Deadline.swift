internal import CSQLite
internal import StoreSQL

extension SQLiteConnection {
  /// Steps of SQLite's machine between two looks at the clock: some ten microseconds.
  private static let stepsPerLook: Int32 = 1000

  /// Runs one statement of the stores and stops it at `deadline`, with an error that
  /// ``SQLiteError/isInterruption`` knows.
  func run(
    _ statement: SQLStatement, _ values: [SQLValue], until deadline: ContinuousClock.Instant
  ) throws(SQLiteError) -> SQLResult {
    var deadline = deadline
    let result = unsafe withUnsafeMutablePointer(to: &deadline) { pointer in
      unsafe watch(UnsafeMutableRawPointer(pointer))
      defer { unsafe watch(nil) }
      return Result { () throws(SQLiteError) in try run(statement, values) }
    }
    return try result.get()
  }

  /// Has SQLite ask ``deadlineHasPassed(_:)`` while it runs; nil ends that.
  private func watch(_ deadline: UnsafeMutableRawPointer?) {
    _ = try? unsafe withHandle { handle in
      guard let deadline = unsafe deadline else {
        return unsafe sqlite3_progress_handler(handle, 0, nil, nil)
      }
      unsafe sqlite3_progress_handler(handle, Self.stepsPerLook, deadlineHasPassed, deadline)
    }
  }
}

/// SQLite's question whether to stop: not zero means yes.
private func deadlineHasPassed(_ context: UnsafeMutableRawPointer?) -> Int32 {
  guard let context = unsafe context else { return 0 }
  let deadline = unsafe context.assumingMemoryBound(to: ContinuousClock.Instant.self).pointee
  return deadline <= .now ? 1 : 0
}

extension SQLiteError {
  /// SQLITE_INTERRUPT: the statement was stopped at its deadline.
  var isInterruption: Bool { code & 0xff == SQLITE_INTERRUPT }
}
