package import StoreSQL
package import Telephony

/// The stores on SQLite files.
package enum SQLiteStores {
  /// The registry's store in the file at `path`, which is opened or created and brought to this
  /// program's version.
  ///
  /// - Parameter damaged: told of a row that can't be read and is left alone.
  package static func registry(
    path: String, executor: SQLiteExecutor,
    damaged: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws(SQLiteMigrations.Failure) -> SQLRegistryStore {
    SQLRegistryStore(
      engine: try await SQLiteEngine(
        path: path, executor: executor, schema: SQLiteRegistryMigrations.all),
      damaged: damaged)
  }

  /// The dispatch's store in the file at `path`.
  package static func calls(
    path: String, executor: SQLiteExecutor, regions: Set<Region> = Set(Region.allCases),
    damaged: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws(SQLiteMigrations.Failure) -> SQLCallStore {
    SQLCallStore(
      engine: try await SQLiteEngine(
        path: path, executor: executor, schema: SQLiteCallMigrations.all),
      regions: regions, damaged: damaged)
  }

  // MARK: Migrations, for a program that does not serve

  /// The steps of the registry's file and of the calls'.
  package static let registryMigrations = SQLiteRegistryMigrations.all
  package static let callMigrations = SQLiteCallMigrations.all

  /// What the steps are for that the file at `path` lacks. Changes nothing.
  package static func missingSteps(
    of migrations: SQLiteMigrations, at path: String
  ) throws(SQLiteMigrations.Failure) -> [String] {
    try migrations.missing(on: try open(path)).map(\.purpose)
  }

  /// Runs the steps that the file at `path` lacks. Blocks.
  package static func migrate(
    _ path: String, by migrations: SQLiteMigrations
  ) throws(SQLiteMigrations.Failure) {
    try migrations.run(on: try open(path))
  }

  private static func open(
    _ path: String
  ) throws(SQLiteMigrations.Failure) -> SQLiteConnection {
    do throws(SQLiteError) {
      try SQLiteFiles.check(path)
      return try SQLiteConnection(path: path)
    } catch {
      throw .sqlite(error)
    }
  }
}
