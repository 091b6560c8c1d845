import Testing

@testable import StoreSQL
@testable import StoreSQLite

/// With a million numbers a statement that reads a whole table is an outage. So each of the stores'
/// statements finds its rows by an index, in the order that it answers them in.
///
/// The engines choose alike here: the same keys and indexes, and no statistics that could say that
/// a table is small.
struct SQLitePlanTests {
  /// What is allowed all the same.
  private static let allowed: [String: Set<String>] = [
    // They sort one page, which stands beside the feed's row.
    "route_page": ["USE TEMP B-TREE FOR ORDER BY"],
    "event_page": ["USE TEMP B-TREE FOR ORDER BY"],
    "event_page_tenant": ["USE TEMP B-TREE FOR ORDER BY"],
    // It sorts the few numbers of one E.164.
    "number_of_e164": ["USE TEMP B-TREE FOR ORDER BY"],
    // It walks the key from its beginning and stops at its limit.
    "event_oldest": ["SCAN events"],
    // They sort the calls that have work due, or are being sent: an index holds those alone.
    "call_due": ["USE TEMP B-TREE FOR ORDER BY"],
    "call_sending": ["USE TEMP B-TREE FOR ORDER BY"],
    // An operator's `keys ls` and `keys rotate`, over tables that are filled by hand.
    "provider_seals": ["SCAN providers", "USE TEMP B-TREE FOR GROUP BY"],
    "provider_sealed": ["SCAN providers"],
    "agent_seals": ["SCAN agents", "USE TEMP B-TREE FOR GROUP BY"],
    "agent_sealed": ["SCAN agents"],
  ]

  private let file = TemporaryDatabase()

  private func connection(_ migrations: SQLiteMigrations) throws -> SQLiteConnection {
    let connection = try SQLiteConnection(path: file.path)
    try migrations.run(on: connection)
    return connection
  }

  /// What SQLite says that it does, without what only groups other lines.
  private func plan(
    of statement: SQLStatement, _ connection: SQLiteConnection
  ) throws -> [String] {
    let text = SQLiteConnection.translated(statement.text)
    var count = 0
    while statement.text.contains("$\(count + 1)") { count += 1 }
    let values = [SQLValue](repeating: .null, count: count)
    return try connection.run("EXPLAIN QUERY PLAN \(text)", values).map { $0.text(3) }
  }

  private func check(_ statements: [SQLStatement], _ migrations: SQLiteMigrations) throws {
    let connection = try connection(migrations)
    for statement in statements {
      let found = Set(Self.suspects(in: try plan(of: statement, connection)))
      let allowed = Self.allowed[statement.name] ?? []
      if found != allowed {
        Issue.record("\(statement.name): \(found.sorted()), not \(allowed.sorted())")
      }
    }
  }

  /// The steps that may read a whole table, or sort what was read. What a subselect found is no
  /// table.
  private static func suspects(in steps: [String]) -> [String] {
    let subselects = steps.filter { $0.hasPrefix("MATERIALIZE") || $0.hasPrefix("CO-ROUTINE") }
      .compactMap { $0.split(separator: " ").last }
    return steps.filter { step in
      let words = step.split(separator: " ")
      if words[0] == "SCAN" { return !subselects.contains(words[1]) }
      return step.contains("TEMP B-TREE") || step.contains("AUTOMATIC")
    }
  }

  @Test func registryStatementsSearch() throws {
    let calls = Set(CallStatements.all)
    try check(
      SQLStatement.all.filter { !calls.contains($0) }, SQLiteRegistryMigrations.all)
  }

  @Test func callStatementsSearch() throws {
    try check(CallStatements.all, SQLiteCallMigrations.all)
  }

  /// A page begins in the middle of its index, wherever the list has got to.
  @Test func pagesBeginAtTheirCursor() throws {
    let connection = try connection(SQLiteRegistryMigrations.all)
    for pages in [
      PageStatements.numbers, .providers, .agents, .softphones, .audit,
    ] {
      // One provider has an account in a region: the key finds it.
      let byKey = ["providers_page_3", "providers_page_7"]
      for statement in pages.all where !byKey.contains(statement.name) {
        let steps = try plan(of: statement, connection)
        #expect(steps.count == 1, "\(statement.name): \(steps)")
        #expect(
          steps.first?.contains("_time,id)<(?,?)") == true, "\(statement.name): \(steps)")
      }
    }
  }

  /// A page of numbers reads its own rows and no others, however few of them there are: the index
  /// has all filters before the order.
  @Test func eachSetOfFiltersHasAnIndex() throws {
    let connection = try connection(SQLiteRegistryMigrations.all)
    for statement in PageStatements.numbers.all {
      let filters = ["agent_id", "provider_id", "region", "state"].filter {
        statement.text.contains(" \($0) = $")
      }
      // The list leaves out the region of a provider's numbers.
      if filters.contains("provider_id"), filters.contains("region") { continue }
      let steps = try plan(of: statement, connection)
      let terms = (["tenant"] + filters).map { "\($0)=?" }.joined(separator: " AND ")
      #expect(
        steps.first?.hasSuffix("(\(terms) AND (create_time,id)<(?,?))") == true,
        "\(statement.name): \(steps)")
    }
  }

  /// By the directory, and by the number's whole key.
  @Test func aNumberIsFoundByItsKey() throws {
    let connection = try connection(SQLiteRegistryMigrations.all)
    #expect(
      try plan(of: RegistryStatements.number, connection) == [
        "SEARCH d USING PRIMARY KEY (number_id=?)",
        "SEARCH n USING INDEX sqlite_autoindex_phone_numbers_1 (region=? AND tenant=? AND id=?)",
      ])
  }

  /// Not by the tenant's numbers, one after the other, which is a search by an index, too.
  @Test func anE164IsFoundByItsIndex() throws {
    let connection = try connection(SQLiteRegistryMigrations.all)
    #expect(
      try plan(of: RegistryStatements.numbersOfE164, connection) == [
        "SEARCH phone_numbers USING INDEX sqlite_autoindex_phone_numbers_1 "
          + "(region=? AND tenant=? AND id=?)", "LIST SUBQUERY 1",
        "SEARCH number_directory USING INDEX number_directory_e164 (tenant=? AND e164=?)",
        "USE TEMP B-TREE FOR ORDER BY",
      ])
  }

  @Test func theRoutesCopyIsReadFromItsPlaceOn() throws {
    let connection = try connection(SQLiteRouteCopyStore.migrations)
    let page = try connection.run(
      "EXPLAIN QUERY PLAN \(SQLiteRouteCopyStore.page)", [.null, .null, .null])
    #expect(
      page.map { $0.text(3) } == ["SEARCH route_copies USING PRIMARY KEY ((kind,id)>(?,?))"])
  }

  @Test func aScanIsFound() throws {
    let connection = try connection(SQLiteRegistryMigrations.all)
    let scan = SQLStatement("scan", "SELECT id FROM phone_numbers WHERE version = $1")
    let sort = SQLStatement(
      "sort", "SELECT id FROM phone_numbers WHERE tenant = $1 ORDER BY version LIMIT $2")
    for statement in [scan, sort] {
      #expect(!Self.suspects(in: try plan(of: statement, connection)).isEmpty)
    }
  }
}
