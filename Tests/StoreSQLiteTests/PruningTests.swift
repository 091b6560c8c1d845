import Access
import Registry
import StoreSQL
import Synchronization
import TestKit
import Testing

@testable import StoreSQLite

/// Counts the statements of transactions.
private struct CountingEngine: SQLEngine {
  struct Session: SQLSession {
    let base: any SQLSession
    let engine: CountingEngine

    func run(
      _ statement: SQLStatement, _ values: [SQLValue]
    ) async throws(SQLFailure) -> SQLResult {
      engine.count.withLock { $0 += 1 }
      return try await base.run(statement, values)
    }

    func announceChange() async throws(SQLFailure) { try await base.announceChange() }
  }

  final class Count: Sendable {
    private let value = Mutex(0)

    func withLock<Result: Sendable>(_ body: @Sendable (inout Int) -> Result) -> Result {
      value.withLock { body(&$0) }
    }
  }

  let base: SQLiteEngine
  let count = Count()

  func read(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult {
    try await base.read(statement, values)
  }

  func transaction<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
  ) async throws(SQLFailure) -> Result {
    try await base.transaction { session async throws(SQLFailure) -> SQLEnding<Result> in
      try await body(Session(base: session, engine: self))
    }
  }
}

struct PruningTests {
  private let file = TemporaryDatabase()
  private let executor = SQLiteExecutor()

  /// Every commit waits for the feed's row, which pruning has.
  @Test func pruningTakesAsManyStatementsForManyAsForOne() async throws {
    defer { executor.stop() }
    let engine = CountingEngine(
      base: try await SQLiteEngine(
        path: file.path, executor: executor, schema: SQLiteRegistryMigrations.all))
    let store = SQLRegistryStore(engine: engine)
    let tokens = (1...40).map { Sample.token($0) }
    try await store.commit(Sample.write(tokens.map { .insertToken($0) }))
    try await store.commit(
      Sample.write(tokens.map { .revokeToken($0.id, at: Sample.time(9)) }, at: Sample.time(9)))
    let before = engine.count.withLock { $0 }
    let count = try await store.prune(
      requestsBefore: Sample.time(10), historyBefore: Sample.time(10), limit: 30)
    #expect(count > 30)
    #expect(engine.count.withLock { $0 } - before < 10)
    // The oldest went, and the feed says up to where.
    let page = try await store.routes(after: 0, limit: 99)
    #expect(page.changes.map(\.point.sequence) == Array(71...80))
    #expect(page.feed.prunedThrough == 70)
  }
}
