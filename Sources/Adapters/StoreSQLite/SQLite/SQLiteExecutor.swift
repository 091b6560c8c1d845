internal import EventLoops

/// The threads that use database files: SQLite blocks, so it gets loops of its own. One writes; one
/// reads, so that a read does not wait while a commit waits for the disk.
///
/// All stores of a process may share it.
package final class SQLiteExecutor: Sendable {
  let writing: EventLoop
  let reading: EventLoop

  package init() {
    writing = EventLoop(name: "sqlite")
    reading = EventLoop(name: "sqlite-read")
  }

  /// Ends the threads. Call it when the stores on it are used no more.
  package func stop() {
    writing.stop()
    reading.stop()
  }
}
