internal import EventLoops

/// The threads that use database files: SQLite blocks, so it gets loops of its own. One writes; the
/// others read, so that a read does not wait while a commit waits for the disk, nor a number for a
/// long page.
///
/// All stores of a process may share it.
package final class SQLiteExecutor: Sendable {
  let writing: EventLoop
  let reading: [EventLoop]

  package init() {
    writing = EventLoop(name: "sqlite")
    reading = (0..<Self.readerCount).map { _ in EventLoop(name: "sqlite-read") }
  }

  /// Connections of a store that read at the same time, each with pages of its own in memory.
  static let readerCount = 2

  /// Ends the threads. Call it when the stores on it are used no more.
  package func stop() {
    writing.stop()
    for loop in reading { loop.stop() }
  }
}
