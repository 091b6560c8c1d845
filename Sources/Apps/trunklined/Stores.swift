internal import CallDispatch
internal import EventLoops
internal import GRPC
internal import Registry
internal import StorePostgres
internal import StoreSQL
internal import StoreSQLite
internal import Synchronization
internal import Telemetry
internal import Telephony

/// Where this process keeps its data: SQLite files in the data folder, or one PostgreSQL.
final class Stores: Sendable {
  private enum Base {
    case files(folder: String)
    case server(PostgresEngine)
  }

  /// What changes are announced on; part of the agreement between versions.
  static let channel = "trunkline_feed"
  /// The files' names in the data folder.
  static let registryFile = "registry.db"
  static let callsFile = "calls.db"

  private let base: Base
  /// Files there are in any case: a dispatch's copy of the routes.
  private let executor = SQLiteExecutor()
  private let log: Logger
  private let noticed: Notice

  init(_ configuration: ServeConfiguration, loop: EventLoop, log: Logger) {
    self.log = log
    let noticed = Notice()
    self.noticed = noticed
    guard let target = configuration.database else {
      base = .files(folder: configuration.dataFolder)
      return
    }
    var settings = PostgresConfiguration(logger: log)
    settings.channel = Self.channel
    settings.notified = { noticed.came() }
    base = .server(PostgresEngine(target: target, configuration: settings, loop: loop))
  }

  /// The registry's store, brought to this version.
  func registry() async throws(ServeError) -> SQLRegistryStore {
    switch base {
    case .files(let folder):
      let path = "\(folder)/\(Self.registryFile)"
      do throws(SQLiteMigrations.Failure) {
        return try await SQLiteStores.registry(
          path: path, executor: executor, damaged: damageReporter)
      } catch {
        throw .store(path: path, error)
      }
    case .server(let engine):
      try await migrate(.registry, engine)
      return SQLRegistryStore(engine: engine, damaged: damageReporter)
    }
  }

  /// This start of a registry, where others may use the same store; nil for files, which the data
  /// folder's lock keeps for one process.
  func registryProcess(_ time: any TimeSource) -> RegistryProcessID? {
    switch base {
    case .files: nil
    case .server: RegistryProcessID(at: time.now(), random: SystemIDSource())
    }
  }

  /// Whether other processes may use the same data.
  var isShared: Bool {
    switch base {
    case .files: false
    case .server: true
    }
  }

  /// The dispatch's store, brought to this version.
  func calls(of regions: Set<Region>) async throws(ServeError) -> SQLCallStore {
    switch base {
    case .files(let folder):
      let path = "\(folder)/\(Self.callsFile)"
      do throws(SQLiteMigrations.Failure) {
        return try await SQLiteStores.calls(
          path: path, executor: executor, regions: regions, damaged: damageReporter)
      } catch {
        throw .store(path: path, error)
      }
    case .server(let engine):
      try await migrate(.calls, engine)
      return SQLCallStore(engine: engine, regions: regions, damaged: damageReporter)
    }
  }

  /// The dispatch's copy of the routes: a file, wherever the data is.
  func routeCopy(at path: String) async throws(SQLiteMigrations.Failure) -> SQLiteRouteCopyStore {
    try await SQLiteRouteCopyStore(path: path, executor: executor)
  }

  private func migrate(
    _ migrations: SQLMigrations, _ engine: PostgresEngine
  ) async throws(ServeError) {
    do throws(SQLMigrations.Failure) {
      try await migrations.run(on: engine)
    } catch {
      throw .database(error)
    }
  }

  /// Calls `body` when another process may have changed something.
  func whenNoticed(_ body: @escaping @Sendable () -> Void) { noticed.set(body) }

  /// Ends the connections or threads. The stores are used no more.
  func close() async {
    if case .server(let engine) = base { await engine.close() }
    executor.stop()
  }

  /// What a store calls for a row that it can't read and leaves alone.
  private var damageReporter: @Sendable (String) -> Void {
    let log = log
    return { what in log.error("a stored row can't be read", ["row": .text(what)]) }
  }
}

/// Who is told of changes in other processes.
private final class Notice: Sendable {
  private let body = Mutex<(@Sendable () -> Void)?>(nil)

  func set(_ body: @escaping @Sendable () -> Void) { self.body.withLock { $0 = body } }

  func came() { body.withLock { $0 }?() }
}

/// Gives the stores a call's deadline, for the database's own timeout.
struct StoreDeadline: ServerInterceptor {
  func intercept(
    _ context: ServerContext, next: () async throws(RPCError) -> Void
  ) async throws(RPCError) {
    guard let deadline = context.deadline else { return try await next() }
    let answer = await SQLDeadline.$current.withValue(deadline) { () async -> RPCError? in
      do throws(RPCError) {
        try await next()
        return nil
      } catch {
        return error
      }
    }
    if let answer { throw answer }
  }
}
