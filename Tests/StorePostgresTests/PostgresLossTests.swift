import EventLoops
import StoreSQL
import TestKit
import Testing

@testable import StorePostgres

/// The server dies, or turns into a standby, in the middle of each phase. A cluster of their own,
/// one after the other.
@Suite(.serialized) struct PostgresLossTests {
  private static let cluster = Result { try PostgresCluster() }

  private static let sleeping = SQLStatement("sleeping", "SELECT 1::int8 FROM pg_sleep(60)")

  /// COMMIT waits for a standby that does not exist, until `body` has ended.
  private func withoutStandby(
    _ pg: EngineHarness, _ body: () async throws -> Void
  ) async throws {
    try pg.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    try pg.sql("SELECT pg_reload_conf()")
    try await pg.waitUntil("SHOW synchronous_standby_names", is: "nobody")
    let result: Result<Void, any Error>
    do {
      try await body()
      result = .success(())
    } catch {
      result = .failure(error)
    }
    try pg.sql("ALTER SYSTEM RESET synchronous_standby_names")
    try pg.sql("SELECT pg_reload_conf()")
    try result.get()
  }

  private func mayHaveCommitted(
    _ body: () async throws(SQLFailure) -> Void
  ) async -> Bool? {
    do throws(SQLFailure) {
      try await body()
      return nil
    } catch {
      guard case .unavailable(_, let mayHaveCommitted) = error else {
        Issue.record("\(error)")
        return nil
      }
      return mayHaveCommitted
    }
  }

  @Test func idleConnectionsAreMadeAnew() async throws {
    try await withEngine(on: Self.cluster.get()) { pg in
      try await pg.insert("a", 1)
      #expect(try await pg.number("a") == 1)
      try pg.cluster.kill()
      try pg.cluster.start()
      // Both wait until the engine has found the server again.
      #expect(try await pg.number("a") == 1)
      try await pg.insert("b", 2)
      #expect(try await pg.number("b") == 2)
      #expect(pg.log.text.contains("broke"))
    }
  }

  @Test func aReadUnderWayIsRepeatedElsewhere() async throws {
    try await withEngine(on: Self.cluster.get()) { pg in
      try await pg.insert("a", 1)
      let slowly = SQLStatement(
        "slowly", "SELECT number FROM pairs, pg_sleep(CASE WHEN number = 1 THEN 60 ELSE 0 END)")
      try await withThrowingTaskGroup(of: Int64?.self) { group in
        group.addTask { try await pg.engine.read(slowly, []).rows.first?.integer(0) }
        try await pg.waitUntil(
          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", is: "1")
        try pg.sql("UPDATE pairs SET number = 2")
        try pg.cluster.kill()
        try pg.cluster.start()
        #expect(try await group.next() == 2)
      }
    }
  }

  @Test func aStatementUnderWayFailsAtOnceAndDidNothing() async throws {
    try await withEngine(on: Self.cluster.get()) { pg in
      let outcome = try await withThrowingTaskGroup(of: Bool?.self) { group in
        group.addTask {
          await mayHaveCommitted { () throws(SQLFailure) in
            try await pg.engine.transaction { session throws(SQLFailure) in
              _ = try await session.run(.insert, ["a", 1, nil])
              _ = try await session.run(Self.sleeping, [])
              return .commit(())
            }
          }
        }
        try await pg.waitUntil(
          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", is: "1")
        try pg.cluster.kill()
        return try await group.next() ?? nil
      }
      #expect(outcome == false)
      try pg.cluster.start()
      #expect(try await pg.number("a") == nil)
    }
  }

  @Test func aLossBetweenStatementsIsNoCommit() async throws {
    try await withEngine(on: Self.cluster.get()) { pg async throws in
      for isAtCommit in [false, true] {
        let outcome = await mayHaveCommitted { () throws(SQLFailure) in
          try await pg.engine.transaction { session throws(SQLFailure) in
            _ = try await session.run(.insert, ["a", 1, nil])
            #expect(throws: Never.self) {
              try pg.cluster.kill()
              try pg.cluster.start()
            }
            if !isAtCommit { _ = try await session.run(.select, ["a"]) }
            return .commit(())
          }
        }
        // COMMIT may go out before the loop has seen the end of the connection.
        #expect(outcome == false || isAtCommit)
        #expect(outcome != nil)
        #expect(try await pg.number("a") == nil)
      }
    }
  }

  @Test func aLossDuringCommitIsUnknown() async throws {
    try await withEngine(on: Self.cluster.get()) { pg in
      try await withoutStandby(pg) {
        let outcome = try await withThrowingTaskGroup(of: Bool?.self) { group in
          group.addTask {
            await mayHaveCommitted { () throws(SQLFailure) in try await pg.insert("a", 1) }
          }
          try await pg.waitUntil(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", is: "1")
          try pg.cluster.kill()
          return try await group.next() ?? nil
        }
        #expect(outcome == true)
        try pg.cluster.start()
      }
      // This one had committed.
      #expect(try await pg.number("a") == 1)
    }
  }

  /// A server that is told to cancel a COMMIT that waits for its standby says that it committed.
  @Test func aCommitWithoutItsStandbyIsNotAcknowledged() async throws {
    try await withEngine(on: Self.cluster.get()) { pg in
      try await withoutStandby(pg) {
        let outcome = try await withThrowingTaskGroup(of: Bool?.self) { group in
          group.addTask {
            await mayHaveCommitted { () throws(SQLFailure) in try await pg.insert("a", 1) }
          }
          try await pg.waitUntil(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", is: "1")
          try pg.sql(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
          return try await group.next() ?? nil
        }
        #expect(outcome == true)
      }
    }
  }

  /// Neither the deadline nor a setting of the server's ends a COMMIT: both would have it say that
  /// it committed. The caller is told at its deadline that it is not known.
  @Test func aDeadlineDuringCommitIsUnknown() async throws {
    try await withEngine(on: Self.cluster.get()) { pg in
      try pg.sql("ALTER DATABASE \(pg.database) SET statement_timeout = 300")
      try pg.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
          + "WHERE datname = current_database() AND pid <> pg_backend_pid()")
      try await withoutStandby(pg) {
        let outcome = await SQLDeadline.$current.withValue(.now.advanced(by: .seconds(1))) {
          await mayHaveCommitted { () throws(SQLFailure) in try await pg.insert("a", 1) }
        }
        #expect(outcome == true)
        let waiting = try pg.sql(
          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        #expect(waiting == "1")
      }
      // And it goes on.
      try await pg.waitUntil("SELECT count(*) FROM pairs", is: "1")
    }
  }

  @Test func aServerThatStopsIsUnavailable() async throws {
    try await withEngine(on: Self.cluster.get()) {
      $0.limits.waitTimeout = .milliseconds(200)
    } _: { pg in
      try await pg.insert("a", 1)
      try pg.cluster.stop()
      let failure = await #expect(throws: SQLFailure.self) { try await pg.number("a") }
      guard case .unavailable(let cause, mayHaveCommitted: false)? = failure else {
        Issue.record("\(String(describing: failure))")
        return
      }
      #expect(cause.contains("Connection refused"), "\(cause)")
      try pg.cluster.start()
      try await pg.insert("b", 2)
      #expect(try await pg.number("b") == 2)
    }
  }

  @Test func aServerThatTakesNoWritesIsLeft() async throws {
    try await withEngine(on: Self.cluster.get()) {
      $0.limits.waitTimeout = .milliseconds(300)
    } _: { pg in
      try await pg.insert("a", 1)
      // The same to a client as a primary that became a standby.
      try pg.sql("ALTER DATABASE \(pg.database) SET default_transaction_read_only = on")
      try pg.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
          + "WHERE datname = current_database() AND pid <> pg_backend_pid()")
      let failure = await #expect(throws: SQLFailure.self) {
        while true { try await pg.insert("b", 1) }
      }
      guard case .unavailable(_, mayHaveCommitted: false)? = failure else {
        Issue.record("\(String(describing: failure))")
        return
      }
      try pg.cluster.sql("ALTER DATABASE \(pg.database) SET default_transaction_read_only = off")
      try await pg.insert("c", 1)
    }
  }
}
