/// How a transaction's body ends.
package enum SQLEnding<Result: Sendable>: Sendable {
  case commit(Result)
  /// Nothing is kept; the result tells why.
  case rollBack(Result)
}

/// One transaction that is under way. Good only within the body that it was given to.
package protocol SQLSession: Sendable {
  /// Runs one statement. After a failure the transaction is over: the body throws the failure on.
  func run(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult

  /// Wakes what waits for changes in other processes, when and only when the transaction commits
  /// (PostgreSQL: NOTIFY). A hint and no more: an engine without it does nothing, readers poll.
  func announceChange() async throws(SQLFailure)
}

/// A database, as a port: StoreSQLite and StorePostgres implement it.
///
/// Callable from any executor. A read sees every transaction that was acknowledged before it began.
package protocol SQLEngine: Sendable {
  /// Runs a lone SELECT in a snapshot of its own. Several may be under way on one connection. It is
  /// repeated by the engine where it did nothing yet.
  func read(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult

  /// Runs `body` in a transaction: READ COMMITTED with row locks, or stricter.
  ///
  /// After `.serialization`, whether a statement or COMMIT reported it, the whole transaction is
  /// repeated with back-off, a bounded number of times; so is one that failed with
  /// `.uniqueViolation`. `body` may therefore run more than once and has no effect of its own.
  /// Acknowledged means durable when this returns. When it throws, nothing was done unless the
  /// failure is `.unavailable(_, mayHaveCommitted: true)`.
  ///
  /// Cancellation of the calling task ends the waits between repeats; a statement that is under way
  /// is waited for.
  func transaction<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
  ) async throws(SQLFailure) -> Result
}

/// Until when the work of the current task is worth doing; an engine takes its statements' timeout
/// from it. The program sets it for each call from the call's deadline.
package enum SQLDeadline {
  @TaskLocal package static var current: ContinuousClock.Instant?
}
