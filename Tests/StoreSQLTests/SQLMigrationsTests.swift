import Synchronization
import Testing

@testable import StoreSQL

/// An engine without a database: it notes until when each transaction may go on.
private struct DeadlineEngine: SQLEngine {
  struct Session: SQLSession {
    func run(
      _ statement: SQLStatement, _ values: [SQLValue]
    ) async throws(SQLFailure) -> SQLResult {
      SQLResult(rows: [SQLRow(values: [.integer(0)])])
    }

    func announceChange() async throws(SQLFailure) {}
  }

  final class Notes: Sendable {
    let deadlines = Mutex<[ContinuousClock.Instant?]>([])
  }

  let notes = Notes()

  func read(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult { SQLResult() }

  func transaction<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
  ) async throws(SQLFailure) -> Result {
    notes.deadlines.withLock { $0.append(SQLDeadline.current) }
    switch try await body(Session()) {
    case .commit(let result), .rollBack(let result): return result
    }
  }
}

struct SQLMigrationsTests {
  private let migrations = SQLMigrations(component: "test", steps: [.init("a step") { [] }])

  /// A transaction without a deadline has the engine's, which is made for those that serve calls.
  @Test func aStepHasATimeOfItsOwn() async throws {
    let engine = DeadlineEngine()
    let start = ContinuousClock.now
    try await migrations.run(on: engine)
    let deadlines = engine.notes.deadlines.withLock { $0 }
    #expect(deadlines.count == 2)
    for deadline in deadlines {
      #expect(try #require(deadline) >= start.advanced(by: SQLMigrations.stepTimeout))
    }
  }

  @Test func aDeadlineOfTheCallersStays() async throws {
    let engine = DeadlineEngine()
    let until = ContinuousClock.now.advanced(by: .seconds(60))
    try await SQLDeadline.$current.withValue(until) { try await migrations.run(on: engine) }
    #expect(engine.notes.deadlines.withLock { $0 } == [until, until])
  }
}
