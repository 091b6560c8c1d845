import Buffers
import Crypto
import Registry
import Telephony
import Testing

@testable import Keyring

struct KeyringSealerTests {
  let first: KeyringFile
  let rotated: KeyringFile

  init() throws {
    let generated = try KeyringFile.generate()
    let fresh = Base64.encode(try RandomBytes.make(32))
    first = generated
    rotated = try KeyringFile(parsing: "seal seal-2 \(fresh)\n" + generated.text)
  }

  @Test func opensWhatItSealedAndNothingElse() throws {
    let sealer = KeyringSealer(first)
    let sealed = try sealer.seal(Secret("hush"), associatedData: [1])
    #expect(sealed.keyName == "seal-1")
    #expect(try sealer.open(sealed, associatedData: [1]) == Secret("hush"))
    #expect(throws: SealingError.notAuthentic) { try sealer.open(sealed, associatedData: [2]) }
    let renamed = SealedSecret(keyName: "gone", bytes: sealed.bytes)
    #expect(throws: SealingError.unknownKey(name: "gone")) {
      try sealer.open(renamed, associatedData: [1])
    }
  }

  @Test func rotatedKeyringStillOpensOldSeals() throws {
    let old = try KeyringSealer(first).seal(Secret("hush"), associatedData: [])
    let sealer = KeyringSealer(rotated)
    #expect(try sealer.open(old, associatedData: []) == Secret("hush"))
    let new = try sealer.seal(Secret("hush"), associatedData: [])
    #expect(new.keyName == "seal-2")
    #expect(throws: SealingError.unknownKey(name: "seal-2")) {
      try KeyringSealer(first).open(new, associatedData: [])
    }
  }

  // MARK: Data keys

  let provider = SecretOwner.provider(ProviderID(bits: 1), TenantID(bits: 1))
  let field = CredentialField.authToken(ProviderID(bits: 1))

  @Test func aSecretOpensAsItsOwnFieldOfItsOwnOwnerOnly() throws {
    let sealer = KeyringSealer(first)
    let dataKey = try sealer.makeDataKey(for: provider)
    let sealed = try sealer.seal(Secret("hush"), field, of: provider, under: dataKey)
    #expect(try sealer.open(sealed, field, of: provider, with: dataKey) == Secret("hush"))
    let others: [(SecretOwner, CredentialField)] = [
      (.provider(ProviderID(bits: 2), TenantID(bits: 1)), field),
      (.provider(ProviderID(bits: 1), TenantID(bits: 2)), field),
      (.agent(try AgentID("prv"), TenantID(bits: 1)), field),
      (provider, .apiKeySecret(ProviderID(bits: 1))),
    ]
    for (owner, field) in others {
      #expect(throws: SealingError.notAuthentic) {
        try sealer.open(sealed, field, of: owner, under: dataKey)
      }
    }
  }

  @Test func aDataKeyOpensForItsOwnerAndNamesOnly() throws {
    let sealer = KeyringSealer(rotated)
    let dataKey = try KeyringSealer(first).makeDataKey(for: provider)
    #expect(dataKey.keyName == "seal-1" && dataKey.id.hasPrefix("dk/"))
    #expect(throws: SealingError.notAuthentic) {
      try sealer.reseal(dataKey, of: .provider(ProviderID(bits: 1), TenantID(bits: 2)))
    }
    let renamed = SealedDataKey(id: "dk/1", keyName: dataKey.keyName, bytes: dataKey.bytes)
    #expect(throws: SealingError.notAuthentic) { try sealer.reseal(renamed, of: provider) }
    let moved = SealedDataKey(id: dataKey.id, keyName: "seal-2", bytes: dataKey.bytes)
    #expect(throws: SealingError.notAuthentic) { try sealer.reseal(moved, of: provider) }
    let other = try sealer.makeDataKey(for: provider)
    let sealed = try sealer.seal(Secret("hush"), field, of: provider, under: dataKey)
    #expect(throws: SealingError.unknownKey(name: dataKey.id)) {
      try sealer.open(sealed, field, of: provider, under: other)
    }
    let relabelled = SealedSecret(keyName: other.id, bytes: sealed.bytes)
    #expect(throws: SealingError.notAuthentic) {
      try sealer.open(relabelled, field, of: provider, under: other)
    }
  }

  @Test func aRotationLeavesTheSecretsAsTheyAre() throws {
    let dataKey = try KeyringSealer(first).makeDataKey(for: provider)
    let sealed = try KeyringSealer(first).seal(Secret("hush"), field, of: provider, under: dataKey)
    let next = try KeyringSealer(rotated).reseal(dataKey, of: provider)
    #expect(next.keyName == "seal-2" && next.id == dataKey.id && next.bytes != dataKey.bytes)
    #expect(
      try KeyringSealer(rotated).open(sealed, field, of: provider, with: next) == Secret("hush"))
    // What an earlier version stored has no data key.
    let direct = try KeyringSealer(first).seal(Secret("old"), associatedData: field.associatedData)
    #expect(
      try KeyringSealer(rotated).open(direct, field, of: provider, with: nil) == Secret("old"))
    #expect(
      try KeyringSealer(rotated).open(direct, field, of: provider, with: next) == Secret("old"))
  }

  // MARK: Regions

  @Test func aRegionsFileIsNoUseToAnother() throws {
    let keyring = LiveKeyring(first)
    let one = KeyringSealer(keyring, regions: [.us1])
    let sealed = try one.seal(Secret("hush"), associatedData: [1])
    #expect(sealed.keyName == "seal-1/us1")
    #expect(try one.open(sealed, associatedData: [1]) == Secret("hush"))
    // A dispatch that comes to serve more regions reads what it wrote before.
    let both = KeyringSealer(keyring, regions: [.us1, .ie1])
    #expect(try both.open(sealed, associatedData: [1]) == Secret("hush"))
    let wide = try both.seal(Secret("hush"), associatedData: [1])
    #expect(wide.keyName == "seal-1/ie1+us1" || wide.keyName == "seal-1/us1+ie1")
    for other in [
      KeyringSealer(keyring, regions: [.ie1]), KeyringSealer(keyring),
    ] {
      #expect(throws: SealingError.unknownKey(name: sealed.keyName)) {
        try other.open(sealed, associatedData: [1])
      }
    }
    #expect(throws: SealingError.unknownKey(name: wide.keyName)) {
      try one.open(wide, associatedData: [1])
    }
    // The bytes are under another key, whatever the name says.
    let renamed = SealedSecret(keyName: "seal-1/ie1", bytes: sealed.bytes)
    #expect(throws: SealingError.notAuthentic) {
      try KeyringSealer(keyring, regions: [.ie1]).open(renamed, associatedData: [1])
    }
    // What travels, and what earlier versions kept, is under the keyring itself.
    let plain = try KeyringSealer(keyring).seal(Secret("old"), associatedData: [1])
    #expect(try one.open(plain, associatedData: [1]) == Secret("old"))
  }

  /// Keys of regions are made once, and are good only while the keyring has what they came from.
  @Test func aRegionsKeyGoesWithItsOrigin() throws {
    let keyring = LiveKeyring(first)
    let sealer = KeyringSealer(keyring, regions: [.us1])
    let sealed = try (0..<2).map { try sealer.seal(Secret("hush"), associatedData: [$0]) }
    for (index, secret) in sealed.enumerated() {
      let opened = try sealer.open(secret, associatedData: [UInt8(index)])
      #expect(opened == Secret("hush"))
    }
    try keyring.use(rotated)
    #expect(try sealer.open(sealed[0], associatedData: [0]) == Secret("hush"))
    let later = try sealer.seal(Secret("hush"), associatedData: [])
    #expect(later.keyName == "seal-2/us1")
    #expect(try sealer.open(later, associatedData: []) == Secret("hush"))
    let text = rotated.text.split(separator: "\n").filter { !$0.hasPrefix("seal seal-1 ") }
    try keyring.use(try KeyringFile(parsing: text.joined(separator: "\n") + "\n"))
    #expect(throws: SealingError.unknownKey(name: "seal-1")) {
      try sealer.open(sealed[0], associatedData: [0])
    }
    #expect(try sealer.open(later, associatedData: []) == Secret("hush"))
  }

  @Test func fingerprintTellsInputsApartAndStays() throws {
    let sealer = KeyringSealer(first)
    #expect(try sealer.fingerprint(of: [1]) == sealer.fingerprint(of: [1]))
    #expect(try sealer.fingerprint(of: [1]) != sealer.fingerprint(of: [2]))
    #expect(try sealer.fingerprint(of: [1]).count == 32)
    #expect(try KeyringSealer(rotated).fingerprint(of: [1]) == sealer.fingerprint(of: [1]))
  }
}
