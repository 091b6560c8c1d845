import EventLoops
import StoreSQL
import TestKit
import Testing

@testable import StorePostgres

/// The engine against a server.
@Suite struct PostgresEngineTests {
  @Test func valuesComeBackAsTheyWere() async throws {
    try await withEngine { pg in
      let bytes = [UInt8](0...255) + [0, 0]
      let rows: [[SQLValue]] = [
        ["", 0, .blob([])], ["é\u{1F600}\n'\\", .integer(.max), .blob(bytes)],
        ["minus", .integer(.min), nil], ["one", -1, .blob([0])],
      ]
      for row in rows {
        let changed = try await pg.engine.transaction { session throws(SQLFailure) in
          .commit(try await session.run(.insert, row).changedCount)
        }
        #expect(changed == 1)
      }
      for row in rows {
        let result = try await pg.engine.read(.select, [row[0]])
        #expect(result == SQLResult(rows: [SQLRow(values: row)], changedCount: 0))
      }
      #expect(try await pg.engine.read(.select, ["none"]) == SQLResult())
    }
  }

  @Test func smallerColumnsAreReadAsIntegersAndOthersNamed() async throws {
    try await withEngine { pg async throws in
      let small = SQLStatement(
        "small", "SELECT -2::int2, 70000::int4, true, false, 'x'::varchar(3), 'y'::name")
      #expect(
        try await pg.engine.read(small, []).rows
          == [SQLRow(values: [-2, 70000, 1, 0, "x", "y"])])
      let other = SQLStatement("other", "SELECT 1.5::float8")
      await #expect(throws: SQLFailure.damaged(cause: "other answers a column of the type 701")) {
        try await pg.engine.read(other, [])
      }
    }
  }

  @Test func aMebibyteComesBack() async throws {
    try await withEngine { pg in
      let bytes = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      try await pg.engine.transaction { session throws(SQLFailure) in
        _ = try await session.run(.insert, ["big", 1, .blob(bytes)])
        return .commit(())
      }
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask {
            try await pg.engine.read(.select, ["big"]).rows.first?.blob(2) == bytes
          }
        }
        for try await isSame in group { #expect(isSame) }
      }
    }
  }

  @Test func aTextWithNULIsRefusedAndHarmsNobody() async throws {
    try await withEngine { pg in
      let refusal = SQLFailure.damaged(
        cause: "parameter 1 of select_pair holds U+0000, which a text of PostgreSQL can't")
      await #expect(throws: refusal) { try await pg.engine.read(.select, ["a\0b"]) }
      try await pg.insert("a", 1)
      #expect(try await pg.number("a") == 1)
    }
  }

  /// A setting of the session that forbids writes would stay where a pooler gives the session to
  /// another.
  @Test func aReadersSessionForbidsNoWrites() async throws {
    try await withEngine { pg async throws in
      let setting = SQLStatement(
        "setting", "SELECT current_setting('default_transaction_read_only')")
      #expect(try await pg.engine.read(setting, []).rows == [SQLRow(values: ["off"])])
    }
  }

  @Test func manyReadsShareFewConnections() async throws {
    try await withEngine { pg async throws in
      for key in 0..<20 { try await pg.insert("k\(key)", Int64(key)) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<2000 {
          group.addTask { () async throws in
            #expect(try await pg.number("k\(index % 20)") == Int64(index % 20))
          }
        }
        try await group.waitForAll()
      }
      let count = try pg.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
      #expect((2...6).contains(Int(count) ?? 0), "\(count) connections")
    }
  }

  @Test func aFailingReadHarmsNoOtherOfItsGroup() async throws {
    try await withEngine { pg async throws in
      try await pg.insert("a", 1)
      let broken = SQLStatement("broken", "SELECT key FROM nowhere WHERE key = $1")
      let division = SQLStatement("division", "SELECT 1 / $1::int8")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<60 {
          group.addTask { () async throws in
            switch index % 3 {
            case 0:
              await #expect(
                throws: SQLFailure.damaged(
                  cause: "PostgreSQL refused a statement with SQLSTATE 42P01")
              ) { try await pg.engine.read(broken, ["secret"]) }
            case 1:
              await #expect(
                throws: SQLFailure.damaged(
                  cause: "PostgreSQL refused a statement with SQLSTATE 22012")
              ) { try await pg.engine.read(division, [0]) }
            default: #expect(try await pg.number("a") == 1)
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test func aLoneReadCanNotWrite() async throws {
    try await withEngine { pg async throws in
      await #expect(throws: SQLFailure.self) {
        try await pg.engine.read(.insert, ["a", 1, nil])
      }
      #expect(try await pg.number("a") == nil)
    }
  }

  @Test func whatIsRolledBackIsGone() async throws {
    try await withEngine { pg in
      let answer = try await pg.engine.transaction { session throws(SQLFailure) in
        _ = try await session.run(.insert, ["a", 1, nil])
        let inside = try await session.run(.select, ["a"]).rows.count
        return .rollBack(inside)
      }
      #expect(answer == 1)
      #expect(try await pg.number("a") == nil)
      let empty = try await pg.engine.transaction { _ throws(SQLFailure) in .commit("nothing") }
      #expect(empty == "nothing")
      // A failure that the body swallows does not become a commit.
      await #expect(throws: SQLFailure.self) {
        try await pg.engine.transaction { session throws(SQLFailure) in
          _ = try await session.run(.insert, ["a", 1, nil])
          do throws(SQLFailure) {
            _ = try await session.run(SQLStatement("broken", "SELECT 1 FROM nowhere"), [])
          } catch {}
          return .commit(())
        }
      }
      #expect(try await pg.number("a") == nil)
    }
  }

  @Test func aTakenKeyIsTriedAgainAndThenNamed() async throws {
    try await withEngine { pg in
      try await pg.insert("a", 1)
      let tries = Counter()
      await #expect(throws: SQLFailure.uniqueViolation(constraint: "pairs_key")) {
        try await pg.engine.transaction { session throws(SQLFailure) in
          tries.increment()
          _ = try await session.run(.insert, ["a", 2, nil])
          return .commit(())
        }
      }
      #expect(tries.count == PostgresConfiguration().transactionTriesMax)
      #expect(try await pg.number("a") == 1)
      #expect(!pg.log.text.contains("(a)"))
    }
  }

  /// Two transactions that lock two rows in opposite order, each after the other has its first.
  @Test func deadlocksAreRepeatedWhole() async throws {
    try await withEngine { pg in
      try await pg.insert("a")
      try await pg.insert("b")
      let gates = [Gate(), Gate()]
      let tries = Counter()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0...1 {
          group.addTask {
            let keys: [SQLValue] = index == 0 ? ["a", "b"] : ["b", "a"]
            try await pg.engine.transaction { session throws(SQLFailure) in
              tries.increment()
              _ = try await session.run(.add, [keys[0], 1])
              gates[index].open()
              await gates[1 - index].wait()
              _ = try await session.run(.add, [keys[1], 1])
              return .commit(())
            }
          }
        }
        try await group.waitForAll()
      }
      // The server ended one of them.
      #expect(tries.count == 3)
      #expect(try await pg.number("a") == 2)
      #expect(try await pg.number("b") == 2)
    }
  }

  @Test func aSerializationFailureIsRepeatedWhole() async throws {
    try await withEngine { pg in
      try await pg.insert("a")
      let tries = Counter()
      let serializable = SQLStatement(
        "serializable", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
      try await pg.engine.transaction { session throws(SQLFailure) in
        let number = tries.increment()
        _ = try await session.run(serializable, [])
        _ = try await session.run(.select, ["a"])
        if number == 1 {
          // Somebody else changes the row after this snapshot was taken.
          try await pg.engine.transaction { other throws(SQLFailure) in
            _ = try await other.run(.add, ["a", 10])
            return .commit(())
          }
        }
        _ = try await session.run(.add, ["a", 1])
        return .commit(())
      }
      #expect(tries.count == 2)
      #expect(try await pg.number("a") == 11)
    }
  }

  @Test func aSnapshotSeesNoLaterChange() async throws {
    try await withEngine { pg in
      try await pg.insert("a", 1)
      let seen = try await pg.engine.withSnapshot { session throws(SQLFailure) in
        var seen = [try await session.run(.select, ["a"]).rows.first?.integer(1)]
        try await pg.engine.transaction { other throws(SQLFailure) in
          _ = try await other.run(.add, ["a", 1])
          return .commit(())
        }
        seen.append(try await session.run(.select, ["a"]).rows.first?.integer(1))
        return seen
      }
      #expect(seen == [1, 1])
      #expect(try await pg.number("a") == 2)
    }
  }

  /// A pooler's DISCARD ALL, and a migration under prepared statements.
  @Test func statementsArePreparedAnew() async throws {
    try await withEngine {
      $0.limits.readersMax = 1
      $0.limits.writersMax = 1
    } _: { pg in
      try await pg.insert("a", 1)
      #expect(try await pg.number("a") == 1)
      try await pg.engine.transaction { session throws(SQLFailure) in
        _ = try await session.run(.select, ["a"])
        return .commit(())
      }
      try pg.sql("ALTER TABLE pairs ALTER COLUMN number TYPE int4")
      #expect(try await pg.number("a") == 1)
      let deallocate = SQLStatement("deallocate", "DEALLOCATE ALL")
      _ = try? await pg.engine.read(deallocate, [])
      #expect(try await pg.number("a") == 1)
      try await pg.engine.transaction { session throws(SQLFailure) in
        _ = try await session.run(deallocate, [])
        return .commit(())
      }
      try await pg.insert("b", 2)
      #expect(try await pg.number("b") == 2)
    }
  }

  @Test func changesAreAnnouncedWithTheirCommit() async throws {
    let (stream, notified) = AsyncStream<Void>.makeStream()
    try await withEngine {
      $0.channel = "trunkline_feed"
      $0.notified = { notified.yield() }
    } _: { pg in
      var heard = stream.makeAsyncIterator()
      // Told once when it begins to listen, since it may have missed something.
      await heard.next()
      try await pg.engine.transaction { session throws(SQLFailure) in
        _ = try await session.run(.insert, ["a", 1, nil])
        try await session.announceChange()
        return .commit(())
      }
      await heard.next()
      _ = try await pg.engine.transaction { session throws(SQLFailure) in
        _ = try await session.run(.insert, ["b", 1, nil])
        try await session.announceChange()
        return SQLEnding.rollBack(())
      }
      // What another process announces comes, too, and nothing came of what was rolled back.
      let before = try pg.sql("SELECT count(*) FROM pairs")
      #expect(before == "1")
      try pg.sql("NOTIFY trunkline_feed")
      await heard.next()
      // A listener that lost its connection is told when it is back.
      try pg.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
      await heard.next()
    }
  }
}
