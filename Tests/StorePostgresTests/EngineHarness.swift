import EventLoops
import Foundation
import StoreSQL
import Synchronization
import Telemetry
import TestKit

@testable import StorePostgres

/// An engine on a database of its own, with one table, for as long as `body` runs.
func withEngine<R: Sendable>(
  on cluster: PostgresCluster? = nil, parameters: String = "sslmode=disable",
  _ change: (inout PostgresConfiguration) -> Void = { _ in },
  _ body: @Sendable (EngineHarness) async throws -> R
) async throws -> R {
  let cluster = try cluster ?? PostgresCluster.shared()
  let database = try cluster.makeDatabase()
  try cluster.sql(
    "CREATE TABLE pairs (key text CONSTRAINT pairs_key PRIMARY KEY, number int8, bytes bytea);",
    database: database)
  let log = LogLines()
  var configuration = PostgresConfiguration(logger: log.logger)
  // A read that nobody waits for any more would hold the end up.
  configuration.closeTimeout = .milliseconds(200)
  // On a busy machine a body may stand still for long.
  configuration.idleTransactionTimeout = .seconds(60)
  change(&configuration)
  let loop = EventLoop(name: "postgres-test")
  let target = try PostgresTarget(cluster.url(database, parameters))
  let engine = PostgresEngine(target: target, configuration: configuration, loop: loop)
  let harness = EngineHarness(
    engine: engine, cluster: cluster, database: database, loop: loop, log: log)
  do {
    let result = try await body(harness)
    await engine.close()
    loop.stop()
    return result
  } catch {
    await engine.close()
    loop.stop()
    throw error
  }
}

/// What a test of the engine works with.
struct EngineHarness: Sendable {
  let engine: PostgresEngine
  let cluster: PostgresCluster
  let database: String
  let loop: EventLoop
  let log: LogLines

  /// Runs SQL beside the engine.
  @discardableResult
  func sql(_ text: String) throws -> String { try cluster.sql(text, database: database) }

  /// Waits until `query`, asked over and over beside the engine, answers `answer`.
  func waitUntil(_ query: String, is answer: String) async throws {
    let deadline = ContinuousClock.now.advanced(by: .seconds(20))
    while try sql(query) != answer {
      guard ContinuousClock.now < deadline else { throw TimedOut(query: query) }
      await Task.yield()
    }
  }

  struct TimedOut: Error {
    let query: String
  }

  /// Inserts a row in a transaction of its own.
  func insert(_ key: String, _ number: Int64 = 0) async throws(SQLFailure) {
    try await engine.transaction { session throws(SQLFailure) in
      _ = try await session.run(.insert, [.text(key), .integer(number), nil])
      return .commit(())
    }
  }

  /// The number of a row; nil when there is none.
  func number(_ key: String) async throws(SQLFailure) -> Int64? {
    try await engine.read(.select, [.text(key)]).rows.first?.integer(1)
  }
}

extension SQLStatement {
  static let insert = SQLStatement(
    "insert_pair", "INSERT INTO pairs (key, number, bytes) VALUES ($1, $2, $3)")
  static let select = SQLStatement(
    "select_pair", "SELECT key, number, bytes FROM pairs WHERE key = $1")
  static let add = SQLStatement(
    "add_to_pair", "UPDATE pairs SET number = number + $2 WHERE key = $1")
  static let lock = SQLStatement(
    "lock_pair", "SELECT number FROM pairs WHERE key = $1 FOR UPDATE")
}

/// The lines that a logger wrote. Callable from any thread.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }

  var logger: Logger {
    Logger(level: .debug, now: { 0 }, write: { line in self.lines.withLock { $0.append(line) } })
  }
}

/// A place where tasks of a test wait for each other. Callable from any executor.
final class Gate: Sendable {
  private struct State {
    var isOpen = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }
}

/// Writes a small file of a test.
func write(_ bytes: [UInt8], to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// Counts from any executor.
final class Counter: Sendable {
  private let state = Mutex(0)

  var count: Int { state.withLock { $0 } }

  @discardableResult
  func increment() -> Int {
    state.withLock { count in
      count += 1
      return count
    }
  }
}
