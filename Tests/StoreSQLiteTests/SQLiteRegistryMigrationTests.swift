import Registry
import StoreSQL
import Telephony
import TestKit
import Testing

@testable import StoreSQLite

/// A file that the first version wrote, brought to this one.
struct SQLiteRegistryMigrationTests {
  private let file = TemporaryDatabase()
  private let executor = SQLiteExecutor()
  private let provider = Sample.provider(2)

  private func number() throws -> PhoneNumber {
    var number = try Sample.number(1, provider: provider, agent: Sample.agentID(1))
    number.former = FormerSettings(
      voice: Sample.voice, processingRegion: .ie1, recordedTime: Sample.time(1))
    return number
  }

  private func journal() throws -> ProvisioningJournal {
    .importing(
      try number(), ours: VoiceSettings(), id: Sample.operationID(1), time: Sample.start)
  }

  /// Writes rows as the first version did.
  private func writeFirstVersion() throws {
    let database = try SQLiteConnection(path: file.path)
    try SQLiteMigrations(steps: [SQLiteRegistryMigrations.all.steps[0]]).run(on: database)
    let number = try number()
    let agent = try Sample.agent(1)
    let journal = try journal()
    let tenant = SQLValue(Sample.tenant)
    try database.run(
      "INSERT INTO providers VALUES (?1, ?2, ?3, ?4, 1, 1, ?5, ?6)",
      [
        SQLValue(provider.id), tenant, .text(provider.key), SQLValue(provider.region),
        SQLValue(provider.revision.createTime), SQLValue(document: provider),
      ])
    try database.run(
      "INSERT INTO agents VALUES (?1, ?2, 1, ?3, ?4)",
      [
        tenant, SQLValue(agent.id), SQLValue(agent.revision.createTime),
        SQLValue(document: agent),
      ])
    try database.run(
      "INSERT INTO phone_numbers VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8)",
      [
        SQLValue(number.id), tenant, SQLValue(provider.id), SQLValue(agent.id),
        SQLValue(number.region), .text(number.state.rawValue),
        SQLValue(number.revision.createTime), SQLValue(document: number),
      ])
    try database.run(
      "INSERT INTO number_claims VALUES (?1, ?2, ?3, ?4, ?5)",
      [
        SQLValue(number.accountSID), SQLValue(number.carrierSID), tenant, SQLValue(number.id),
        SQLValue(number.region),
      ])
    try database.run(
      "INSERT INTO registry_requests VALUES (?1, 'r1', ?2, ?3, ?4)",
      [tenant, .blob([1]), SQLValue(number.id), SQLValue(Sample.start)])
    try database.run(
      "INSERT INTO provisioning_journal VALUES (?1, ?2, 1, 1, ?3, ?4)",
      [
        SQLValue(journal.id), SQLValue(number.id), SQLValue(Sample.start),
        SQLValue(document: journal),
      ])
    let routes: [(String, String, Bool)] = [
      ("provider", "\(provider.id)", false), ("agent", "\(agent.id)", false),
      ("number", "\(number.id)", false), ("number", "\(Sample.numberID(9))", true),
    ]
    for (index, route) in routes.enumerated() {
      try database.run(
        "INSERT INTO routes VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [
          .text(route.0), tenant, .text(route.1), .integer(Int64(index + 4)), SQLValue(route.2),
          SQLValue(Sample.start),
        ])
    }
    try database.run("UPDATE route_feed SET latest = 7, pruned_through = 3, epoch = 'first'")
  }

  @Test func everythingIsThereAfterwards() async throws {
    defer { executor.stop() }
    try writeFirstVersion()
    let store = try await SQLiteStores.registry(path: file.path, executor: executor)
    let tenant = store.tenant(Sample.tenant)
    let number = try number()
    let agent = try Sample.agent(1)
    #expect(
      try await tenant.provider(provider.id)
        == StoredProvider(provider: provider, numbersRevision: 1))
    #expect(try await tenant.number(number.id) == number)
    #expect(try await tenant.numbers(of: number.e164) == [number])
    #expect(try await tenant.agent(agent.id) == agent)
    #expect(
      try await tenant.claims(of: [number.carrierSID], account: number.accountSID).map(\.numberID)
        == [number.id])
    #expect(try await tenant.request("r1")?.resourceID == number.id.description)
    #expect(try await tenant.openJournal(of: .number(number.id)) == journal())
    for state in [nil, OperationState.running] {
      let listed = try await tenant.journals(
        OperationFilter(subject: .number(number.id), state: state), after: nil, limit: 9)
      #expect(try listed == [journal()])
    }
    for kind in [CountedKind.provider, .number, .agent] {
      #expect(try await tenant.count(of: kind) == 1)
    }
    #expect(try await store.providers(notSealedUnder: "k1", after: nil, limit: 9) == [provider])
    // Without a data key, though under this key.
    #expect(try await store.agents(notSealedUnder: "k", after: nil, limit: 9) == [agent])
    let seals = [agent.seals, provider.seals]
    #expect(try await store.sealCounts() == seals.map { SealCount(seals: $0, rowCount: 1) })
  }

  /// Dispatches go on where they stood; watchers of events begin with a snapshot.
  @Test func feedGoesOn() async throws {
    defer { executor.stop() }
    try writeFirstVersion()
    let store = try await SQLiteStores.registry(path: file.path, executor: executor)
    let page = try await store.routes(after: 0, limit: 9)
    #expect(
      page.changes.map(\.kind) == [
        .put(.provider(ProviderRoute(provider))), .put(.agent(AgentRoute(try Sample.agent(1)))),
        .put(.number(NumberRoute(try number()))),
        .removed(.number(Sample.numberID(9), tenant: Sample.tenant)),
      ])
    #expect(page.changes.map(\.point.sequence) == [4, 5, 6, 7])
    #expect(page.feed.latest.sequence == 7)
    #expect(page.feed.prunedThrough == 3)
    #expect(page.feed.epoch == "first")
    #expect(try await store.events(after: 0, limit: 9).feed.prunedThrough == 7)
    let receipt = try await store.commit(
      Sample.write([.deleteNumber(Sample.numberID(1), from: 1)]))
    #expect(receipt.routeSequence == 8)
    #expect(try await store.events(after: 7, limit: 9).events.map(\.sequence) == [8])
  }

  @Test func missingStepsAreNamedAndNothingIsDone() throws {
    defer { executor.stop() }
    try writeFirstVersion()
    let database = try SQLiteConnection(path: file.path)
    #expect(try SQLiteRegistryMigrations.all.missing(on: database).count == 8)
    #expect(try database.first("PRAGMA user_version")?.integer(0) == 1)
    try SQLiteRegistryMigrations.all.run(on: database)
    #expect(try SQLiteRegistryMigrations.all.missing(on: database).isEmpty)
  }

  /// What the migration gives is what a new file has, down to each index.
  @Test func oldAndNewFilesHaveTheSameTables() throws {
    defer { executor.stop() }
    try writeFirstVersion()
    let old = try SQLiteConnection(path: file.path)
    try SQLiteRegistryMigrations.all.run(on: old)
    let other = TemporaryDatabase()
    let new = try SQLiteConnection(path: other.path)
    try SQLiteRegistryMigrations.all.run(on: new)
    let schema = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    #expect(try old.run(schema) == new.run(schema))
    #expect(try !old.run(schema).isEmpty)
  }

  /// A number that an earlier version wrote is in every list that it belongs to.
  @Test(arguments: 2..<SQLiteRegistryMigrations.all.steps.count)
  func numbersOfAnEarlierVersionAreListed(_ version: Int) async throws {
    defer { executor.stop() }
    let number = try number()
    do {
      let database = try SQLiteConnection(path: file.path)
      let earlier = Array(SQLiteRegistryMigrations.all.steps[..<version])
      try SQLiteMigrations(steps: earlier).run(on: database)
      try database.run(
        """
        INSERT INTO phone_numbers (region, tenant, id, provider_id, agent_id, state, version,
          create_time, document)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8)
        """,
        [
          SQLValue(number.region), SQLValue(Sample.tenant), SQLValue(number.id),
          SQLValue(provider.id), SQLValue(Sample.agentID(1)), .text(number.state.rawValue),
          SQLValue(number.revision.createTime), SQLValue(document: number),
        ])
    }
    let store = try await SQLiteStores.registry(path: file.path, executor: executor)
    for filter in Sample.filters(of: number) {
      let found = try await store.tenant(Sample.tenant).numbers(filter, after: nil, limit: 9)
      #expect(found == [number])
    }
  }

  /// With their key as the tree, a million numbers lay eight levels deep.
  @Test func numbersAreKeptByRowNumber() throws {
    defer { executor.stop() }
    try writeFirstVersion()
    let database = try SQLiteConnection(path: file.path)
    let (cache, wipes) = try (
      database.first("PRAGMA cache_size"), database.first("PRAGMA secure_delete")
    )
    try SQLiteRegistryMigrations.all.run(on: database)
    #expect(try database.first("SELECT count(rowid) FROM phone_numbers")?.integer(0) == 1)
    // What was set for the move is as it was.
    #expect(try database.first("PRAGMA cache_size") == cache)
    #expect(try database.first("PRAGMA secure_delete") == wipes)
  }
}
