internal import EventLoops

/// The one thread that uses a database file: SQLite blocks, so it gets a loop of its own.
///
/// Both stores of a process may share it; each is an actor on this executor.
package final class SQLiteExecutor: Sendable {
  let loop: EventLoop

  package init() { loop = EventLoop(name: "sqlite") }

  /// Ends the thread. Call it when the stores on it are used no more.
  package func stop() { loop.stop() }
}
