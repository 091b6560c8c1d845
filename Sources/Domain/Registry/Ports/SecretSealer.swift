package import Telephony

/// A secret at rest: AES-256-GCM under a named key. Says nothing without the keyring.
package struct SealedSecret: Sendable, Hashable, Codable {
  package var keyName: String
  /// Nonce, ciphertext and tag, as the keyring lays them out.
  package var bytes: [UInt8]

  package init(keyName: String, bytes: [UInt8]) {
    self.keyName = keyName
    self.bytes = bytes
  }
}

extension SealedSecret: CustomStringConvertible {
  package var description: String { "<sealed under \(keyName)>" }
}

/// Why a secret could not be sealed or opened. Ours to fix, never the caller's.
package enum SealingError: Error, Sendable, Hashable {
  /// The keyring has no key of this name.
  case unknownKey(name: String)
  /// The bytes were changed, or belong to other associated data.
  case notAuthentic
  /// The library beneath failed, e.g. it had no random numbers.
  case failed
}

/// Seals and opens secrets, as a port of the keyring. Answers from memory, from any executor.
package protocol SecretSealer: Sendable {
  /// Seals under the keyring's current key. `associatedData` must be given again to open.
  func seal(_ secret: Secret, associatedData: [UInt8]) throws(SealingError) -> SealedSecret

  /// Opens what any key of the keyring sealed.
  func open(_ sealed: SealedSecret, associatedData: [UInt8]) throws(SealingError) -> Secret

  /// 32 bytes (HMAC-SHA-256 under a named key that is never rotated) that tell two inputs apart and
  /// don't give them away: the input may hold secrets. The same input gives the same bytes for as
  /// long as the keyring lives.
  func fingerprint(of bytes: [UInt8]) throws(SealingError) -> [UInt8]
}

/// The secrets of a provider, and what each is bound to when it is sealed.
package enum CredentialField: String, Sendable, Hashable, CaseIterable {
  case apiKeySecret = "api_key_secret"
  case authToken = "auth_token"

  /// The associated data: a secret opens for its own provider and its own use only. The dispatch
  /// opens leased credentials with the same bytes.
  package func associatedData(of provider: ProviderID) -> [UInt8] {
    Array("trunkline/provider/\(provider)/\(rawValue)".utf8)
  }
}
