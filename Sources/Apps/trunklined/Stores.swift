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
    /// The calls' store has the engine behind the gate, which is opened when its tables are there.
    case server(PostgresEngine, calls: GatedEngine)
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
    let engine = PostgresEngine(target: target, configuration: settings, loop: loop)
    base = .server(engine, calls: GatedEngine(engine))
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
    case .server(let engine, _):
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

  /// How long a dispatch waits at its start for its database, before it begins without.
  private static let callsWaitMax: Duration = .seconds(3)
  /// The wait before the calls' database is tried again; doubles each time.
  private static let callsRetryDelay: Duration = .milliseconds(200)
  /// The longest wait between two tries to reach the calls' database.
  private static let callsRetryDelayMax: Duration = .seconds(2)

  /// The dispatch's store, brought to this version.
  ///
  /// A server that can't be reached now does not keep the dispatch from answering inbound calls:
  /// the store then refuses everything until ``openCalls(time:)`` has reached it.
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
    case .server(let engine, let gate):
      let until = ContinuousClock.now.advanced(by: Self.callsWaitMax)
      let failure = await SQLDeadline.$current.withValue(until) { () async -> SQLFailure? in
        do throws(SQLMigrations.Failure) {
          _ = try await SQLMigrations.calls.missing(on: engine)
          return nil
        } catch .database(let failure) {
          return failure
        } catch {
          // Told by the migration itself.
          return nil
        }
      }
      switch failure {
      case .unavailable, .deadline:
        log.error(
          "the calls' database can't be reached; inbound calls are answered without it",
          ["error": .text(failure?.reason ?? "")])
      case nil, .serialization, .uniqueViolation, .damaged:
        try await migrate(.calls, engine)
        gate.open()
      }
      return SQLCallStore(engine: gate, regions: regions, damaged: damageReporter)
    }
  }

  /// Brings the calls' database to this version as soon as it can be reached; returns at once when
  /// that was done at the start. Throws only what no waiting mends.
  func openCalls(time: any TimeSource) async throws(ServeError) {
    guard case .server(let engine, let gate) = base, !gate.isOpen else { return }
    let backOff = BackOff(first: Self.callsRetryDelay, longest: Self.callsRetryDelayMax)
    var failures = 0
    while true {
      do throws(SQLMigrations.Failure) {
        try await SQLMigrations.calls.run(on: engine)
        gate.open()
        log.info("the calls' database is in use")
        return
      } catch .database(let failure) {
        failures += 1
        if failures == 1 {
          log.error(
            "the calls' database still can't be used", ["error": .text(failure.reason)])
        }
        let delay = backOff.delay(afterFailures: failures)
        guard (try? await time.sleep(for: delay)) != nil else { return }
      } catch {
        throw .database(error)
      }
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
    if case .server(let engine, _) = base { await engine.close() }
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
  /// In a struct: a closure that stands in a `Mutex` by itself is wrapped twice more each time it
  /// is read, until a call of it takes the whole stack (Swift 6.3.1).
  private struct Listener: Sendable {
    let hear: @Sendable () -> Void
  }

  private let listener = Mutex<Listener?>(nil)

  func set(_ body: @escaping @Sendable () -> Void) {
    listener.withLock { $0 = Listener(hear: body) }
  }

  func came() { listener.withLock { $0 }?.hear() }
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
