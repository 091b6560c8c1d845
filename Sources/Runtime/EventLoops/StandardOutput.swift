/// The process's standard output, for the answers of commands.
///
/// Nothing is buffered, so that the reader of a pipe sees each line when it is written.
package enum StandardOutput {
  /// Writes `text` as it is, in one piece. Blocks as long as the reader of a pipe does. False when
  /// it could not be written, because the reader is gone or a disk is full.
  package static func write(_ text: String) -> Bool {
    FileBytes.write(Array(text.utf8), to: .standardOutput)
  }
}

/// Small files, read whole, and the standard input. Blocks: not for a loop's thread.
package enum SmallFile {
  /// Reads at most `byteCountMax` + 1 bytes, so that a longer file shows. Nil when it can't be
  /// read.
  package static func read(path: String, byteCountMax: Int) -> [UInt8]? {
    FileBytes.read(path: path, byteCountMax: byteCountMax)
  }

  /// Reads the standard input to its end, at most `byteCountMax` + 1 bytes.
  package static func readStandardInput(byteCountMax: Int) -> [UInt8]? {
    FileBytes.read(.standardInput, byteCountMax: byteCountMax)
  }
}
