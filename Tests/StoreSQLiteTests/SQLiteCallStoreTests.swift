import Access
import CallDispatch
import Synchronization
import Telephony
import TestKit
import Testing

@testable import StoreSQL
@testable import StoreSQLite

struct SQLiteCallStoreTests {
  private let file = TemporaryDatabase()
  private let executor = SQLiteExecutor()

  @Test(arguments: CallStoreConformance.checks)
  func keepsTheRule(_ check: CallStoreCheck) async throws {
    defer { executor.stop() }
    let store = try await SQLiteStores.calls(path: file.path, executor: executor)
    try await check.run(on: store)
  }

  @Test func passwordsOfEarlierVersionsAreTakenOut() async throws {
    defer { executor.stop() }
    let store = try await SQLiteStores.calls(path: file.path, executor: executor)
    var calls: [Call] = []
    for (index, answer) in CallSamples.answers.enumerated() {
      var call = CallSamples.inbound(UInt64(index + 1), carrierCall: UInt64(index + 1))
      call.answer = answer
      guard case .created(let created) = try await store.createInbound(call) else { return }
      calls.append(created)
    }
    // One of the samples has a password.
    #expect(try await store.forgetPasswords() == 1)
    #expect(try await store.forgetPasswords() == 0)
    var changed = 0
    for call in calls {
      let now = try #require(try await store.call(call.id))
      var expected = call
      if case .connect(.sip(let uri, var login?)) = call.answer, login.password != nil {
        login.password = nil
        expected.answer = .connect(.sip(uri: uri, login: login))
        changed += 1
      }
      // Nobody who watches is told: version and change stay.
      #expect(now == expected)
    }
    #expect(changed == 1)
  }

  @Test func anAuditEntryThatCantBeReadStaysAndStopsNoOther() async throws {
    defer { executor.stop() }
    let reported = Mutex<[String]>([])
    let store = try await SQLiteStores.calls(path: file.path, executor: executor) { what in
      reported.withLock { $0.append(what) }
    }
    let calls = (1...3).map { CallSamples.outbound(UInt64($0), to: $0) }
    let entries = (1...3).map { CallSamples.audit($0, of: calls[$0 - 1]) }
    _ = try await store.place(Placement(request: nil, calls: calls, audit: entries))
    let other = try SQLiteConnection(path: file.path)
    try other.run(
      "UPDATE call_audit SET document = ?1 WHERE id = ?2",
      [.blob(Array("{}".utf8)), .text(entries[0].id.description)])
    for _ in 1...2 {
      let first = try await store.untoldAudit(of: .us1, after: nil, limit: 2)
      #expect(first == UntoldAudit(entries: [entries[1]], end: entries[1].id))
    }
    let rest = try await store.untoldAudit(of: .us1, after: entries[1].id, limit: 2)
    #expect(rest == UntoldAudit(entries: [entries[2]], end: nil))
    #expect(reported.withLock { $0 } == ["audit entry \(entries[0].id) of a call"])
  }

  @Test func rowThatCantBeReadDoesNotStopTheOthersWork() async throws {
    defer { executor.stop() }
    let reported = Mutex<[String]>([])
    let store = try await SQLiteStores.calls(path: file.path, executor: executor) { what in
      reported.withLock { $0.append(what) }
    }
    let time = CallSamples.time(0)
    let calls = (1...2).map { index in
      var call = CallSamples.outbound(UInt64(index))
      call.work = PendingWork(.dial, due: time)
      return call
    }
    _ = try await store.place(Placement(request: nil, calls: calls))
    let other = try SQLiteConnection(path: file.path)
    try other.run(
      "UPDATE calls SET document = ?1, is_sending = 1 WHERE id = ?2",
      [.blob(Array("{}".utf8)), .text(calls[0].id.description)])
    #expect(try await store.dueCalls(at: time, limit: 9).map(\.id) == [calls[1].id])
    #expect(try await store.dueCalls(at: time, limit: 1).map(\.id) == [calls[1].id])
    #expect(try await store.sendingCalls(limit: 9).isEmpty)
    #expect(reported.withLock { $0 } == ["call \(calls[0].id)"])
  }
}

/// An engine that loses the answers to some COMMITs.
private final class ForgetfulEngine: SQLEngine {
  enum Loss: CaseIterable {
    case afterCommit
    case beforeCommit
  }

  let loses = Mutex<Loss?>(nil)
  private let base: SQLiteEngine

  init(_ base: SQLiteEngine) { self.base = base }

  func read(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult { try await base.read(statement, values) }

  func transaction<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
  ) async throws(SQLFailure) -> Result {
    guard let loss = loses.withLock({ $0 }) else { return try await base.transaction(body) }
    _ = try await base.transaction { session async throws(SQLFailure) -> SQLEnding<Result> in
      switch (try await body(session), loss) {
      case (.commit(let result), .beforeCommit): .rollBack(result)
      case (let ending, _): ending
      }
    }
    throw .unavailable(cause: "the connection was lost", mayHaveCommitted: true)
  }
}

struct UnconfirmedCallsTests {
  private let file = TemporaryDatabase()
  private let executor = SQLiteExecutor()

  @Test(arguments: ForgetfulEngine.Loss.allCases)
  private func whoWatchesIsToldOfACommitThatWasNotAnswered(
    _ loss: ForgetfulEngine.Loss
  ) async throws {
    defer { executor.stop() }
    let engine = ForgetfulEngine(
      try await SQLiteEngine(
        path: file.path, executor: executor, schema: SQLiteCallMigrations.all))
    let store = SQLCallStore(engine: engine)
    let seen = Mutex<[String]>([])
    await store.observe { call in seen.withLock { $0.append("\(call.id.low) \(call.change)") } }
    func place(_ number: UInt64) async throws {
      _ = try await store.place(
        Placement(request: nil, calls: [CallSamples.outbound(number, to: Int(number))]))
    }
    try await place(1)
    engine.loses.withLock { $0 = loss }
    await #expect(throws: CallStoreError.unavailable) { try await place(2) }
    await #expect(throws: CallStoreError.unavailable) { try await place(3) }
    engine.loses.withLock { $0 = nil }
    try await place(4)
    try await place(5)
    let lost = try await store.changes(
      ChangeQuery(
        filter: CallFilter(tenant: CallSamples.outbound(1).tenant), region: .us1, after: 0,
        through: 99, limit: 9)
    )
    #expect(lost.count == (loss == .afterCommit ? 5 : 3))
    #expect(seen.withLock { $0 } == lost.map { "\($0.id.low) \($0.change)" })
  }
}

/// A file that an earlier version wrote, brought to this one.
struct SQLiteCallMigrationTests {
  @Test(arguments: 2..<SQLiteCallMigrations.all.steps.count)
  func callsOfALaterVersionAreThereAfterwards(_ version: Int) async throws {
    let file = TemporaryDatabase()
    let executor = SQLiteExecutor()
    defer { executor.stop() }
    let old = try SQLiteConnection(path: file.path)
    try SQLiteMigrations(steps: Array(SQLiteCallMigrations.all.steps[..<version])).run(on: old)
    var call = CallSamples.outbound(1)
    call.version = 4
    call.change = 9
    try old.run(
      """
      INSERT INTO calls (region, id, order_key, tenant, account_sid, number_id, provider_id,
        direction, state, is_live, is_sending, work_due, version, change, document)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, 0, ?10, 4, 9, ?11)
      """,
      [
        SQLValue(call.region), .text(call.id.description), .text(call.id.orderKey),
        SQLValue(call.tenant), SQLValue(call.account), SQLValue(call.number),
        SQLValue(call.provider), .text(call.direction.rawValue), .text(call.state.rawValue),
        SQLValue(CallSamples.time(0)), SQLValue(document: CallDocument(call)),
      ])
    try old.run(Self.counter(of: version))
    let store = try await SQLiteStores.calls(path: file.path, executor: executor)
    #expect(try await store.call(call.id) == call)
    for region in Region.allCases {
      #expect(try await store.changeCounts()[region] == ChangeCount(latest: 9))
    }
    let entry = CallSamples.audit(1, of: call)
    #expect(try await store.update(call, audit: entry).change == 10)
    #expect(try await store.untoldAudit(of: .us1, after: nil, limit: 9).entries == [entry])
  }

  /// Sets the counter of changes, as the file of that version has it.
  private static func counter(of version: Int) -> String {
    version < 5 ? "UPDATE call_changes SET latest = 9" : "UPDATE call_sequences SET latest = 9"
  }

  @Test func callsOfTheFirstVersionAreThereAfterwards() async throws {
    let file = TemporaryDatabase()
    let executor = SQLiteExecutor()
    defer { executor.stop() }
    let old = try SQLiteConnection(path: file.path)
    try SQLiteMigrations(steps: [SQLiteCallMigrations.all.steps[0]]).run(on: old)
    var call = CallSamples.outbound(1)
    call.work = PendingWork(.dial, due: CallSamples.time(3))
    call.version = 4
    call.change = 9
    try old.run(
      """
      INSERT INTO calls VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?6, NULL, ?7, ?8, ?9, 1, NULL, NULL, 0,
        ?10, 4, 9, ?11)
      """,
      [
        .text(call.id.description),
        .text(String(repeating: "0", count: 31) + "1" + call.region.rawValue),
        SQLValue(call.tenant), SQLValue(call.region), SQLValue(call.account),
        SQLValue(call.number), SQLValue(call.provider), .text(call.direction.rawValue),
        .text(call.state.rawValue), SQLValue(CallSamples.time(3)),
        SQLValue(document: CallDocument(call)),
      ])
    try old.run("UPDATE call_changes SET latest = 9")
    let store = try await SQLiteStores.calls(path: file.path, executor: executor)
    #expect(try await store.call(call.id) == call)
    #expect(try await store.dueCalls(at: CallSamples.time(3), limit: 9) == [call])
    for region in Region.allCases {
      #expect(try await store.changeCounts()[region] == ChangeCount(latest: 9))
    }
    call.work = nil
    #expect(try await store.update(call).change == 10)
  }
}
