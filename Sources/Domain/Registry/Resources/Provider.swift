package import Telephony

/// One set of carrier credentials, unique by (tenant, `key`, region).
package struct Provider: Sendable, Hashable, Codable {
  package let id: ProviderID
  package let tenant: TenantID
  package var displayName: String
  /// Where the credentials hold. Never changes.
  package let region: Region
  package var configuration: ProviderConfiguration
  /// What its secrets are sealed under; nil when an earlier version sealed all of them.
  package var dataKey: SealedDataKey?
  /// Credentials that wait to become the current ones. Never beside `previous`.
  package var staged: StagedCredential?
  /// What was current before the last promotion, until its window is over.
  package var previous: PreviousCredential?
  /// nil: the tenant's own account.
  package var owner: ProviderOwner?
  package var state: ProviderState
  package var conditions: [Condition]
  package var labels: [String: String]
  package var revision: Revision

  package init(
    id: ProviderID, tenant: TenantID, displayName: String, region: Region,
    configuration: ProviderConfiguration, dataKey: SealedDataKey? = nil,
    staged: StagedCredential? = nil, previous: PreviousCredential? = nil,
    state: ProviderState = .active, conditions: [Condition] = [],
    labels: [String: String] = [:], revision: Revision
  ) {
    self.id = id
    self.tenant = tenant
    self.displayName = displayName
    self.region = region
    self.configuration = configuration
    self.dataKey = dataKey
    self.staged = staged
    self.previous = previous
    self.owner = nil
    self.state = state
    self.conditions = conditions
    self.labels = labels
    self.revision = revision
  }

  package var etag: String { revision.etag }

  /// Whose secrets its data key seals.
  package var secretOwner: SecretOwner { .provider(id, tenant) }

  /// What a Twilio provider has and no other.
  package var twilio: TwilioConfiguration? {
    guard case .twilio(let twilio) = configuration else { return nil }
    return twilio
  }

  /// The Twilio account that owns the numbers: the one that the carrier named, not the one that was
  /// claimed.
  package var accountSID: AccountSID? { twilio?.accountSID }

  /// The gateway that it names.
  package var gatewayID: ProviderID? {
    guard case .sipTrunk(let trunk) = configuration else { return nil }
    return trunk.gatewayID
  }

  package var kind: ProviderKindFilter {
    switch configuration {
    case .twilio: .twilio
    case .sipTrunk: .sipTrunk
    case .liveKit: .liveKit
    }
  }

  /// What is linked once in each region of a tenant: no two kinds have the same. A Twilio account's
  /// is its SID; a trunk's that only takes calls is its own.
  package var key: String {
    switch configuration {
    case .twilio(let twilio): twilio.accountSID.description
    case .sipTrunk(let trunk): trunk.outbound?.key ?? "st/\(id)"
    case .liveKit(let gateway): gateway.key
    }
  }
}

/// What a provider's kind needs.
package enum ProviderConfiguration: Sendable, Hashable, Codable {
  case twilio(TwilioConfiguration)
  case sipTrunk(SIPTrunkConfiguration)
  case liveKit(LiveKitConfiguration)
}

/// A Twilio account with its credentials of one region.
package struct TwilioConfiguration: Sendable, Hashable, Codable {
  /// Never changes.
  package let accountSID: AccountSID
  /// Used for every request when there is a key, but for the share of a dispatch's that tries a
  /// staged one first.
  package var apiKey: SealedAPIKey?
  /// Checks the signature of webhooks; used for requests only when there is no key.
  package var authToken: SealedSecret?

  package init(accountSID: AccountSID, apiKey: SealedAPIKey?, authToken: SealedSecret?) {
    self.accountSID = accountSID
    self.apiKey = apiKey
    self.authToken = authToken
  }
}

/// An API key whose secret is sealed.
package struct SealedAPIKey: Sendable, Hashable, Codable {
  package var sid: APIKeySID
  package var secret: SealedSecret

  package init(sid: APIKeySID, secret: SealedSecret) {
    self.sid = sid
    self.secret = secret
  }
}

/// Whether a provider can be used. It is stored only after the carrier took its credentials.
package enum ProviderState: String, Sendable, Hashable, Codable {
  /// The carrier took the credentials when they were last used.
  case active
}
