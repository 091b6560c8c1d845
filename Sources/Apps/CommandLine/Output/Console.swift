/// Where a program prints, and reads what may not stand on a command line.
///
/// The executables hand in the process's streams and files, tests their own.
package struct Console: Sendable {
  /// Prints to the standard output, as it is.
  package let print: @Sendable (String) -> Void
  /// Prints to the standard error, as it is.
  package let printError: @Sendable (String) -> Void
  /// Whether the standard error is a terminal, on which a line may be drawn anew.
  package let isErrorTerminal: Bool
  /// Reads the file at a path whole, `-` being the standard input; at most so many bytes.
  package let read: @Sendable (String, Int) throws(ConsoleError) -> String

  /// The most bytes that are read as a secret.
  package static let secretSizeMax = 4096
  /// The most bytes that are read as a list of numbers.
  package static let listSizeMax = 1 << 20

  package init(
    print: @escaping @Sendable (String) -> Void, printError: @escaping @Sendable (String) -> Void,
    isErrorTerminal: Bool = false,
    read: @escaping @Sendable (String, Int) throws(ConsoleError) -> String
  ) {
    self.print = print
    self.printError = printError
    self.isErrorTerminal = isErrorTerminal
    self.read = read
  }
}

/// Why something could not be read.
package enum ConsoleError: Error, Sendable, Hashable, CustomStringConvertible {
  case unreadable(path: String)
  case tooLong(path: String, byteCountMax: Int)
  case notText(path: String)
  case empty(path: String)

  package var description: String {
    switch self {
    case .unreadable(let path): "\(name(path)) can't be read."
    case .tooLong(let path, let byteCountMax):
      "\(name(path)) has more than \(byteCountMax) bytes."
    case .notText(let path): "\(name(path)) is not UTF-8 text."
    case .empty(let path): "\(name(path)) is empty."
    }
  }

  private func name(_ path: String) -> String {
    path == "-" ? "The standard input" : "The file \(path)"
  }
}

/// How answers are printed.
package enum OutputFormat: Sendable, Hashable {
  /// Tables, for people. Columns may change from version to version.
  case table
  /// The proto3 JSON of the answer, one line each, for programs.
  case json
}
