package import EventLoops
package import StoreSQL

/// PostgreSQL as the engine of the stores.
///
/// Callable from any executor; its connections live on one loop, and each request hops there once
/// and back. A caller on that loop does not hop. The deadline of a read or transaction is
/// ``StoreSQL/SQLDeadline/current``; a cancelled caller gets `.deadline`.
package final class PostgresEngine: SQLEngine {
  private let pool: PostgresPool

  /// Begins to connect to `target` and returns at once.
  package init(
    target: PostgresTarget, configuration: PostgresConfiguration = PostgresConfiguration(),
    loop: EventLoop
  ) {
    let pool = PostgresPool(target: target, configuration: configuration, loop: loop)
    self.pool = pool
    pool.loop.execute { pool.start() }
  }

  private static let writes = ["INSERT", "UPDATE", "DELETE"]

  /// Takes no more requests, waits for those under way up to the configuration's bound, and closes
  /// the connections. Call it before the loop stops; a second call waits, too.
  package func close() async {
    let pool = self.pool
    await withCheckedContinuation { continuation in
      pool.loop.execute { pool.close { continuation.resume() } }
    }
  }

  package func read(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult {
    // The session would let it: see PostgresPool.
    guard !Self.writes.contains(where: { statement.text.hasPrefix($0) }) else {
      throw .damaged(cause: "\(statement.name) writes outside of a transaction")
    }
    let read = PostgresRead(statement, values, deadline: SQLDeadline.current, pool: pool)
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        pool.onLoop { read.start(continuation) }
      }
    } onCancel: {
      pool.loop.execute { read.cancel() }
    }
    return try result.get()
  }

  package func transaction<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
  ) async throws(SQLFailure) -> Result {
    try await transaction(isReadOnlySnapshot: false, body)
  }

  /// Runs `body` on one snapshot of the whole database, for an export or a backup: nothing that is
  /// committed meanwhile is seen, and nothing can be written.
  package func withSnapshot<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> Result
  ) async throws(SQLFailure) -> Result {
    try await transaction(isReadOnlySnapshot: true) { session throws(SQLFailure) in
      .commit(try await body(session))
    }
  }

  private func transaction<Result: Sendable>(
    isReadOnlySnapshot: Bool,
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
  ) async throws(SQLFailure) -> Result {
    let deadline = SQLDeadline.current
    var tryCount = 0
    while true {
      tryCount += 1
      let transaction = PostgresTransaction(
        pool: pool, deadline: deadline, isReadOnlySnapshot: isReadOnlySnapshot)
      do throws(SQLFailure) {
        switch try await body(transaction) {
        case .commit(let result):
          try await transaction.commit()
          return result
        case .rollBack(let result):
          transaction.rollBack()
          return result
        }
      } catch {
        transaction.rollBack()
        guard error.isWorthRepeating, tryCount < pool.configuration.transactionTriesMax else {
          throw error
        }
        try await waitToRepeat(afterTry: tryCount, of: error, deadline: deadline)
      }
    }
  }

  private func waitToRepeat(
    afterTry tryCount: Int, of failure: SQLFailure, deadline: ContinuousClock.Instant?
  ) async throws(SQLFailure) {
    let configuration = pool.configuration
    let longest = min(
      configuration.retryWaitMin * (1 << min(tryCount - 1, 16)), configuration.retryWaitMax)
    let wait = longest * Double.random(in: 0.25...1)
    if let deadline, ContinuousClock.now.advanced(by: wait) >= deadline { throw failure }
    do throws(CancellationError) {
      try await pool.loop.sleep(for: wait)
    } catch {
      throw .deadline
    }
  }
}

extension SQLFailure {
  /// Whether another try of the transaction may end otherwise.
  fileprivate var isWorthRepeating: Bool {
    switch self {
    case .serialization, .uniqueViolation: true
    case .unavailable, .deadline, .damaged: false
    }
  }
}
