internal import CommandLine
internal import Crypto
internal import EventLoops
internal import FoundationEssentials
internal import Glibc
internal import Registry
internal import StorePostgres
internal import StoreSQL
internal import StoreSQLite

/// Why a command for the stores did not do it. Each text says what to do.
enum StoreTaskError: Error, CustomStringConvertible {
  case file(path: String, ProtectedFile.Failure)
  case folder(path: String)
  case noData(folder: String)
  case files(ServeError)
  case database(SQLFailure)
  case server(SQLMigrations.Failure)
  case outdated(place: String)
  case importing(path: String, PortableImport.Failure)
  case store(StoreError)
  case keyringInVariable
  /// Secrets that could not be sealed anew, and some of them.
  case rowsLeft(count: Int, [String])

  var description: String {
    switch self {
    case .file(let path, .exists): "\(path) is there already. Give another name, or remove it."
    case .file(let path, let failure): "\(path) can't be read or written: \(failure)."
    case .folder(let path): "The folder \(path) can't be made."
    case .noData(let folder):
      "There is no registry.db and no calls.db in \(folder). Give the server's --data-dir."
    case .files(let error): error.description
    case .database(let failure): "The database can't be used: \(failure.reason)."
    case .server(let failure): ServeError.database(failure).description
    case .outdated(let place):
      "\(place) has the tables of an earlier version. Run `trunklined migrate` first."
    case .importing(let path, let failure): Self.text(path, failure)
    case .store(.unavailable(let cause)), .store(.damaged(let cause)):
      "The database can't be used: \(cause)."
    case .store(let error): "The database can't be used: \(error)."
    case .keyringInVariable:
      "The keyring is in \(KeyringPlace.variableName), not in a file: change it there."
    case .rowsLeft(let count, let rows):
      "\(count) rows could not be sealed anew and stay as they were: "
        + rows.joined(separator: ", ") + (count > rows.count ? ", …" : "") + "."
    }
  }

  private static func text(_ path: String, _ failure: PortableImport.Failure) -> String {
    switch failure {
    case .notAnExport: "\(path) is no file of `trunklined export`."
    case .otherVersion:
      "\(path) was written by another version. Export with the version that imports."
    case .damagedLine(let line): "Line \(line) of \(path) is damaged; nothing was imported."
    case .truncated: "\(path) ends before its last line; nothing was imported."
    case .notEmpty(let table):
      "The database has data in \(table). Import into an empty one; nothing was imported."
    case .differs(let table):
      "What stands in \(table) is not what \(path) holds; nothing was imported."
    case .database(let failure):
      "The database can't be used: \(failure.reason). Nothing was imported unless it was lost at "
        + "the very end."
    }
  }
}

/// Runs one command and tells how it ended.
enum StoreTask {
  /// Exit codes: 0 done, 70 not.
  static func run(
    _ body: (_ out: (String) -> Void) async throws(StoreTaskError) -> Void
  ) async -> Int32 {
    _ = umask(0o077)
    do throws(StoreTaskError) {
      try await body { line in print(line) }
      return 0
    } catch {
      StandardError.write(line: "trunklined: \(error)")
      return 70
    }
  }

  static func backUp(
    _ folder: String, to target: String, takesWrongChecksums: Bool, _ out: (String) -> Void
  ) throws(StoreTaskError) {
    let names = StorePlace.names(in: folder)
    guard !names.isEmpty else { throw .noData(folder: folder) }
    do {
      try FileManager.default.createDirectory(
        atPath: target, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw .folder(path: target)
    }
    for name in names {
      let path = "\(target)/\(name)"
      do throws(ProtectedFile.Failure) {
        try ProtectedFile.create(path, [])
      } catch {
        throw .file(path: path, error)
      }
      do throws(SQLiteError) {
        try SQLiteBackup.copy(
          from: "\(folder)/\(name)", to: path, takesWrongChecksums: takesWrongChecksums)
      } catch {
        throw .files(.store(path: "\(folder)/\(name)", .sqlite(error)))
      }
      out("\(path): copied and checked")
    }
    out("The keyring is not in the copy: without it the secrets can't be opened.")
  }
}

/// Where data is kept, for a command that does not serve.
enum StorePlace {
  case files(folder: String)
  case server(PostgresTarget)

  init(_ arguments: Arguments) throws(ArgumentError) {
    if let target = try arguments.value(ServeOptions.database) {
      self = .server(target)
    } else {
      self = .files(folder: try arguments.value(ServeOptions.dataFolder))
    }
  }

  /// Longer than any move of data takes; a database that is gone is noticed sooner.
  private static let moveTimeout: Duration = .seconds(24 * 3600)

  /// The databases that are there.
  static func names(in folder: String) -> [String] {
    [Stores.registryFile, Stores.callsFile].filter {
      FileManager.default.fileExists(atPath: "\(folder)/\($0)")
    }
  }

  private static func migrations(of name: String) -> SQLiteMigrations {
    name == Stores.registryFile ? SQLiteStores.registryMigrations : SQLiteStores.callMigrations
  }

  // MARK: Migrations

  func migrate(
    onlyTelling: Bool, _ out: (String) -> Void
  ) async throws(StoreTaskError) {
    switch self {
    case .files(let folder): try Self.migrate(folder, onlyTelling: onlyTelling, out)
    case .server(let target):
      try await Self.withEngine(target) { (engine, _) throws(StoreTaskError) in
        do throws(SQLMigrations.Failure) {
          for migrations in [SQLMigrations.registry, .calls] {
            let missing = try await migrations.missing(on: engine)
            Self.tell(migrations.component, missing.map(\.purpose), onlyTelling, out)
            if !onlyTelling { try await migrations.run(on: engine) }
          }
        } catch {
          throw .server(error)
        }
      }
    }
  }

  private static func migrate(
    _ folder: String, onlyTelling: Bool, _ out: (String) -> Void
  ) throws(StoreTaskError) {
    let names = names(in: folder)
    guard !names.isEmpty else { throw .noData(folder: folder) }
    for name in names {
      let path = "\(folder)/\(name)"
      do throws(SQLiteMigrations.Failure) {
        let missing = try SQLiteStores.missingSteps(of: migrations(of: name), at: path)
        tell(path, missing, onlyTelling, out)
        if !onlyTelling { try SQLiteStores.migrate(path, by: migrations(of: name)) }
      } catch {
        throw .files(.store(path: path, error))
      }
    }
  }

  private static func tell(
    _ place: String, _ steps: [String], _ onlyTelling: Bool, _ out: (String) -> Void
  ) {
    if steps.isEmpty { out("\(place): nothing to do") }
    for step in steps { out("\(place): \(onlyTelling ? "would" : "now") \(step)") }
  }

  // MARK: Export and import

  func export(to path: String, _ out: (String) -> Void) async throws(StoreTaskError) {
    let writer: ProtectedLineWriter
    do throws(ProtectedFile.Failure) {
      writer = try ProtectedLineWriter(creating: path)
    } catch {
      throw .file(path: path, error)
    }
    let export = PortableExport { (line) throws(SQLFailure) in
      do throws(ProtectedFile.Failure) { try writer.write(line) } catch {
        throw .damaged(cause: "the export can't be written: \(error)")
      }
    }
    let count = try await write(export)
    do throws(ProtectedFile.Failure) { try writer.finish() } catch {
      throw .file(path: path, error)
    }
    out("\(count) rows written to \(path)")
    out("The keyring is not in it: without it the secrets can't be opened.")
  }

  private func write(_ export: PortableExport) async throws(StoreTaskError) -> Int {
    switch self {
    case .server(let target):
      return try await Self.withEngine(target) { (engine, _) throws(StoreTaskError) in
        try await Self.checkPresent(engine)
        return try await Self.write(
          export, [(PortableTable.registry + PortableTable.calls, engine)])
      }
    case .files(let folder):
      let names = Self.names(in: folder)
      guard !names.isEmpty else { throw .noData(folder: folder) }
      let executor = SQLiteExecutor()
      defer { executor.stop() }
      var parts: [([PortableTable], any SQLSnapshots)] = []
      for name in names {
        let path = "\(folder)/\(name)"
        try Self.checkPresent(path, name)
        let tables =
          name == Stores.registryFile ? PortableTable.registry : PortableTable.calls
        parts.append((tables, SQLiteSnapshots(path: path, executor: executor)))
      }
      return try await Self.write(export, parts)
    }
  }

  /// Refuses a server whose tables are of an earlier version.
  static func checkPresent(
    _ engine: PostgresEngine, _ components: [SQLMigrations] = [.registry, .calls]
  ) async throws(StoreTaskError) {
    var missing = 0
    do throws(SQLMigrations.Failure) {
      for migrations in components {
        missing += try await migrations.missing(on: engine).count
      }
    } catch {
      throw .server(error)
    }
    guard missing == 0 else { throw .outdated(place: "The database") }
  }

  /// Refuses a file whose tables are of an earlier version.
  private static func checkPresent(_ path: String, _ name: String) throws(StoreTaskError) {
    let missing: [String]
    do throws(SQLiteMigrations.Failure) {
      missing = try SQLiteStores.missingSteps(of: migrations(of: name), at: path)
    } catch {
      throw .files(.store(path: path, error))
    }
    guard missing.isEmpty else { throw .outdated(place: path) }
  }

  private static func write(
    _ export: PortableExport, _ parts: [([PortableTable], any SQLSnapshots)]
  ) async throws(StoreTaskError) -> Int {
    do throws(SQLFailure) {
      try export.begin()
      var (rows, tables) = (0, 0)
      for (part, source) in parts {
        rows += try await export.add(part, from: source)
        tables += part.count
      }
      try export.end(tableCount: tables)
      return rows
    } catch {
      throw .database(error)
    }
  }

  func load(from path: String, _ out: (String) -> Void) async throws(StoreTaskError) {
    guard case .server(let target) = self else {
      preconditionFailure("an import into something other than a server")
    }
    let load = PortableImport { () throws(SQLFailure) in
      let reader: ProtectedLineReader
      do throws(ProtectedFile.Failure) { reader = try ProtectedLineReader(path) } catch {
        throw .damaged(cause: "\(path) can't be read: \(error)")
      }
      return { () throws(SQLFailure) in
        do throws(ProtectedFile.Failure) { return try reader.next() } catch {
          throw .damaged(cause: "\(path) can't be read: \(error)")
        }
      }
    }
    let count = try await Self.withEngine(target) { (engine, _) throws(StoreTaskError) in
      do throws(SQLMigrations.Failure) {
        try await SQLMigrations.registry.run(on: engine)
        try await SQLMigrations.calls.run(on: engine)
      } catch {
        throw .server(error)
      }
      do throws(PortableImport.Failure) {
        return try await load.run(into: engine)
      } catch {
        throw .importing(path: path, error)
      }
    }
    out("\(count) rows imported and compared")
  }

  static func withEngine<Result: Sendable>(
    _ target: PostgresTarget,
    _ body: (PostgresEngine, EventLoop) async throws(StoreTaskError) -> Result
  ) async throws(StoreTaskError) -> Result {
    let loop = EventLoop(name: "database")
    defer { loop.stop() }
    let engine = PostgresEngine(target: target, loop: loop)
    let until = ContinuousClock.now.advanced(by: moveTimeout)
    let ended = await SQLDeadline.$current.withValue(until) {
      () async -> Swift.Result<Result, StoreTaskError> in
      do throws(StoreTaskError) { return .success(try await body(engine, loop)) } catch {
        return .failure(error)
      }
    }
    await engine.close()
    return try ended.get()
  }

  /// Lends the registry's store in a file, which a server may have open, too.
  static func withFile<Result: Sendable>(
    _ folder: String,
    _ body: (SQLRegistryStore, SystemTime) async throws(StoreTaskError) -> Result
  ) async throws(StoreTaskError) -> Result {
    guard names(in: folder).contains(Stores.registryFile) else { throw .noData(folder: folder) }
    let path = "\(folder)/\(Stores.registryFile)"
    try checkPresent(path, Stores.registryFile)
    let loop = EventLoop(name: "time")
    let executor = SQLiteExecutor()
    defer {
      executor.stop()
      loop.stop()
    }
    let store: SQLRegistryStore
    do throws(SQLiteMigrations.Failure) {
      store = try await SQLiteStores.registry(path: path, executor: executor)
    } catch {
      throw .files(.store(path: path, error))
    }
    return try await body(store, SystemTime(loop: loop))
  }
}
