internal import Buffers
internal import Crypto
package import Registry
internal import Synchronization
package import Telephony

/// Seals secrets under the keyring's current key, and opens what any of its keys sealed.
///
/// With regions, what it seals directly is under a key that is made from the keyring's for these
/// regions, and what was sealed for regions beyond them does not open: the file of one region's
/// dispatch is no use to another's.
package struct KeyringSealer: SecretSealer {
  private let keyring: LiveKeyring
  private let regions: Set<Region>?
  private let scopedKeys = ScopedKeys()

  package init(_ keyring: LiveKeyring, regions: Set<Region>? = nil) {
    self.keyring = keyring
    self.regions = regions
  }

  package init(_ file: KeyringFile) { self.init(LiveKeyring(file)) }

  private func current() throws(SealingError) -> KeyringFile.Key {
    guard let key = keyring.present.current(.seal) else { throw .unknownKey(name: "current") }
    return key
  }

  private func key(named name: String) throws(SealingError) -> KeyringFile.Key {
    guard let key = keyring.present.key(.seal, named: name) else { throw .unknownKey(name: name) }
    return key
  }

  package var currentKeyName: String {
    guard let key = keyring.present.current(.seal) else { return "" }
    return directName(key)
  }

  /// What a direct seal names.
  private func directName(_ key: KeyringFile.Key) -> String {
    regions.map { key.name + RegionScope.separator + RegionScope($0).text } ?? key.name
  }

  package func hasKey(named name: String) -> Bool {
    keyring.present.key(.seal, named: name) != nil
  }

  // MARK: Directly

  package func seal(
    _ secret: Secret, associatedData: [UInt8]
  ) throws(SealingError) -> SealedSecret {
    let key = try current()
    let name = directName(key)
    var bytes = key.bytes
    if let regions {
      bytes = try scopedKeys.key(name, from: key.bytes) { () throws(SealingError) in
        RegionScope(regions).key(from: key.bytes)
      }
    }
    return try Self.mapped { [bytes] () throws(CryptoError) in
      SealedSecret(
        keyName: name,
        bytes: try AESGCM.seal(secret.revealed, key: bytes, associated: associatedData))
    }
  }

  package func open(
    _ sealed: SealedSecret, associatedData: [UInt8]
  ) throws(SealingError) -> Secret {
    let key = try directKey(sealed.keyName)
    return try Self.mapped { () throws(CryptoError) in
      Secret(try AESGCM.open(sealed.bytes, key: key, associated: associatedData))
    }
  }

  /// The key that a direct seal names.
  private func directKey(_ name: String) throws(SealingError) -> LockedBytes {
    guard let slash = name.utf8.firstIndex(of: UInt8(ascii: "/")) else {
      return try key(named: name).bytes
    }
    guard let regions else { throw .unknownKey(name: name) }
    let origin = try key(named: String(name[..<slash])).bytes
    return try scopedKeys.key(name, from: origin) { () throws(SealingError) in
      guard let scope = RegionScope(name[name.index(after: slash)...]),
        scope.regions.isSubset(of: regions)
      else { throw .unknownKey(name: name) }
      return scope.key(from: origin)
    }
  }

  // MARK: Under data keys

  package func makeDataKey(for owner: SecretOwner) throws(SealingError) -> SealedDataKey {
    let (id, bytes) = try Self.mapped { () throws(CryptoError) in
      let id = "dk/" + Hex.encode(try RandomBytes.make(8))
      return (id, try LockedBytes(randomCount: AESGCM.keySize))
    }
    return try seal(bytes, id: id, owner)
  }

  package func reseal(
    _ dataKey: SealedDataKey, of owner: SecretOwner
  ) throws(SealingError) -> SealedDataKey {
    try seal(try open(dataKey, owner), id: dataKey.id, owner)
  }

  private func seal(
    _ bytes: LockedBytes, id: String, _ owner: SecretOwner
  ) throws(SealingError) -> SealedDataKey {
    let key = try current()
    return try Self.mapped { () throws(CryptoError) in
      let sealed = try AESGCM.seal(
        bytes, key: key.bytes, associated: owner.associatedData(dataKey: id, keyName: key.name))
      return SealedDataKey(id: id, keyName: key.name, bytes: sealed)
    }
  }

  private func open(
    _ dataKey: SealedDataKey, _ owner: SecretOwner
  ) throws(SealingError) -> LockedBytes {
    let key = try key(named: dataKey.keyName)
    return try Self.mapped { () throws(CryptoError) in
      try AESGCM.openKey(
        dataKey.bytes, key: key.bytes,
        associated: owner.associatedData(dataKey: dataKey.id, keyName: dataKey.keyName))
    }
  }

  package func seal(
    _ secret: Secret, _ field: CredentialField, of owner: SecretOwner, under dataKey: SealedDataKey
  ) throws(SealingError) -> SealedSecret {
    let key = try open(dataKey, owner)
    return try Self.mapped { () throws(CryptoError) in
      let sealed = try AESGCM.seal(
        secret.revealed, key: key, associated: owner.associatedData(field, dataKey: dataKey.id))
      return SealedSecret(keyName: dataKey.id, bytes: sealed)
    }
  }

  package func open(
    _ sealed: SealedSecret, _ field: CredentialField, of owner: SecretOwner,
    under dataKey: SealedDataKey
  ) throws(SealingError) -> Secret {
    guard sealed.keyName == dataKey.id else { throw .unknownKey(name: sealed.keyName) }
    let key = try open(dataKey, owner)
    return try Self.mapped { () throws(CryptoError) in
      Secret(
        try AESGCM.open(
          sealed.bytes, key: key, associated: owner.associatedData(field, dataKey: dataKey.id)))
    }
  }

  // MARK: -

  package func fingerprint(of bytes: [UInt8]) throws(SealingError) -> [UInt8] {
    guard let key = keyring.present.current(.fingerprint) else {
      throw .unknownKey(name: "fingerprint")
    }
    return HMAC.code(key: key.bytes, message: bytes)
  }

  private static func mapped<Result>(
    _ body: () throws(CryptoError) -> Result
  ) throws(SealingError) -> Result {
    do throws(CryptoError) { return try body() } catch {
      throw error == .notAuthentic ? .notAuthentic : .failed
    }
  }
}

/// The regions that a seal is for.
private struct RegionScope {
  static let separator = "/"
  let regions: Set<Region>

  init(_ regions: Set<Region>) { self.regions = regions }

  /// nil when a word is no region that this program knows.
  init?(_ text: Substring) {
    var regions: Set<Region> = []
    for word in text.split(separator: "+", omittingEmptySubsequences: false) {
      guard let region = Region(rawValue: String(word)) else { return nil }
      regions.insert(region)
    }
    self.regions = regions
  }

  var text: String { regions.sorted().map(\.rawValue).joined(separator: "+") }

  func key(from key: LockedBytes) -> LockedBytes {
    HMAC.derivedKey(from: key, info: Array("trunkline/regions/\(text)".utf8))
  }
}

/// The keys of regions that were made last: a dispatch that starts opens a million rows under one.
private final class ScopedKeys: Sendable {
  private struct Entry {
    /// What a direct seal names.
    let name: String
    let origin: LockedBytes
    let key: LockedBytes
  }

  /// The keyring's present key and one that is being replaced, each for a region or two.
  private static let countMax = 4
  private let entries = Mutex<[Entry]>([])

  /// The key of this name, made by `make` when it is not known; the same name may stand for other
  /// bytes in another keyring.
  func key(
    _ name: String, from origin: LockedBytes, _ make: () throws(SealingError) -> LockedBytes
  ) throws(SealingError) -> LockedBytes {
    let known = entries.withLock { entries in
      entries.first { $0.origin === origin && $0.name == name }?.key
    }
    if let known { return known }
    let key = try make()
    entries.withLock { entries in
      if entries.count == Self.countMax { entries.removeFirst() }
      entries.append(Entry(name: name, origin: origin, key: key))
    }
    return key
  }
}
