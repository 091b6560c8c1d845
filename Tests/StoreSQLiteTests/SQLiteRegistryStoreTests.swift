import Registry
import StoreSQL
import Telephony
import TestKit
import Testing

@testable import StoreSQLite

struct SQLiteRegistryStoreTests {
  private let file = TemporaryDatabase()
  private let executor = SQLiteExecutor()

  @Test(arguments: RegistryStoreConformance.checks)
  func keepsTheRule(_ check: RegistryStoreCheck) async throws {
    defer { executor.stop() }
    let store = try await SQLiteStores.registry(path: file.path, executor: executor)
    try await check.run(on: store)
  }

  @Test func secondStartFindsTheSameHistory() async throws {
    defer { executor.stop() }
    let first = try await SQLiteStores.registry(path: file.path, executor: executor)
    let epoch = try await first.routes(after: 0, limit: 1).feed.epoch
    let second = try await SQLiteStores.registry(path: file.path, executor: executor)
    #expect(try await second.routes(after: 0, limit: 1).feed.epoch == epoch)
    #expect(epoch.utf8.count == 32)
  }

  /// A body that suspends lets others come in between, unless the engine makes them wait.
  @Test func transactionsDontInterleave() async throws {
    defer { executor.stop() }
    let engine = try await SQLiteEngine(
      path: file.path, executor: executor,
      schema: SQLiteMigrations(steps: [
        .init("a counter", script: "CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (0)")
      ]))
    let read = SQLStatement("t_read", "SELECT n FROM t")
    let write = SQLStatement("t_write", "UPDATE t SET n = $1")
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<20 {
        group.addTask {
          try? await engine.transaction {
            session async throws(SQLFailure) -> SQLEnding<Void> in
            let count = try await session.run(read, []).rows[0].integer(0)
            await Task.yield()
            _ = try await session.run(write, [.integer(count + 1)])
            await Task.yield()
            return .commit(())
          }
        }
      }
    }
    #expect(try await engine.read(read, []).rows == [SQLRow(values: [.integer(20)])])
  }

  @Test func readSeesNothingThatIsNotCommitted() async throws {
    defer { executor.stop() }
    let engine = try await SQLiteEngine(
      path: file.path, executor: executor,
      schema: SQLiteMigrations(steps: [
        .init("a counter", script: "CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (0)")
      ]))
    let read = SQLStatement("t_read", "SELECT n FROM t")
    let seen = try await engine.transaction {
      session async throws(SQLFailure) -> SQLEnding<[SQLRow]> in
      _ = try await session.run(SQLStatement("t_write", "UPDATE t SET n = 1"), [])
      return .rollBack(try await engine.read(read, []).rows)
    }
    #expect(seen == [SQLRow(values: [.integer(0)])])
    #expect(try await engine.read(read, []).rows == [SQLRow(values: [.integer(0)])])
  }
}

/// The allow-list holds what `SQLStatement.all` names: nothing else may be run.
struct ListedStatementsTests {
  /// Notes the statements that are not in the list.
  private struct Listener: SQLEngine {
    let base: SQLiteEngine
    static let known = Set(SQLStatement.all)

    static func check(_ statement: SQLStatement) {
      #expect(known.contains(statement), "\(statement.name) is not in SQLStatement.all")
    }

    func read(
      _ statement: SQLStatement, _ values: [SQLValue]
    ) async throws(SQLFailure) -> SQLResult {
      Self.check(statement)
      return try await base.read(statement, values)
    }

    func transaction<Result: Sendable>(
      _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
    ) async throws(SQLFailure) -> Result {
      try await base.transaction { session async throws(SQLFailure) -> SQLEnding<Result> in
        try await body(Session(base: session))
      }
    }

    struct Session: SQLSession {
      let base: any SQLSession

      func run(
        _ statement: SQLStatement, _ values: [SQLValue]
      ) async throws(SQLFailure) -> SQLResult {
        check(statement)
        return try await base.run(statement, values)
      }

      func announceChange() async throws(SQLFailure) { try await base.announceChange() }
    }
  }

  @Test func storesRunNoOther() async throws {
    let executor = SQLiteExecutor()
    defer { executor.stop() }
    for check in RegistryStoreConformance.checks {
      let file = TemporaryDatabase()
      let engine = try await SQLiteEngine(
        path: file.path, executor: executor, schema: SQLiteRegistryMigrations.all)
      try await check.run(on: SQLRegistryStore(engine: Listener(base: engine)))
    }
    for check in CallStoreConformance.checks {
      let file = TemporaryDatabase()
      let engine = try await SQLiteEngine(
        path: file.path, executor: executor, schema: SQLiteCallMigrations.all)
      try await check.run(on: SQLCallStore(engine: Listener(base: engine)))
    }
  }
}
