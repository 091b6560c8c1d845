/// The steps that bring a server's schema to the shape this program knows.
///
/// Step n takes version n − 1 to n; the row of `component` in `schema_migrations` holds the
/// version. Two starters take turns at that row. Each step is a transaction of its own, and final
/// once released: a change is a further step. There is no way back.
package struct SQLMigrations: Sendable {
  /// One step: what it is for, and its statements.
  package struct Step: Sendable {
    package let purpose: String
    let statements: @Sendable () -> [String]

    package init(_ purpose: String, _ statements: @escaping @Sendable () -> [String]) {
      self.purpose = purpose
      self.statements = statements
    }
  }

  /// Why a schema can't be brought to this program's version.
  package enum Failure: Error, Hashable, Sendable {
    case database(SQLFailure)
    /// A newer program has migrated it.
    case newerSchema(component: String, version: Int, known: Int)
  }

  package let component: String
  package let steps: [Step]

  package init(component: String, steps: [Step]) {
    self.component = component
    self.steps = steps
  }

  private static let isThere = SQLStatement(
    "migration_table",
    """
    SELECT count(*) FROM information_schema.tables
    WHERE table_schema = current_schema() AND table_name = 'schema_migrations'
    """)
  private static let create = SQLStatement(
    "migration_create",
    """
    CREATE TABLE IF NOT EXISTS schema_migrations (
      component TEXT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (component))
    """)
  private static let begin = SQLStatement(
    "migration_begin",
    "INSERT INTO schema_migrations (component, version) VALUES ($1, 0) ON CONFLICT DO NOTHING")
  private static let version = SQLStatement(
    "migration_version", "SELECT version FROM schema_migrations WHERE component = $1")
  private static let lock = SQLStatement(
    "migration_lock", "SELECT version FROM schema_migrations WHERE component = $1 FOR UPDATE")
  private static let done = SQLStatement(
    "migration_done", "UPDATE schema_migrations SET version = $1 WHERE component = $2")

  /// The steps that the schema lacks. Changes nothing.
  package func missing(on engine: any SQLEngine) async throws(Failure) -> [Step] {
    Array(steps[try await presentVersion(engine)...])
  }

  private func presentVersion(_ engine: any SQLEngine) async throws(Failure) -> Int {
    let component = SQLValue.text(component)
    let found: Int64
    do throws(SQLFailure) {
      guard try await engine.read(Self.isThere, []).rows.first?.integer(0) ?? 0 > 0 else {
        return 0
      }
      found = try await engine.read(Self.version, [component]).rows.first?.integer(0) ?? 0
    } catch {
      throw .database(error)
    }
    return try check(found)
  }

  private func check(_ version: Int64) throws(Failure) -> Int {
    guard version <= steps.count else {
      throw .newerSchema(component: component, version: Int(version), known: steps.count)
    }
    return Int(version)
  }

  /// How long a step may take where the caller set no deadline: an index over millions of rows
  /// takes longer than any transaction that serves a call.
  package static let stepTimeout: Duration = .seconds(6 * 3600)

  /// Runs the steps that are missing, until the caller's deadline or for ``stepTimeout`` each.
  package func run(on engine: any SQLEngine) async throws(Failure) {
    guard SQLDeadline.current == nil else { return try await runAll(engine) }
    let until = ContinuousClock.now.advanced(by: Self.stepTimeout)
    let ended = await SQLDeadline.$current.withValue(until) { () async -> Result<Void, Failure> in
      do throws(Failure) {
        return .success(try await runAll(engine))
      } catch {
        return .failure(error)
      }
    }
    return try ended.get()
  }

  private func runAll(_ engine: any SQLEngine) async throws(Failure) {
    let component = SQLValue.text(component)
    guard try await presentVersion(engine) < steps.count else { return }
    do throws(SQLFailure) {
      // Of two that create the table at once one may be refused, and is repeated.
      try await engine.transaction { session async throws(SQLFailure) -> SQLEnding<Void> in
        _ = try await session.run(Self.create, [])
        _ = try await session.run(Self.begin, [component])
        return .commit(())
      }
    } catch {
      throw .database(error)
    }
    while try await runNext(engine) {}
  }

  /// Runs one step in a transaction that has the version's row; false when none is missing.
  private func runNext(_ engine: any SQLEngine) async throws(Failure) -> Bool {
    let (key, name) = (SQLValue.text(component), component)
    let steps = steps
    let version: Int64
    do throws(SQLFailure) {
      version = try await engine.transaction {
        session async throws(SQLFailure) -> SQLEnding<Int64> in
        guard let row = try await session.run(Self.lock, [key]).rows.first else {
          throw .damaged(cause: "schema_migrations lost its row")
        }
        let version = row.integer(0)
        guard version < steps.count else { return .rollBack(version) }
        for (index, text) in steps[Int(version)].statements().enumerated() {
          _ = try await session.run(
            SQLStatement("migrate_\(name)_\(version + 1)_\(index)", text), [])
        }
        _ = try await session.run(Self.done, [.integer(version + 1), key])
        return .commit(version + 1)
      }
    } catch {
      throw .database(error)
    }
    return try check(version) < steps.count
  }
}
