import Access
import CallDispatch
import EventLoops
import Glibc
import Registry
import Synchronization
import Telephony
import TestKit
import Testing

@testable import StoreSQL
@testable import StoreSQLite

/// What keeps one reader's question from standing in all others' way.
struct ReadBoundTests {
  private let file = TemporaryDatabase()
  private let executor = SQLiteExecutor()

  /// Counts to some ten millions: seconds.
  private static let slow = SQLStatement(
    "slow",
    """
    WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000000)
    SELECT count(*) FROM c
    """)

  @Test func aReadEndsAtItsDeadline() async throws {
    defer { executor.stop() }
    let engine = try await SQLiteEngine(
      path: file.path, executor: executor, schema: SQLiteMigrations(steps: []))
    for time in [Duration.milliseconds(20), .zero] {
      await SQLDeadline.$current.withValue(.now.advanced(by: time)) {
        await #expect(throws: SQLFailure.deadline) { try await engine.read(Self.slow, []) }
      }
    }
    // The connection is as good as before.
    #expect(try await engine.read(SQLStatement("one", "SELECT 1"), []).rows.count == 1)
  }

  @Test func aReadDoesNotWaitForASlowOne() async throws {
    defer { executor.stop() }
    let engine = try await SQLiteEngine(
      path: file.path, executor: executor, schema: SQLiteMigrations(steps: []))
    let gate = Gate()
    executor.reading[0].execute { gate.wait() }
    // It has the first connection when this goes on.
    let slow = Task.immediate { try await engine.read(SQLStatement("one", "SELECT 1"), []) }
    for _ in 0..<20 {
      #expect(try await engine.read(SQLStatement("two", "SELECT 2"), []).rows.count == 1)
    }
    gate.open()
    #expect(try await slow.value.rows.count == 1)
  }

  private func plan(
    _ schema: SQLiteMigrations, _ chosen: (statement: SQLStatement, values: [SQLValue]),
    _ values: [SQLValue]
  ) throws -> String {
    let database = try SQLiteConnection(path: file.path)
    try schema.run(on: database)
    let text = SQLiteConnection.translated(chosen.statement.text)
    return try database.run("EXPLAIN QUERY PLAN \(text)", values + chosen.values + [.integer(9)])
      .map { $0.text(3) }.joined(separator: "\n")
  }

  @Test func liveCallsAreFoundWithoutThePastOnes() throws {
    defer { executor.stop() }
    let live: [SQLValue?] = [nil, nil, nil, nil, nil, nil, SQLValue(true)]
    let page = try plan(
      SQLiteCallMigrations.all, CallStatements.page.select(live), [.text("t"), .text("z")])
    #expect(page.contains("INDEX calls_live_time (tenant=? AND order_key<?)"), "\(page)")
    let liveChanges: [SQLValue?] = [nil, nil, nil, nil, nil, SQLValue(true)]
    let changes = try plan(
      SQLiteCallMigrations.all, CallStatements.changes.select(liveChanges),
      [.text("t"), .text("us1"), 0, 9])
    #expect(
      changes.contains("INDEX calls_live_change (tenant=? AND region=? AND change>? AND"),
      "\(changes)")
    for plan in [page, changes] { #expect(!plan.contains("TEMP B-TREE")) }
  }

  @Test func auditEntriesOfAnActionOrKindAreFoundByAnIndex() throws {
    defer { executor.stop() }
    let first: [SQLValue] = [.text("t"), 9, .text("z")]
    for (place, index) in [(0, "audit_events_kind"), (3, "audit_events_action")] {
      var filters = [SQLValue?](repeating: nil, count: 6)
      filters[place] = .text("x")
      let plan = try plan(
        SQLiteRegistryMigrations.all, PageStatements.audit.select(filters), first)
      #expect(plan.contains("INDEX \(index) ("), "\(plan)")
      #expect(!plan.contains("TEMP B-TREE"))
    }
  }
}

/// Holds a thread until it is opened.
private final class Gate: Sendable {
  private let isOpen = Atomic(false)

  func wait() { while !isOpen.load(ordering: .acquiring) { sched_yield() } }

  func open() { isOpen.store(true, ordering: .releasing) }
}
