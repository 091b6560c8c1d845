internal import EventLoops
internal import StoreSQL

/// What waits for a connection of a pool. Confined to the pool's loop.
class PostgresRequest: Equatable {
  static func == (left: PostgresRequest, right: PostgresRequest) -> Bool { left === right }

  /// The pool will not give it a connection.
  func refused(_ failure: SQLFailure) {}
}

/// One lone read.
final class PostgresRead: PostgresRequest, DeadlineHandler, @unchecked Sendable {
  // @unchecked: made anywhere, used only inside blocks that the pool's loop executes.

  typealias Continuation = CheckedContinuation<Result<SQLResult, SQLFailure>, Never>

  let statement: SQLStatement
  let values: [SQLValue]
  let deadline: ContinuousClock.Instant?
  private unowned let pool: PostgresPool
  private var continuation: Continuation?
  private var entry: DeadlineEntry?
  private var isCancelled = false
  /// How often it was handed to a connection and not answered there.
  private var repeatCount = 0

  /// A read that is repeated goes in a group of its own, where no other's failure skips it.
  var isRepeated: Bool { repeatCount > 0 }

  /// A read is repeated after a lost connection, a preparation that went stale, or another read's
  /// failure in its group.
  private static let repeatsMax = 3

  init(
    _ statement: SQLStatement, _ values: [SQLValue], deadline: ContinuousClock.Instant?,
    pool: PostgresPool
  ) {
    self.statement = statement
    self.values = values
    self.deadline = deadline
    self.pool = pool
  }

  /// Begins to wait. Call it once.
  func start(_ continuation: Continuation) {
    self.continuation = continuation
    if isCancelled { return finish(.failure(.deadline)) }
    if let deadline {
      let left = ContinuousClock.now.duration(to: deadline)
      if left <= .zero { return finish(.failure(.deadline)) }
      entry = pool.deadlines.add(self, after: left)
    }
    pool.enqueue(self)
  }

  /// The caller does not want it any more. A read that is on its way is not stopped: its answer is
  /// dropped.
  func cancel() {
    isCancelled = true
    guard continuation != nil else { return }
    pool.withdraw(self)
    finish(.failure(.deadline))
  }

  func deadlinePassed() { cancel() }

  override func refused(_ failure: SQLFailure) { finish(.failure(failure)) }

  /// The command that asks it.
  func makeCommand() -> PostgresCommand {
    PostgresCommand(statement, values) { completion in self.completed(completion) }
  }

  private func completed(_ completion: PostgresCommand.Completion) {
    guard continuation != nil else { return }
    if isWorthRepeating(completion), repeatCount < Self.repeatsMax {
      repeatCount += 1
      return pool.enqueue(self)
    }
    finish(completion.result())
  }

  private func isWorthRepeating(_ completion: PostgresCommand.Completion) -> Bool {
    switch completion {
    case .skipped, .lost: true
    case .failed(let error): error.isStalePreparation || error.isReadOnlyServer
    case .rows, .damaged: false
    }
  }

  private func finish(_ result: Result<SQLResult, SQLFailure>) {
    if let entry { pool.deadlines.remove(entry) }
    entry = nil
    let continuation = self.continuation
    self.continuation = nil
    continuation?.resume(returning: result)
  }
}
