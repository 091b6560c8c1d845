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

/// Which secret it is, and what it is bound to when it is sealed: a secret opens for its own
/// resource and its own use only. The dispatch opens leased secrets with the same bytes.
package enum CredentialField: Sendable, Hashable {
  case apiKeySecret(ProviderID)
  case authToken(ProviderID)
  /// The id alone would not do: agents of two tenants may have the same.
  case sipPassword(AgentID, TenantID)

  package var associatedData: [UInt8] {
    switch self {
    case .apiKeySecret(let id): Array("trunkline/provider/\(id)/api_key_secret".utf8)
    case .authToken(let id): Array("trunkline/provider/\(id)/auth_token".utf8)
    case .sipPassword(let id, let tenant):
      Array("trunkline/tenant/\(tenant)/agent/\(id)/sip_password".utf8)
    }
  }
}
