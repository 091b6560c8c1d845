import Glibc
import Registry
import StoreSQL
import TestKit
import Testing

@testable import StoreSQLite

struct SQLiteBackupTests {
  @Test func copyHoldsOneMomentWhileOthersWrite() async throws {
    let (file, copy) = (TemporaryDatabase(), TemporaryDatabase())
    let executor = SQLiteExecutor()
    defer { executor.stop() }
    let store = try await SQLiteStores.registry(path: file.path, executor: executor)
    for index in 1...20 {
      try await store.commit(Sample.write([.insertAgent(try Sample.agent(index))]))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for index in 21...60 {
          try await store.commit(Sample.write([.insertAgent(try Sample.agent(index))]))
        }
      }
      try SQLiteBackup.copy(from: file.path, to: copy.path)
      try await group.waitForAll()
    }
    let other = SQLiteExecutor()
    defer { other.stop() }
    let restored = try await SQLiteStores.registry(path: copy.path, executor: other)
    let page = try await restored.events(after: 0, limit: 99)
    let count = page.events.count
    #expect(count >= 20)
    #expect(page.feed.latest.sequence == UInt64(count))
    #expect(try await restored.tenant(Sample.tenant).count(of: .agent) == count)
  }

  @Test func snapshotSeesNothingThatComesLater() async throws {
    let file = TemporaryDatabase()
    let executor = SQLiteExecutor()
    defer { executor.stop() }
    let store = try await SQLiteStores.registry(path: file.path, executor: executor)
    try await store.commit(Sample.write([.insertAgent(try Sample.agent(1))]))
    let agents = SQLStatement("agents_all", "SELECT id FROM agents")
    let snapshots = SQLiteSnapshots(path: file.path, executor: executor)
    let second = try Sample.agent(2)
    let seen = try await snapshots.withSnapshot { session async throws(SQLFailure) -> [Int] in
      let first = try await session.run(agents, []).rows.count
      _ = try? await store.commit(Sample.write([.insertAgent(second)]))
      return [first, try await session.run(agents, []).rows.count]
    }
    #expect(seen == [1, 1])
    #expect(try await store.tenant(Sample.tenant).count(of: .agent) == 2)
  }
}
