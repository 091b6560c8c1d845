internal import Glibc
internal import Synchronization

/// A file of lines that only its owner may read, written from beginning to end.
///
/// Its calls block; use it in a program that serves nobody meanwhile.
package final class ProtectedLineWriter: Sendable {
  private struct State {
    var descriptor: Int32
    var buffer: [UInt8] = []
  }

  /// Bytes that are gathered before they are written.
  private static let bufferSizeMax = 1 << 16

  private let state: Mutex<State>

  /// Makes the file with mode 0600; `.exists` when there is one.
  package init(creating path: String) throws(ProtectedFile.Failure) {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
    let descriptor = unsafe open(path, flags, 0o600)
    guard descriptor >= 0 else {
      throw errno == EEXIST ? .exists : .system(operation: "open", errno: errno)
    }
    state = Mutex(State(descriptor: descriptor))
  }

  deinit {
    let descriptor = state.withLock { $0.descriptor }
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
  }

  /// Adds a line. It holds no line feed.
  package func write(_ line: [UInt8]) throws(ProtectedFile.Failure) {
    try state.withLock { state throws(ProtectedFile.Failure) in
      precondition(state.descriptor >= 0, "a line for a file that is closed")
      state.buffer += line
      state.buffer.append(UInt8(ascii: "\n"))
      guard state.buffer.count >= Self.bufferSizeMax else { return }
      try ProtectedFile.writeAll(state.buffer, to: state.descriptor)
      state.buffer.removeAll(keepingCapacity: true)
    }
  }

  /// Writes what is gathered; the file is on the disk when this returns. No line comes after it.
  package func finish() throws(ProtectedFile.Failure) {
    try state.withLock { state throws(ProtectedFile.Failure) in
      try ProtectedFile.writeAll(state.buffer, to: state.descriptor)
      guard fsync(state.descriptor) == 0 else { throw .system(operation: "fsync", errno: errno) }
      _ = Glibc.close(state.descriptor)
      state.descriptor = -1
    }
  }
}

/// Reads a file of lines from its beginning. Its calls block.
package final class ProtectedLineReader: Sendable {
  private struct State {
    var descriptor: Int32
    var buffer: [UInt8] = []
    /// Where the next line begins in the buffer.
    var start = 0
    var isAtEnd = false
  }

  /// Bytes of one line; a longer one is refused.
  package static let lineSizeMax = 4 << 20
  private static let readSize = 1 << 16

  private let state: Mutex<State>

  package init(_ path: String) throws(ProtectedFile.Failure) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOENT ? .notFound : .system(operation: "open", errno: errno)
    }
    state = Mutex(State(descriptor: descriptor))
  }

  deinit {
    let descriptor = state.withLock { $0.descriptor }
    _ = Glibc.close(descriptor)
  }

  /// The next line without its end; nil behind the last. What stands behind the last line feed is
  /// no line.
  package func next() throws(ProtectedFile.Failure) -> [UInt8]? {
    try state.withLock { state throws(ProtectedFile.Failure) in
      var searched = state.start
      while true {
        if let end = state.buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
          let line = Array(state.buffer[state.start..<end])
          state.start = end + 1
          return line
        }
        guard !state.isAtEnd else { return nil }
        state.buffer.removeFirst(state.start)
        state.start = 0
        searched = state.buffer.count
        guard searched <= Self.lineSizeMax else { throw .tooLarge(limit: Self.lineSizeMax) }
        try Self.fill(&state)
      }
    }
  }

  private static func fill(_ state: inout State) throws(ProtectedFile.Failure) {
    let count = state.buffer.count
    state.buffer += repeatElement(0, count: readSize)
    let descriptor = state.descriptor
    var got = -1
    repeat {
      got = unsafe state.buffer.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(descriptor, buffer.baseAddress.map { unsafe $0 + count }, readSize)
      }
    } while got < 0 && errno == EINTR
    state.buffer.removeLast(readSize - max(got, 0))
    guard got >= 0 else { throw .system(operation: "read", errno: errno) }
    state.isAtEnd = got == 0
  }
}
