package import Telephony

package enum APITokenKind: ResourceKind { package static let prefix = "tok_" }

/// An API token: `tok_` and 32 hex digits. No secret; it stands in logs and in the token's text.
package typealias APITokenID = HexIdentifier<APITokenKind>

/// SHA-256 of a token's secret part. The secret is 32 random bytes, so that a plain hash can't be
/// guessed backwards and no slow one is needed.
package struct TokenHash: Sendable, Hashable, Codable {
  package static let size = 32

  package let bytes: [UInt8]

  /// - Precondition: `bytes` has `size` bytes.
  package init(_ bytes: [UInt8]) {
    precondition(bytes.count == Self.size, "A token's hash has 32 bytes, not \(bytes.count).")
    self.bytes = bytes
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let bytes = try container.decode([UInt8].self)
    guard bytes.count == Self.size else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "A token's hash has 32 bytes.")
    }
    self.bytes = bytes
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(bytes)
  }

  /// Whether both are the same, in a time that does not tell where they differ.
  package func matches(_ other: TokenHash) -> Bool {
    var difference: UInt8 = 0
    for index in 0..<Self.size { difference |= bytes[index] ^ other.bytes[index] }
    return difference == 0
  }
}

extension TokenHash: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<hash>" }
  package var debugDescription: String { "<hash>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// SHA-256 as a port: the domain knows no cryptography. Callable from any executor, never blocks.
package protocol TokenHasher: Sendable {
  /// The hash of a token's secret part.
  func hash(_ secret: Secret) -> TokenHash
}

/// What a token is, without its secret: that was shown once and is nowhere.
package struct APIToken: Sendable, Hashable, Codable {
  package let id: APITokenID
  package let tenant: TenantID
  package var displayName: String
  package let scopes: Scopes
  package let hash: TokenHash
  package let createTime: Timestamp
  /// From then on it authenticates nobody; nil: it never expires.
  package var expireTime: Timestamp?
  /// When it last authenticated a call, no finer than a minute; nil when it never did.
  package var lastUseTime: Timestamp?
  /// When it was revoked; nil while it was not. A revoked token never works again.
  package var revokeTime: Timestamp?
  /// Who made it.
  package let creator: Principal

  package init(
    id: APITokenID, tenant: TenantID, displayName: String, scopes: Scopes, hash: TokenHash,
    createTime: Timestamp, expireTime: Timestamp? = nil, lastUseTime: Timestamp? = nil,
    revokeTime: Timestamp? = nil, creator: Principal
  ) {
    self.id = id
    self.tenant = tenant
    self.displayName = displayName
    self.scopes = scopes
    self.hash = hash
    self.createTime = createTime
    self.expireTime = expireTime
    self.lastUseTime = lastUseTime
    self.revokeTime = revokeTime
    self.creator = creator
  }

  /// What authenticates with it; nil when it was revoked.
  package var grant: TokenGrant? {
    guard revokeTime == nil else { return nil }
    return TokenGrant(
      id: id, tenant: tenant, scopes: scopes, hash: hash, expireTime: expireTime)
  }
}

/// As much of a token as is needed to authenticate with it: what dispatches get by the route feed.
package struct TokenGrant: Sendable, Hashable, Codable {
  package let id: APITokenID
  package let tenant: TenantID
  package let scopes: Scopes
  package let hash: TokenHash
  /// From then on it authenticates nobody; nil: it never expires.
  package let expireTime: Timestamp?

  package init(
    id: APITokenID, tenant: TenantID, scopes: Scopes, hash: TokenHash, expireTime: Timestamp?
  ) {
    self.id = id
    self.tenant = tenant
    self.scopes = scopes
    self.hash = hash
    self.expireTime = expireTime
  }

  package func isExpired(at time: Timestamp) -> Bool {
    expireTime.map { $0 <= time } ?? false
  }
}
