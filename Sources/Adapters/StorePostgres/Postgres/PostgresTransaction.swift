internal import EventLoops
internal import StoreSQL
internal import Synchronization

/// One try of a transaction, on a connection of its own from its first statement to its end.
///
/// BEGIN goes out with the first statement, and NOTIFY with COMMIT: neither costs a round trip.
/// The deadline is kept twice: on the server by `SET LOCAL statement_timeout`, which also ends what
/// a client that was cut off left behind, and here by a timer, which gives the connection up when
/// the server's answer does not come. A caller that is cancelled gives it up at once.
///
/// COMMIT runs without a timeout and is never cancelled: a server that is cancelled while it waits
/// for its standby says that all is well although the standby has nothing (SyncRepWaitForLSN).
final class PostgresTransaction: PostgresRequest, DeadlineHandler, @unchecked Sendable {
  // @unchecked: but for the constants and the lock, touched only inside blocks that the loop
  // executes.

  typealias Continuation = CheckedContinuation<Result<SQLResult, SQLFailure>, Never>

  private enum Phase {
    /// No statement came yet.
    case fresh
    /// The first statement waits for a connection.
    case waiting(PostgresCommand)
    case open(PostgresConnection)
    case committing(PostgresConnection)
    case over
  }

  private let pool: PostgresPool
  private let deadline: ContinuousClock.Instant
  private let isReadOnlySnapshot: Bool
  private var phase = Phase.fresh
  /// Who waits for the statement under way.
  private var continuation: Continuation?
  private var entry: DeadlineEntry?
  private var graceTimer: TimerHandle?
  /// The caller was cancelled or its deadline has passed.
  private var isCancelled = false
  /// The first failure: the server runs nothing more in this transaction.
  private var failure: SQLFailure?
  private let announces = Mutex(false)

  init(pool: PostgresPool, deadline: ContinuousClock.Instant?, isReadOnlySnapshot: Bool = false) {
    self.pool = pool
    self.deadline =
      deadline ?? ContinuousClock.now.advanced(by: pool.configuration.transactionTimeout)
    self.isReadOnlySnapshot = isReadOnlySnapshot
  }

  // MARK: For the body, from any executor

  private func wait(
    _ begin: @escaping @Sendable (Continuation) -> Void
  ) async -> Result<SQLResult, SQLFailure> {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        pool.onLoop { begin(continuation) }
      }
    } onCancel: {
      pool.loop.execute { self.cancel() }
    }
  }

  /// Commits; nothing to do when there was no statement.
  func commit() async throws(SQLFailure) {
    _ = try await wait { self.startCommit($0) }.get()
  }

  /// Ends without a trace. Returns at once; the connection is given back when the server is done.
  func rollBack() { pool.onLoop { self.startRollback() } }

  // MARK: Statements, on the loop

  private func start(_ statement: SQLStatement, _ values: [SQLValue], _ waiter: Continuation) {
    precondition(continuation == nil, "two statements of one transaction at a time")
    if let failure { return waiter.resume(returning: .failure(failure)) }
    continuation = waiter
    if isCancelled || deadline <= .now { return answer(.failure(.deadline)) }
    let command = PostgresCommand(statement, values) { self.completed($0) }
    switch phase {
    case .fresh:
      entry = pool.deadlines.add(self, after: ContinuousClock.now.duration(to: deadline))
      phase = .waiting(command)
      pool.enqueue(self)
    case .open(let connection):
      connection.send(command)
      connection.endGroup {}
    case .waiting, .committing, .over: preconditionFailure("a statement in \(phase)")
    }
  }

  /// The pool has a connection for it.
  func leased(_ connection: PostgresConnection) {
    guard case .waiting(let command) = phase else {
      preconditionFailure("a connection for a transaction in \(phase)")
    }
    phase = .open(connection)
    connection.send(PostgresCommand(text: begin, tag: "BEGIN"))
    let left = ContinuousClock.now.duration(to: deadline)
    connection.send(
      PostgresCommand(text: "SET LOCAL statement_timeout = \(left.wholeMilliseconds)"))
    connection.send(command)
    connection.endGroup {}
  }

  private var begin: String {
    isReadOnlySnapshot
      ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN ISOLATION LEVEL READ COMMITTED"
  }

  override func refused(_ failure: SQLFailure) {
    phase = .over
    answer(.failure(failure))
  }

  private func completed(_ completion: PostgresCommand.Completion) {
    if case .failed(let error) = completion, error.isStalePreparation {
      // Prepared anew it works: as good a reason to repeat the transaction as a lost race.
      return answer(.failure(.serialization))
    }
    if case .lost = completion, isCancelled { return answer(.failure(.deadline)) }
    answer(completion.result())
  }

  private func answer(_ result: Result<SQLResult, SQLFailure>) {
    graceTimer?.cancel()
    graceTimer = nil
    if case .failure(let error) = result, failure == nil { failure = error }
    let continuation = self.continuation
    self.continuation = nil
    continuation?.resume(returning: result)
  }

  // MARK: The end, on the loop

  private func startCommit(_ waiter: Continuation) {
    precondition(continuation == nil, "COMMIT while a statement runs")
    continuation = waiter
    switch phase {
    case .fresh:
      phase = .over
      return answer(.success(SQLResult()))
    case .open(let connection):
      if let failure { return answer(.failure(failure)) }
      if isCancelled || deadline <= .now { return answer(.failure(.deadline)) }
      if connection.isOver {
        return answer(
          .failure(.unavailable(cause: "the connection was lost", mayHaveCommitted: false)))
      }
      commit(on: connection)
    case .over: answer(.failure(failure ?? .deadline))
    case .waiting, .committing: preconditionFailure("COMMIT in \(phase)")
    }
  }

  private func commit(on connection: PostgresConnection) {
    phase = .committing(connection)
    let warningCount = connection.warningCount
    connection.send(PostgresCommand(text: "SET LOCAL statement_timeout = 0"))
    if announces.withLock({ $0 }), pool.canNotify, let channel = pool.configuration.channel {
      connection.send(PostgresCommand(text: "NOTIFY \(channel)"))
    }
    connection.send(
      PostgresCommand(text: "COMMIT", tag: "COMMIT") { completion in
        var result = completion.result(committing: true)
        if case .success = result, connection.warningCount != warningCount {
          // Above all: "canceling wait for synchronous replication".
          result = .failure(
            .unavailable(cause: "COMMIT came with a warning", mayHaveCommitted: true))
        }
        self.answer(result)
      })
    connection.endGroup { self.ended(connection) }
  }

  private func startRollback() {
    switch phase {
    case .fresh: phase = .over
    case .open(let connection):
      if connection.isOver {
        ended(connection)
      } else {
        connection.send(PostgresCommand(text: "ROLLBACK"))
        connection.endGroup { self.ended(connection) }
        phase = .over
      }
    // COMMIT failed or is still under way: the end of its group gives the connection back.
    case .committing, .over: break
    case .waiting: preconditionFailure("ROLLBACK while a statement waits")
    }
    dropDeadline()
  }

  private func ended(_ connection: PostgresConnection) {
    phase = .over
    dropDeadline()
    // One that broke is no longer the pool's.
    if !connection.isOver { pool.release(connection) }
  }

  private func dropDeadline() {
    if let entry { pool.deadlines.remove(entry) }
    entry = nil
  }

  // MARK: Deadline and cancellation, on the loop

  func deadlinePassed() {
    switch phase {
    case .committing:
      // COMMIT goes on; its connection comes back when the server has answered.
      answer(
        .failure(
          .unavailable(cause: "the deadline came before COMMIT's answer", mayHaveCommitted: true)))
    case .open(let connection) where continuation != nil:
      // The server ends the statement by itself, and says so.
      graceTimer = pool.loop.schedule(after: pool.configuration.answerTimeout) {
        self.isCancelled = true
        self.pool.discard(connection)
      }
    case .fresh, .waiting, .open, .over: cancel()
    }
  }

  private func cancel() {
    if case .committing = phase { return }
    isCancelled = true
    guard continuation != nil else { return }
    switch phase {
    case .waiting:
      pool.withdraw(self)
      phase = .over
      answer(.failure(.deadline))
    case .open(let connection): pool.discard(connection)
    case .fresh, .committing, .over: break
    }
  }
}

extension PostgresTransaction: SQLSession {
  func run(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult {
    try await wait { self.start(statement, values, $0) }.get()
  }

  func announceChange() async throws(SQLFailure) { announces.withLock { $0 = true } }
}
