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

  @Test func fingerprintTellsInputsApartAndStays() throws {
    let sealer = KeyringSealer(first)
    #expect(try sealer.fingerprint(of: [1]) == sealer.fingerprint(of: [1]))
    #expect(try sealer.fingerprint(of: [1]) != sealer.fingerprint(of: [2]))
    #expect(try sealer.fingerprint(of: [1]).count == 32)
    #expect(try KeyringSealer(rotated).fingerprint(of: [1]) == sealer.fingerprint(of: [1]))
  }
}
