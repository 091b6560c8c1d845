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
    var bytes: [UInt8]
  }

  /// Why a keyring can't be used. Holds names and lines, never key bytes.
  package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
    case malformedLine(Int)
    case repeatedName(String, line: Int)
    case missing(Purpose)
    case tooManyKeys(limit: Int)
    case randomNumbers
    case file(ProtectedFile.Failure)

    package var description: String {
      switch self {
      case .malformedLine(let line):
        "line \(line) is not '<purpose> <name> <base64 of 32 bytes>'"
      case .repeatedName(let name, let line): "line \(line) names the key '\(name)' again"
      case .missing(let purpose): "it has no key for the purpose '\(purpose.rawValue)'"
      case .tooManyKeys(let limit): "it has more than \(limit) keys"
      case .randomNumbers: "the system gave no random numbers"
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
      do throws(CryptoError) {
        let bytes = try RandomBytes.make(AESGCM.keySize)
        keys.append(Key(purpose: purpose, name: "\(purpose.rawValue)-1", bytes: bytes))
      } catch {
        throw .randomNumbers
      }
    }
    return KeyringFile(keys: keys)
  }

  /// Reads the file at `path`, or makes one with fresh keys and mode 0600 where there is none.
  ///
  /// Of two processes that start at once, one makes it and both read it. Blocks; call it at
  /// start-up.
  package static func load(orCreateAt path: String) throws(Failure) -> KeyringFile {
    do throws(Failure) {
      return try load(path)
    } catch .file(.notFound) {
      let fresh = try generate()
      do throws(ProtectedFile.Failure) {
        try ProtectedFile.create(path, Array(fresh.text.utf8))
      } catch .exists {
        return try load(path)
      } catch {
        throw .file(error)
      }
      return fresh
    }
  }

  /// Reads the file at `path`.
  package static func load(_ path: String) throws(Failure) -> KeyringFile {
    let bytes: [UInt8]
    do throws(ProtectedFile.Failure) {
      bytes = try ProtectedFile.read(path, limit: sizeMax)
    } catch {
      throw .file(error)
    }
    return try KeyringFile(parsing: String(decoding: bytes, as: UTF8.self))
  }

  private init(keys: [Key]) { self.keys = keys }

  /// Reads the text of a keyring.
  package init(parsing text: String) throws(Failure) {
    keys = []
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      guard let key = Key(line: line) else { throw .malformedLine(index + 1) }
      guard !keys.contains(where: { $0.name == key.name }) else {
        throw .repeatedName(key.name, line: index + 1)
      }
      keys.append(key)
      guard keys.count <= Self.keyCountMax else { throw .tooManyKeys(limit: Self.keyCountMax) }
    }
    for purpose in Purpose.allCases where current(purpose) == nil { throw .missing(purpose) }
  }

  /// The text of the file.
  package var text: String {
    var text = """
      # Trunkline keyring. Keep it secret and keep a copy: without it, stored secrets can't be read.
      # <purpose> <name> <base64 of 32 bytes>; the first key of a purpose is the current one.

      """
    for key in keys {
      text += "\(key.purpose.rawValue) \(key.name) \(Base64.encode(key.bytes))\n"
    }
    return text
  }

  /// The key that new seals and tokens of a purpose are made with.
  func current(_ purpose: Purpose) -> Key? { keys.first { $0.purpose == purpose } }

  func key(_ purpose: Purpose, named name: String) -> Key? {
    keys.first { $0.purpose == purpose && $0.name == name }
  }
}

extension KeyringFile.Key {
  fileprivate init?(line: Substring) {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, let purpose = KeyringFile.Purpose(rawValue: String(words[0])),
      let bytes = Base64.decode(words[2].utf8, .exact), bytes.count == AESGCM.keySize
    else { return nil }
    let name = String(words[1])
    let isNameGood = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard isNameGood, (1...KeyringFile.nameLengthMax).contains(name.utf8.count) else { return nil }
    self.init(purpose: purpose, name: name, bytes: bytes)
  }
}

extension KeyringFile: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Names only.
  package var description: String { "<keyring: \(keys.map(\.name).joined(separator: ", "))>" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
