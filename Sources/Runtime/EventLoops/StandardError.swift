internal import Glibc

/// The process's standard error, for log lines.
package enum StandardError {
  /// Writes `line` and its end in one piece. Blocks as long as the reader of a pipe does; what can't
  /// be written is lost, since there is nowhere to tell it.
  package static func write(line: String) {
    var bytes = Array(line.utf8)
    bytes.append(UInt8(ascii: "\n"))
    var written = 0
    while written < bytes.count {
      let rest = bytes.count - written
      let done = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(STDERR_FILENO, buffer.baseAddress.map { unsafe $0 + written }, rest)
      }
      if done < 0 && errno != EINTR { return }
      written += max(done, 0)
    }
  }
}
