/// The process's standard error, for log lines and messages to people.
package enum StandardError {
  /// Writes `line` and its end in one piece. Blocks as long as the reader of a pipe does; what
  /// can't be written is lost, since there is nowhere to tell it.
  package static func write(line: String) {
    write(line + "\n")
  }

  /// Writes `text` as it is, in one piece. Blocks and fails like ``write(line:)``.
  package static func write(_ text: String) {
    _ = FileBytes.write(Array(text.utf8), to: .standardError)
  }
}
