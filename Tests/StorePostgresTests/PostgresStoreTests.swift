import CallDispatch
import EventLoops
import Registry
import StoreSQL
import Telephony
import TestKit
import Testing

@testable import StorePostgres

/// The stores' rules on a server, each in a database of its own. One at a time: they share the
/// server's connections with the tests of the engine.
@Suite(.serialized) struct PostgresStoreTests {
  @Test(arguments: RegistryStoreConformance.checks)
  func registryKeepsTheRule(_ check: RegistryStoreCheck) async throws {
    try await withEngine { pg in
      try await SQLMigrations.registry.run(on: pg.engine)
      try await check.run(on: SQLRegistryStore(engine: pg.engine))
    }
  }

  @Test(arguments: CallStoreConformance.checks)
  func callsKeepTheRule(_ check: CallStoreCheck) async throws {
    try await withEngine { pg in
      try await SQLMigrations.calls.run(on: pg.engine)
      try await check.run(on: SQLCallStore(engine: pg.engine))
    }
  }

  /// Two processes on one database see each other's writes, and one feed.
  @Test func twoStoresShareOneFeed() async throws {
    try await withEngine { pg in
      try await SQLMigrations.registry.run(on: pg.engine)
      let loop = EventLoop(name: "second")
      let second = PostgresEngine(
        target: try PostgresTarget(pg.cluster.url(pg.database)), loop: loop)
      let stores = [SQLRegistryStore(engine: pg.engine), SQLRegistryStore(engine: second)]
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (index, store) in stores.enumerated() {
          group.addTask {
            for number in 0..<20 {
              let agent = try Sample.agent(index * 20 + number)
              try await store.commit(Sample.write([.insertAgent(agent)]))
            }
          }
        }
        try await group.waitForAll()
      }
      let pages = [
        try await stores[0].events(after: 0, limit: 99),
        try await stores[1].events(after: 0, limit: 99),
      ]
      await second.close()
      loop.stop()
      #expect(pages[0] == pages[1])
      #expect(pages[0].events.map(\.sequence) == (1...40).map { UInt64($0) })
    }
  }
}

/// The schema on a server.
@Suite(.serialized) struct PostgresMigrationTests {
  @Test func twoStartersTakeTurns() async throws {
    try await withEngine { pg in
      #expect(try await SQLMigrations.registry.missing(on: pg.engine).count == 3)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask { try await SQLMigrations.registry.run(on: pg.engine) }
          group.addTask { try await SQLMigrations.calls.run(on: pg.engine) }
        }
        try await group.waitForAll()
      }
      #expect(try await SQLMigrations.registry.missing(on: pg.engine).isEmpty)
      #expect(
        try pg.cluster.sql(
          "SELECT component, version FROM schema_migrations ORDER BY 1; SELECT count(*) "
            + "FROM change_feed;", database: pg.database) == "calls|2\nregistry|3\n1")
    }
  }

  @Test func newerSchemaIsLeftAlone() async throws {
    try await withEngine { pg in
      try await SQLMigrations.registry.run(on: pg.engine)
      try pg.cluster.sql("UPDATE schema_migrations SET version = 9", database: pg.database)
      let newer = SQLMigrations.Failure.newerSchema(
        component: "registry", version: 9, known: SQLMigrations.registry.steps.count)
      await #expect(throws: newer) { try await SQLMigrations.registry.run(on: pg.engine) }
      await #expect(throws: newer) { _ = try await SQLMigrations.registry.missing(on: pg.engine) }
    }
  }

  /// A step that fails leaves nothing, and the version with it.
  @Test func brokenStepLeavesTheVersion() async throws {
    try await withEngine { pg in
      let broken = SQLMigrations(
        component: "t",
        steps: [.init("") { ["CREATE TABLE a (x BIGINT)", "CREATE TABLE a (x BIGINT)"] }])
      await #expect(throws: SQLMigrations.Failure.self) { try await broken.run(on: pg.engine) }
      #expect(try await broken.missing(on: pg.engine).count == 1)
      let mended = SQLMigrations(
        component: "t", steps: [.init("") { ["CREATE TABLE a (x BIGINT)"] }])
      try await mended.run(on: pg.engine)
    }
  }
}
