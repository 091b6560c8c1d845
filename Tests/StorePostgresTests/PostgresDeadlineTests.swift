import EventLoops
import StoreSQL
import TestKit
import Testing

@testable import StorePostgres

/// Deadlines, cancelled callers and full pools.
@Suite struct PostgresDeadlineTests {
  private static let sleeping = SQLStatement("sleeping", "SELECT 1::int8 FROM pg_sleep(60)")

  private func deadline(_ duration: Duration) -> ContinuousClock.Instant {
    .now.advanced(by: duration)
  }

  @Test func aReadEndsAtItsDeadline() async throws {
    try await withEngine { pg in
      try await pg.insert("a", 1)
      let start = ContinuousClock.now
      await SQLDeadline.$current.withValue(deadline(.milliseconds(200))) {
        await #expect(throws: SQLFailure.deadline) {
          try await pg.engine.read(Self.sleeping, [])
        }
      }
      #expect(ContinuousClock.now - start < .seconds(10))
      await SQLDeadline.$current.withValue(deadline(.seconds(-1))) {
        await #expect(throws: SQLFailure.deadline) { try await pg.engine.read(.select, ["a"]) }
      }
    }
  }

  @Test func aTransactionEndsAtItsDeadlineAndItsLocksAreFree() async throws {
    try await withEngine { pg in
      try await pg.insert("a", 1)
      try await pg.engine.transaction { holder throws(SQLFailure) in
        _ = try await holder.run(.lock, ["a"])
        await SQLDeadline.$current.withValue(deadline(.milliseconds(200))) {
          await #expect(throws: SQLFailure.deadline) {
            try await pg.engine.transaction { session throws(SQLFailure) in
              _ = try await session.run(.insert, ["b", 1, nil])
              _ = try await session.run(.lock, ["a"])
              return .commit(())
            }
          }
        }
        return .commit(())
      }
      #expect(try await pg.number("b") == nil)
      try await pg.insert("b", 2)
      #expect(try await pg.number("b") == 2)
    }
  }

  @Test func aDeadlineBetweenTwoStatementsEndsTheTransaction() async throws {
    try await withEngine { pg in
      await SQLDeadline.$current.withValue(deadline(.milliseconds(100))) {
        await #expect(throws: SQLFailure.deadline) {
          try await pg.engine.transaction { session throws(SQLFailure) in
            _ = try await session.run(.insert, ["a", 1, nil])
            try? await pg.loop.sleep(for: .milliseconds(150))
            return .commit(())
          }
        }
      }
      let number = try await pg.number("a")
      #expect(number == nil)
    }
  }

  @Test func cancelledCallersAreAnsweredAtOnce() async throws {
    try await withEngine { pg in
      try await pg.insert("a", 1)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          await #expect(throws: SQLFailure.deadline) {
            try await pg.engine.read(Self.sleeping, [])
          }
        }
        group.addTask {
          await #expect(throws: SQLFailure.deadline) {
            try await pg.engine.transaction { session throws(SQLFailure) in
              _ = try await session.run(.lock, ["a"])
              _ = try await session.run(Self.sleeping, [])
              return .commit(())
            }
          }
        }
        try await pg.waitUntil(
          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
            + "AND datname = current_database()", is: "2")
        group.cancelAll()
      }
      // The server sees that its client is gone: the lock is free long before the minute is over.
      try await pg.engine.transaction { session throws(SQLFailure) in
        _ = try await session.run(.add, ["a", 1])
        return .commit(())
      }
      #expect(try await pg.number("a") == 2)
    }
  }

  @Test func aCallerThatIsCancelledBeforeItBeginsIsAnswered() async throws {
    try await withEngine { pg in
      await withTaskGroup(of: Void.self) { group in
        let gate = Gate()
        group.addTask {
          await gate.wait()
          await #expect(throws: SQLFailure.deadline) { try await pg.engine.read(.select, ["a"]) }
          await #expect(throws: SQLFailure.deadline) { try await pg.insert("a") }
        }
        group.cancelAll()
        gate.open()
      }
      let number = try await pg.number("a")
      #expect(number == nil)
    }
  }

  @Test func aFullPoolSaysSoInTime() async throws {
    try await withEngine {
      $0.limits.writersMax = 1
      $0.limits.transactionsWaitingMax = 1
      $0.limits.waitTimeout = .milliseconds(100)
    } _: { pg in
      try await pg.engine.transaction { holder throws(SQLFailure) in
        _ = try await holder.run(.insert, ["a", 1, nil])
        await withTaskGroup(of: SQLFailure?.self) { group in
          for key in ["b", "c"] {
            group.addTask {
              do throws(SQLFailure) {
                try await pg.insert(key)
                return nil
              } catch {
                return error
              }
            }
          }
          var causes: [String] = []
          for await case .unavailable(let cause, mayHaveCommitted: false)? in group {
            causes.append(cause)
          }
          #expect(causes.count == 2)
          #expect(causes.contains { $0.contains("too many requests wait") }, "\(causes)")
          #expect(causes.contains { $0.contains("was free in 0.1 seconds") }, "\(causes)")
        }
        return .commit(())
      }
      try await pg.insert("b", 2)
      #expect(try await pg.number("b") == 2)
    }
  }

  @Test func aClosedEngineRefuses() async throws {
    try await withEngine { pg in
      try await pg.insert("a", 1)
      await pg.engine.close()
      let refusal = SQLFailure.unavailable(cause: "the store is closing", mayHaveCommitted: false)
      await #expect(throws: refusal) { try await pg.engine.read(.select, ["a"]) }
      await #expect(throws: refusal) { try await pg.insert("b") }
    }
  }
}
