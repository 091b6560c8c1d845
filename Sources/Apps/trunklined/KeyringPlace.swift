internal import CommandLine
internal import Crypto
internal import EventLoops
internal import FoundationEssentials
internal import Keyring

/// Where a process has its keyring from.
enum KeyringPlace: Sendable, CustomStringConvertible {
  /// The variable's value, which is in the environment no more.
  case variable(LockedBytes)
  /// A file, or a folder that a file `keyring` is mounted into.
  case path(String)

  /// Holds the keyring's text, for where there is no file to mount. It is read once.
  static let variableName = "TRUNKLINE_KEYRING_KEYS"
  /// What the variable held. The first use takes it: before anything else reads the environment.
  static let taken = SecretVariable.take(variableName)

  /// As the options say, with the keyring beside the data where they say nothing.
  init(_ arguments: Arguments) throws(ArgumentError) {
    let path = try arguments.value(ServeOptions.keyring)
    if let keys = Self.taken {
      guard path == nil else {
        throw .conflict("--keyring and \(Self.variableName) exclude each other.")
      }
      self = .variable(keys)
    } else if let path {
      self = .path(path)
    } else {
      self = .path(try arguments.value(ServeOptions.dataFolder) + "/keyring")
    }
  }

  var description: String {
    switch self {
    case .variable: "in \(Self.variableName)"
    case .path(let path): path
    }
  }

  /// Reads it, and makes one where it should be a file and is not there. Blocks.
  func loadOrCreate() throws(KeyringFile.Failure) -> KeyringFile {
    switch self {
    case .variable(let text): try KeyringFile(parsing: text)
    case .path(let path): try KeyringFile.load(orCreateAt: path)
    }
  }

  /// Reads it. Blocks.
  func load() throws(KeyringFile.Failure) -> KeyringFile {
    switch self {
    case .variable(let text): try KeyringFile(parsing: text)
    case .path(let path): try KeyringFile.load(path)
    }
  }

  /// The file that changes with it; nil of what never changes.
  var file: String? {
    guard case .path(let path) = self else { return nil }
    let inFolder = "\(path)/\(KeyringFile.nameInFolder)"
    return FileManager.default.fileExists(atPath: inFolder) ? inFolder : path
  }
}
