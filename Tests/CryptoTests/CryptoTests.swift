import Buffers
import Testing

@testable import Crypto

private func hex(_ text: String) -> [UInt8] { Hex.decode(text) ?? [] }

struct CryptoTests {
  // FIPS 180-4 example and the empty message.
  @Test func sha256MatchesPublishedDigests() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(Hex.encode(SHA256.digest(Array("abc".utf8))) == abc)
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    #expect(Hex.encode(SHA256.digest([])) == empty)
  }

  // RFC 2202 case 2 and RFC 4231 case 2.
  @Test func hmacMatchesPublishedCodes() {
    let message = Array("what do ya want for nothing?".utf8)
    let key = Array("Jefe".utf8)
    let sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
    #expect(Hex.encode(HMAC.code(.sha1, key: key, message: message)) == sha1)
    let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    #expect(Hex.encode(HMAC.code(.sha256, key: key, message: message)) == sha256)
    let empty = "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"
    #expect(Hex.encode(HMAC.code(.sha1, key: [], message: [])) == empty)
  }

  // The GCM specification's test case 16.
  @Test func aesGCMMatchesAPublishedVector() throws {
    let key = LockedBytes(
      copying: hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))
    let plaintext = hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
    let associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    let nonce = hex("cafebabefacedbaddecaf888")
    let sealed = try AESGCM.seal(plaintext, key: key, associated: associated, nonce: nonce)
    let ciphertext =
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    #expect(
      Hex.encode(sealed) == Hex.encode(nonce) + ciphertext + "76fc6ece0f4e1768cddf8853bb2d551b")
    #expect(try AESGCM.open(sealed, key: key, associated: associated) == plaintext)
  }

  @Test func everyChangedBitIsRefused() throws {
    let key = try LockedBytes(randomCount: 32)
    let sealed = try AESGCM.seal([1, 2, 3], key: key, associated: [9])
    for bit in 0..<(sealed.count * 8) {
      var changed = sealed
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: CryptoError.notAuthentic) {
        try AESGCM.open(changed, key: key, associated: [9])
      }
    }
    #expect(throws: CryptoError.notAuthentic) { try AESGCM.open(sealed, key: key, associated: []) }
    #expect(throws: CryptoError.notAuthentic) { try AESGCM.open([], key: key, associated: [9]) }
  }

  @Test func aKeyUnderAKeyOpensAsAKeyOnly() throws {
    let (outer, inner) = (try LockedBytes(randomCount: 32), try LockedBytes(randomCount: 32))
    let sealed = try AESGCM.seal(inner, key: outer, associated: [9])
    #expect(try AESGCM.openKey(sealed, key: outer, associated: [9]) == inner)
    #expect(throws: CryptoError.notAuthentic) {
      try AESGCM.openKey(sealed, key: outer, associated: [8])
    }
    #expect(throws: CryptoError.notAuthentic) {
      try AESGCM.openKey(sealed, key: inner, associated: [9])
    }
    let short = try AESGCM.seal([1, 2, 3], key: outer, associated: [9])
    #expect(throws: CryptoError.notAuthentic) {
      try AESGCM.openKey(short, key: outer, associated: [9])
    }
  }

  // RFC 5869, test case 1: the first block of its output.
  @Test func derivedKeyMatchesAPublishedVector() {
    let key = LockedBytes(
      copying: hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"))
    let derived = HMAC.derivedKey(from: key, info: hex("f0f1f2f3f4f5f6f7f8f9"))
    let expected = hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")
    #expect(derived == LockedBytes(copying: expected))
    #expect(
      HMAC.code(key: derived, message: [1]) == HMAC.code(.sha256, key: expected, message: [1]))
  }

  @Test func sealsDifferEachTime() throws {
    let key = try LockedBytes(randomCount: 32)
    #expect(
      try AESGCM.seal([], key: key, associated: []) != AESGCM.seal([], key: key, associated: []))
  }

  @Test func comparesInConstantTimeWithoutError() {
    #expect(constantTimeEquals([], []))
    #expect(constantTimeEquals([1, 2], [1, 2]))
    #expect(!constantTimeEquals([1, 2], [1, 3]))
    #expect(!constantTimeEquals([1, 2], [1, 2, 3]))
  }
}
