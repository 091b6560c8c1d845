internal import Buffers
package import Crypto

/// The keys of a deployment, as a file holds them.
///
/// The file is text, a key a line: `<purpose> <name> <base64 of 32 bytes>`. Lines that begin with
/// `#` are comments. Of a purpose, the first key is the current one; the others still open what
/// they sealed and check what they made. Registry and dispatch load the same file.
package struct KeyringFile: Sendable, Equatable {
  /// What a key is for. A key serves one purpose only.
  package enum Purpose: String, Sendable, Hashable, CaseIterable {
    /// Seals secrets (AES-256-GCM).
    case seal
    /// Tells bodies of requests apart without giving them away (HMAC-SHA-256); never rotated.
    case fingerprint
    /// Makes the unguessable tokens in webhook paths (HMAC-SHA-256).
    case webhook
  }

  struct Key: Sendable, Equatable {
    var purpose: Purpose
    var name: String
    var bytes: LockedBytes
  }

  /// Why a keyring can't be used. Holds names and lines, never key bytes.
  package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
    case malformedLine(Int)
    case repeatedName(String, line: Int)
    case missing(Purpose)
    case tooManyKeys(limit: Int)
    case randomNumbers
    /// A key of this name is there already, with other bytes, or of a purpose that is never
    /// rotated.
    case changedKey(String)
    case nameTaken(String)
    case badName(String)
    case noSuchKey(String)
    case file(ProtectedFile.Failure)

    package var description: String {
      switch self {
      case .malformedLine(let line):
        "line \(line) is not '<purpose> <name> <base64 of 32 bytes>'"
      case .repeatedName(let name, let line): "line \(line) names the key '\(name)' again"
      case .missing(let purpose): "it has no key for the purpose '\(purpose.rawValue)'"
      case .tooManyKeys(let limit): "it has more than \(limit) keys"
      case .randomNumbers: "the system gave no random numbers"
      case .changedKey(let name):
        "its key '\(name)' is another than the one of this name that is in use"
      case .nameTaken(let name): "it has a key '\(name)' already"
      case .badName(let name):
        "'\(name)' is no key's name: 1 to \(KeyringFile.nameLengthMax) of a-z 0-9 - _"
      case .noSuchKey(let name): "it has no key '\(name)' that seals"
      case .file(let failure): failure.description
      }
    }
  }

  /// In the file's order.
  var keys: [Key]

  /// At most so many keys, of all purposes.
  package static let keyCountMax = 64
  /// Bytes of a key's name: `a-z 0-9 - _`.
  package static let nameLengthMax = 32
  /// Bytes of a keyring file.
  package static let sizeMax = 64 * 1024

  /// Fresh keys, one for each purpose, named `<purpose>-1`.
  package static func generate() throws(Failure) -> KeyringFile {
    var keys: [Key] = []
    for purpose in Purpose.allCases {
      keys.append(try fresh(purpose, "\(purpose.rawValue)-1"))
    }
    return KeyringFile(keys: keys)
  }

  private static func fresh(_ purpose: Purpose, _ name: String) throws(Failure) -> Key {
    do throws(CryptoError) {
      return Key(
        purpose: purpose, name: name, bytes: try LockedBytes(randomCount: AESGCM.keySize))
    } catch {
      throw .randomNumbers
    }
  }

  private init(keys: [Key]) { self.keys = keys }

  /// Reads the text of a keyring.
  package init(parsing text: LockedBytes) throws(Failure) {
    keys = try text.withBytes { (text) throws(Failure) in
      var keys: [Key] = []
      var (start, number) = (0, 0)
      while start < text.count {
        var end = start
        while end < text.count, text[end] != UInt8(ascii: "\n") { end += 1 }
        number += 1
        if let key = try Self.key(text.extracting(start..<end), number) {
          guard !keys.contains(where: { $0.name == key.name }) else {
            throw .repeatedName(key.name, line: number)
          }
          keys.append(key)
          guard keys.count <= Self.keyCountMax else { throw .tooManyKeys(limit: Self.keyCountMax) }
        }
        start = end + 1
      }
      return keys
    }
    for purpose in Purpose.allCases where current(purpose) == nil { throw .missing(purpose) }
  }

  /// The key of a line; nil for an empty one and a comment.
  private static func key(_ line: Span<UInt8>, _ number: Int) throws(Failure) -> Key? {
    guard !line.isEmpty, line[0] != UInt8(ascii: "#") else { return nil }
    guard let key = Key(line: line) else { throw .malformedLine(number) }
    return key
  }

  /// Lends the text of the file, and wipes it.
  package func withText<Result, Problem: Error>(
    _ body: ([UInt8]) throws(Problem) -> Result
  ) throws(Problem) -> Result {
    var text: [UInt8] = []
    // One allocation, so that growing leaves no copy behind.
    text.reserveCapacity(Self.sizeMax)
    text += Array(Self.heading.utf8)
    for key in keys {
      text += Array("\(key.purpose.rawValue) \(key.name) ".utf8)
      key.bytes.withBytes { Base64.append($0, to: &text) }
      text.append(UInt8(ascii: "\n"))
    }
    defer { text.wipe() }
    return try body(text)
  }

  private static let heading = """
    # Trunkline keyring. Keep it secret and keep a copy: without it, stored secrets can't be read.
    # <purpose> <name> <base64 of 32 bytes>; the first key of a purpose is the current one.

    """

  // MARK: Another key

  /// With a fresh key that seals behind the others: it is known and not yet used. Without a name it
  /// is called `seal-<number>`, a number that is free.
  package func adding(sealKey name: String?) throws(Failure) -> (KeyringFile, name: String) {
    let chosen = name ?? freeName
    guard Key.isName(chosen) else { throw .badName(chosen) }
    guard !keys.contains(where: { $0.name == chosen }) else { throw .nameTaken(chosen) }
    guard keys.count < Self.keyCountMax else { throw .tooManyKeys(limit: Self.keyCountMax) }
    return (KeyringFile(keys: keys + [try Self.fresh(.seal, chosen)]), chosen)
  }

  private var freeName: String {
    var number = keys.count { $0.purpose == .seal } + 1
    while keys.contains(where: { $0.name == "seal-\(number)" }) { number += 1 }
    return "seal-\(number)"
  }

  /// With this key as the one that seals.
  package func sealing(with name: String) throws(Failure) -> KeyringFile {
    guard let key = key(.seal, named: name) else { throw .noSuchKey(name) }
    return KeyringFile(keys: [key] + keys.filter { $0.name != name })
  }

  /// What a command shows of the keys, in the file's order.
  package var names: [(purpose: Purpose, name: String, isCurrent: Bool)] {
    keys.map { ($0.purpose, $0.name, current($0.purpose)?.name == $0.name) }
  }

  /// The key that new seals and tokens of a purpose are made with.
  func current(_ purpose: Purpose) -> Key? { keys.first { $0.purpose == purpose } }

  func key(_ purpose: Purpose, named name: String) -> Key? {
    keys.first { $0.purpose == purpose && $0.name == name }
  }
}

extension KeyringFile.Key {
  fileprivate init?(line: Span<UInt8>) {
    let spaces = line.indices.filter { line[$0] == UInt8(ascii: " ") }
    guard spaces.count == 2,
      let purpose = KeyringFile.Purpose(rawValue: Self.text(line.extracting(..<spaces[0])))
    else { return nil }
    let name = Self.text(line.extracting((spaces[0] + 1)..<spaces[1]))
    guard Self.isName(name) else { return nil }
    let rest = line.extracting((spaces[1] + 1)...)
    guard rest.count <= 2 * AESGCM.keySize else { return nil }
    var digits = rest.indices.map { rest[$0] }
    defer { digits.wipe() }
    guard var bytes = Base64.decode(digits, .exact) else { return nil }
    defer { bytes.wipe() }
    guard bytes.count == AESGCM.keySize else { return nil }
    self.init(purpose: purpose, name: name, bytes: LockedBytes(copying: bytes))
  }

  private static func text(_ bytes: Span<UInt8>) -> String {
    String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
  }

  fileprivate static func isName(_ name: String) -> Bool {
    let isNameGood = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    return isNameGood && (1...KeyringFile.nameLengthMax).contains(name.utf8.count)
  }
}

extension KeyringFile: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Names only.
  package var description: String { "<keyring: \(keys.map(\.name).joined(separator: ", "))>" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
