internal import Crypto
package import Registry
package import Telephony

/// Seals secrets under the keyring's current key, and opens what any of its keys sealed.
package struct KeyringSealer: SecretSealer {
  private let file: KeyringFile

  package init(_ file: KeyringFile) { self.file = file }

  package func seal(
    _ secret: Secret, associatedData: [UInt8]
  ) throws(SealingError) -> SealedSecret {
    guard let key = file.current(.seal) else { throw .unknownKey(name: "current") }
    do throws(CryptoError) {
      let bytes = try AESGCM.seal(secret.revealed, key: key.bytes, associated: associatedData)
      return SealedSecret(keyName: key.name, bytes: bytes)
    } catch {
      throw .failed
    }
  }

  package func open(
    _ sealed: SealedSecret, associatedData: [UInt8]
  ) throws(SealingError) -> Secret {
    guard let key = file.key(.seal, named: sealed.keyName) else {
      throw .unknownKey(name: sealed.keyName)
    }
    do throws(CryptoError) {
      return Secret(try AESGCM.open(sealed.bytes, key: key.bytes, associated: associatedData))
    } catch .notAuthentic {
      throw .notAuthentic
    } catch {
      throw .failed
    }
  }

  package func fingerprint(of bytes: [UInt8]) throws(SealingError) -> [UInt8] {
    guard let key = file.current(.fingerprint) else { throw .unknownKey(name: "fingerprint") }
    return HMAC.code(.sha256, key: key.bytes, message: bytes)
  }
}
