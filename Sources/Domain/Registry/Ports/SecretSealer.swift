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

/// A random key that seals the secrets of one provider or agent, itself sealed under a key of the
/// keyring: a rotation seals it anew and leaves the secrets as they are.
package struct SealedDataKey: Sendable, Hashable, Codable {
  /// Names it in what it seals: `dk/` and 16 hex digits, which is no name of a key in a keyring.
  package let id: String
  /// The key of the keyring that it is sealed under.
  package var keyName: String
  package var bytes: [UInt8]

  package init(id: String, keyName: String, bytes: [UInt8]) {
    self.id = id
    self.keyName = keyName
    self.bytes = bytes
  }
}

extension SealedDataKey: CustomStringConvertible {
  package var description: String { "<\(id) sealed under \(keyName)>" }
}

/// Seals and opens secrets, as a port of the keyring. Answers from memory, from any executor.
package protocol SecretSealer: Sendable {
  /// Seals under the keyring's current key. `associatedData` must be given again to open.
  func seal(_ secret: Secret, associatedData: [UInt8]) throws(SealingError) -> SealedSecret

  /// Opens what any key of the keyring sealed.
  func open(_ sealed: SealedSecret, associatedData: [UInt8]) throws(SealingError) -> Secret

  /// A fresh data key of `owner`, sealed under the keyring's current key. It opens for the same
  /// owner only, and under the id and the key that it names.
  func makeDataKey(for owner: SecretOwner) throws(SealingError) -> SealedDataKey

  /// The same data key under the keyring's current key.
  func reseal(
    _ dataKey: SealedDataKey, of owner: SecretOwner
  ) throws(SealingError) -> SealedDataKey

  /// Seals one of `owner`'s secrets under its data key. It opens as the same field of the same
  /// owner only.
  func seal(
    _ secret: Secret, _ field: CredentialField, of owner: SecretOwner, under dataKey: SealedDataKey
  ) throws(SealingError) -> SealedSecret

  /// Opens what was sealed under `dataKey`.
  func open(
    _ sealed: SealedSecret, _ field: CredentialField, of owner: SecretOwner,
    under dataKey: SealedDataKey
  ) throws(SealingError) -> Secret

  /// What new seals are made under.
  var currentKeyName: String { get }

  /// Whether the keyring has a key of this name that seals.
  func hasKey(named name: String) -> Bool

  /// 32 bytes (HMAC-SHA-256 under a named key that is never rotated) that tell two inputs apart and
  /// don't give them away: the input may hold secrets. The same input gives the same bytes for as
  /// long as the keyring lives.
  func fingerprint(of bytes: [UInt8]) throws(SealingError) -> [UInt8]
}

extension SecretSealer {
  /// Opens a stored secret, whether it is under its owner's data key or, as earlier versions wrote
  /// it, under the keyring itself.
  package func open(
    _ sealed: SealedSecret, _ field: CredentialField, of owner: SecretOwner,
    with dataKey: SealedDataKey?
  ) throws(SealingError) -> Secret {
    if let dataKey, sealed.keyName == dataKey.id {
      return try open(sealed, field, of: owner, under: dataKey)
    }
    return try open(sealed, associatedData: field.associatedData)
  }
}

/// Whose secrets a data key seals.
package enum SecretOwner: Sendable, Hashable {
  case provider(ProviderID, TenantID)
  case agent(AgentID, TenantID)

  /// No two owners have the same text: ids hold no slash.
  private var text: String {
    switch self {
    case .provider(let id, let tenant): "trunkline/tenant/\(tenant)/provider/\(id)"
    case .agent(let id, let tenant): "trunkline/tenant/\(tenant)/agent/\(id)"
    }
  }

  /// What a data key is bound to.
  package func associatedData(dataKey id: String, keyName: String) -> [UInt8] {
    Array("\(text)/data_key/\(id)/\(keyName)".utf8)
  }

  /// What a secret under a data key is bound to.
  package func associatedData(_ field: CredentialField, dataKey id: String) -> [UInt8] {
    Array("\(text)/\(field.name)/\(id)".utf8)
  }
}

/// Which secret it is, and what it is bound to when it is sealed under the keyring itself: as
/// earlier versions stored it, and as it travels to a dispatch, which opens it with the same bytes.
package enum CredentialField: Sendable, Hashable {
  case apiKeySecret(ProviderID)
  case authToken(ProviderID)
  case stagedAPIKeySecret(ProviderID)
  case stagedAuthToken(ProviderID)
  case previousAPIKeySecret(ProviderID)
  case previousAuthToken(ProviderID)
  case liveKitSecret(ProviderID)
  /// Of a SIP trunk, as the next.
  case outboundPassword(ProviderID)
  case inboundPassword(ProviderID)
  /// The id alone would not do: agents of two tenants may have the same.
  case sipPassword(AgentID, TenantID)

  package var associatedData: [UInt8] {
    switch self {
    case .apiKeySecret(let id), .authToken(let id), .stagedAPIKeySecret(let id),
      .stagedAuthToken(let id), .previousAPIKeySecret(let id), .previousAuthToken(let id),
      .liveKitSecret(let id), .outboundPassword(let id), .inboundPassword(let id):
      Array("trunkline/provider/\(id)/\(name)".utf8)
    case .sipPassword(let id, let tenant):
      Array("trunkline/tenant/\(tenant)/agent/\(id)/\(name)".utf8)
    }
  }

  fileprivate var name: String {
    switch self {
    case .apiKeySecret: "api_key_secret"
    case .authToken: "auth_token"
    case .stagedAPIKeySecret: "staged_api_key_secret"
    case .stagedAuthToken: "staged_auth_token"
    case .previousAPIKeySecret: "previous_api_key_secret"
    case .previousAuthToken: "previous_auth_token"
    case .liveKitSecret: "livekit_api_secret"
    case .outboundPassword: "outbound_password"
    case .inboundPassword: "inbound_password"
    case .sipPassword: "sip_password"
    }
  }
}
