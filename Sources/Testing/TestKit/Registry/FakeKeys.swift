package import Registry
package import Telephony

/// Seals without any secrecy: tests see that associated data and key names are used rightly.
package struct FakeSealer: SecretSealer {
  package var keyName: String
  /// Names of keys that only open.
  package var earlier: [String]

  package init(keyName: String = "test", earlier: [String] = []) {
    self.keyName = keyName
    self.earlier = earlier
  }

  private var readable: [String] { [keyName] + earlier }

  package func seal(
    _ secret: Secret, associatedData: [UInt8]
  ) throws(SealingError) -> SealedSecret {
    let check = Self.hash(associatedData + secret.revealed, seed: 1)
    return SealedSecret(keyName: keyName, bytes: check + secret.revealed.map { $0 ^ 0x5a })
  }

  package func open(
    _ sealed: SealedSecret, associatedData: [UInt8]
  ) throws(SealingError) -> Secret {
    guard readable.contains(sealed.keyName) else { throw .unknownKey(name: sealed.keyName) }
    let bytes = sealed.bytes.dropFirst(8).map { $0 ^ 0x5a }
    guard Array(sealed.bytes.prefix(8)) == Self.hash(associatedData + bytes, seed: 1) else {
      throw .notAuthentic
    }
    return Secret(bytes)
  }

  package var currentKeyName: String { keyName }

  package func hasKey(named name: String) -> Bool { readable.contains(name) }

  /// The key's bytes are its id.
  package func makeDataKey(for owner: SecretOwner) throws(SealingError) -> SealedDataKey {
    let id = "dk/" + String(UInt64.random(in: 0 ... .max), radix: 16)
    let sealed = try seal(
      Secret(id), associatedData: owner.associatedData(dataKey: id, keyName: keyName))
    return SealedDataKey(id: id, keyName: keyName, bytes: sealed.bytes)
  }

  package func reseal(
    _ dataKey: SealedDataKey, of owner: SecretOwner
  ) throws(SealingError) -> SealedDataKey {
    try check(dataKey, owner)
    let sealed = try seal(
      Secret(dataKey.id),
      associatedData: owner.associatedData(dataKey: dataKey.id, keyName: keyName))
    return SealedDataKey(id: dataKey.id, keyName: keyName, bytes: sealed.bytes)
  }

  private func check(_ dataKey: SealedDataKey, _ owner: SecretOwner) throws(SealingError) {
    guard readable.contains(dataKey.keyName) else { throw .unknownKey(name: dataKey.keyName) }
    _ = try FakeSealer(keyName: dataKey.keyName).open(
      SealedSecret(keyName: dataKey.keyName, bytes: dataKey.bytes),
      associatedData: owner.associatedData(dataKey: dataKey.id, keyName: dataKey.keyName))
  }

  package func seal(
    _ secret: Secret, _ field: CredentialField, of owner: SecretOwner, under dataKey: SealedDataKey
  ) throws(SealingError) -> SealedSecret {
    try check(dataKey, owner)
    return try FakeSealer(keyName: dataKey.id).seal(
      secret, associatedData: owner.associatedData(field, dataKey: dataKey.id))
  }

  package func open(
    _ sealed: SealedSecret, _ field: CredentialField, of owner: SecretOwner,
    under dataKey: SealedDataKey
  ) throws(SealingError) -> Secret {
    try check(dataKey, owner)
    return try FakeSealer(keyName: dataKey.id).open(
      sealed, associatedData: owner.associatedData(field, dataKey: dataKey.id))
  }

  package func fingerprint(of bytes: [UInt8]) throws(SealingError) -> [UInt8] {
    (2...5).flatMap { Self.hash(bytes, seed: $0) }
  }

  /// FNV-1a: enough for tests, no cryptography.
  private static func hash(_ bytes: [UInt8], seed: UInt64) -> [UInt8] {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ seed
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * UInt64($0))) }
  }
}

/// Webhook URLs that tests can read.
package struct FakeWebhookEndpoints: WebhookEndpoints {
  package var regions: Set<Region>
  package var host: String

  package init(regions: Set<Region> = Set(Region.allCases), host: String = "hooks.example.test") {
    self.regions = regions
    self.host = host
  }

  package func voiceSettings(
    of number: PhoneNumberID, region: Region, generation: UInt32
  ) -> VoiceSettings {
    let base = "https://\(region).\(host)"
    let path = "\(number)/\(generation)"
    return VoiceSettings(
      voiceURL: "\(base)/voice/\(path)", fallbackURL: "https://other.\(host)/voice/\(path)",
      statusCallbackURL: "\(base)/status/\(path)")
  }
}

/// Credentials that tests can read.
package struct FakeTrunkCredentials: TrunkCredentials {
  package var keyName: String
  /// Names of keys of which passwords are still known.
  package var earlier: [String]

  package init(keyName: String = "k1", earlier: [String] = []) {
    self.keyName = keyName
    self.earlier = earlier
  }

  package func username(for number: PhoneNumberID, generation: UInt32) -> String {
    "\(keyName)-\(number.description.suffix(4))-\(generation)"
  }

  package func password(
    of username: String, for number: PhoneNumberID, generation: UInt32
  ) -> Secret? {
    let key = ([keyName] + earlier).first { name in
      FakeTrunkCredentials(keyName: name).username(for: number, generation: generation)
        == username
    }
    return key.map { Secret("Password-0-\($0)-\(number.description.suffix(4))") }
  }
}
