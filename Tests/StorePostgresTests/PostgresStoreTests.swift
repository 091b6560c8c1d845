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
      #expect(try await SQLMigrations.registry.missing(on: pg.engine).count == 7)
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
            + "FROM change_feed;", database: pg.database) == "calls|4\nregistry|7\n1")
    }
  }

  /// Entries that the version before wrote are listed by what their documents say.
  @Test func entriesOfBeforeAreListed() async throws {
    try await withEngine { pg in
      let earlier = SQLMigrations(
        component: "registry", steps: Array(SQLMigrations.registry.steps.prefix(3)))
      try await earlier.run(on: pg.engine)
      let provider = Sample.provider(1)
      var journals: [ProvisioningJournal] = []
      for (index, outcome) in [ProvisioningOutcome?.none, .done, .undone].enumerated() {
        var journal = ProvisioningJournal.importing(
          try Sample.number(index, provider: provider), ours: VoiceSettings(),
          id: Sample.operationID(index), time: Sample.time(index))
        journal.outcome = outcome
        if outcome != nil { journal.phase = .closed }
        journals.insert(journal, at: 0)
        let values = [
          SQLValue(journal.id), SQLValue(journal.tenant), .text(journal.subject.description),
          SQLValue(journal.isOpen), SQLValue(journal.revision), SQLValue(journal.updateTime),
          SQLValue(document: journal),
        ]
        try await pg.engine.transaction {
          session async throws(SQLFailure) -> SQLEnding<Void> in
          _ = try await session.run(
            SQLStatement(
              "journal_insert_before",
              """
              INSERT INTO provisioning_journal (id, tenant, number_id, is_open, revision,
                update_time, document)
              VALUES ($1, $2, $3, $4, $5, $6, $7)
              """), values)
          return .commit(())
        }
      }
      try await SQLMigrations.registry.run(on: pg.engine)
      let tenant = SQLRegistryStore(engine: pg.engine).tenant(Sample.tenant)
      let all = try await tenant.journals(OperationFilter(), after: nil, limit: 9)
      #expect(all == journals)
      for (state, journal) in zip([OperationState.failed, .succeeded, .running], journals) {
        let some = try await tenant.journals(OperationFilter(state: state), after: nil, limit: 9)
        #expect(some == [journal])
      }
    }
  }

  /// A number that an earlier version wrote is in every list that it belongs to.
  @Test(arguments: 1..<SQLMigrations.registry.steps.count)
  func numbersOfAnEarlierVersionAreListed(_ version: Int) async throws {
    try await withEngine { pg in
      let earlier = SQLMigrations(
        component: "registry", steps: Array(SQLMigrations.registry.steps[..<version]))
      try await earlier.run(on: pg.engine)
      let number = try Sample.number(
        1, provider: Sample.provider(2), agent: Sample.agentID(1))
      let values: [SQLValue] = [
        SQLValue(number.region), SQLValue(number.tenant), SQLValue(number.id),
        SQLValue(number.providerID), number.agentID.map { SQLValue($0) } ?? .null,
        .text(number.state.rawValue), SQLValue(number.revision.version),
        SQLValue(number.revision.createTime), SQLValue(document: number),
      ]
      try await pg.engine.transaction { session async throws(SQLFailure) -> SQLEnding<Void> in
        _ = try await session.run(
          SQLStatement(
            "number_insert_before",
            """
            INSERT INTO phone_numbers (region, tenant, id, provider_id, agent_id, state, version,
              create_time, document)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """), values)
        return .commit(())
      }
      try await SQLMigrations.registry.run(on: pg.engine)
      let tenant = SQLRegistryStore(engine: pg.engine).tenant(Sample.tenant)
      for filter in Sample.filters(of: number) {
        #expect(try await tenant.numbers(filter, after: nil, limit: 9) == [number])
      }
    }
  }

  /// Calls that an earlier version wrote, brought to this one; each region counts on.
  @Test(arguments: 1..<SQLMigrations.calls.steps.count)
  func callsOfAnEarlierVersionAreThereAfterwards(_ version: Int) async throws {
    try await withEngine { pg in
      let earlier = SQLMigrations(
        component: "calls", steps: Array(SQLMigrations.calls.steps[..<version]))
      try await earlier.run(on: pg.engine)
      let counter = version < 4 ? "call_changes" : "call_sequences"
      try pg.cluster.sql(
        """
        INSERT INTO calls (region, id, order_key, tenant, account_sid, number_id, provider_id,
          direction, state, is_live, is_sending, version, change, document)
        VALUES ('ie1', 'call_ie1_00000000000000000000000000000001',
          '00000000000000000000000000000001ie1', 'ten_00000000000000000000000000000001',
          'AC00000000000000000000000000000003', 'pn_00000000000000000000000000000005',
          'prv_00000000000000000000000000000004', 'outbound', 'completed', 0, 0, 4, 9, '{}');
        UPDATE \(counter) SET latest = 9;
        """, database: pg.database)
      try await SQLMigrations.calls.run(on: pg.engine)
      let store = SQLCallStore(engine: pg.engine)
      let all: [Region] = [.us1, .ie1, .au1]
      #expect(
        try await store.changeCounts()
          == Dictionary(uniqueKeysWithValues: all.map { ($0, ChangeCount(latest: 9)) }))
      let placed = try await store.place(
        Placement(request: nil, calls: [CallSamples.outbound(2, region: .ie1)]))
      guard case .placed(let calls) = placed else { return }
      #expect(calls.map(\.change) == [10])
      #expect(
        try pg.cluster.sql(
          "SELECT count(*) FROM calls; SELECT count(*) FROM call_audit;", database: pg.database)
          == "2\n0")
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
