package import Access
package import Telephony

/// The feed broke, or the registry can't be reached; it is opened again.
package enum RouteSourceError: Error, Sendable, Hashable {
  case unavailable
  /// The calling task was cancelled.
  case cancelled
}

/// Where a reader of the routes stands: everything up to `revision` of that history is known to it.
///
/// Revisions of different epochs don't compare: the registry's database was made anew.
package struct RoutePlace: Sendable, Hashable {
  package var epoch: String
  package var revision: UInt64
  /// When that change was made, as the registry tells it: a database that went back to an older
  /// copy of itself has another change there. nil when it is not known.
  package var time: Timestamp?

  package init(epoch: String, revision: UInt64, time: Timestamp? = nil) {
    self.epoch = epoch
    self.revision = revision
    self.time = time
  }
}

/// Where routes come from: the registry, in this process or over its stream.
package protocol RouteSource: Sendable {
  /// Hands `body` each update in order, one at a time: what follows `place`, or first a snapshot
  /// when it is nil, of another epoch, or too old to go on from.
  ///
  /// Returns when the source ended the feed in good order, and throws when it broke; the caller
  /// opens it again either way. Cancelling the calling task ends it.
  func follow(
    after place: RoutePlace?, _ body: (RouteUpdate) async -> Void
  ) async throws(RouteSourceError)
}

/// What a feed says. A snapshot is `snapshotBegan`, changes that only set, `snapshotEnded`: what it
/// did not name is gone.
package enum RouteUpdate: Sendable, Hashable {
  case snapshotBegan
  case snapshotEnded(RoutePlace)
  /// The place is nil within a snapshot.
  case changed(RouteChange, at: RoutePlace?)
  /// Nothing changed; the feed lives.
  case heard
}

/// One resource's routing, set or gone. They may come in any order among the kinds: a number may
/// come before its provider and is not ready until then.
package enum RouteChange: Sendable, Hashable {
  case setProvider(ProviderRoute)
  case removeProvider(ProviderID)
  case setAgent(AgentRoute)
  case removeAgent(TenantID, AgentID)
  case setNumber(NumberRoute)
  case removeNumber(PhoneNumberID)
  /// Who may call here.
  case setToken(TokenGrant)
  case removeToken(APITokenID)
}

/// What dispatch needs to know of a provider; no secret.
package struct ProviderRoute: Sendable, Hashable {
  package var id: ProviderID
  package var tenant: TenantID
  package var account: AccountSID
  package var region: Region
  /// An Auth Token is held, so every webhook must be signed.
  package var signsWebhooks: Bool
  /// A lease of credentials of a lower one is stale.
  package var credentialRevision: UInt64
  /// The one country that its numbers may call, by ISO 3166 and the numbering plan; nil: any.
  package var onlyCountry: String?

  package init(
    id: ProviderID, tenant: TenantID, account: AccountSID, region: Region, signsWebhooks: Bool,
    credentialRevision: UInt64 = 0, onlyCountry: String? = nil
  ) {
    self.id = id
    self.tenant = tenant
    self.account = account
    self.region = region
    self.signsWebhooks = signsWebhooks
    self.credentialRevision = credentialRevision
    self.onlyCountry = onlyCountry
  }
}

/// How an agent is reached.
package struct AgentRoute: Sendable, Hashable {
  package var tenant: TenantID
  package var id: AgentID
  /// The first that fits the call's region is taken; one of that region goes before one of any.
  package var connections: [AgentConnection]

  package init(tenant: TenantID, id: AgentID, connections: [AgentConnection]) {
    self.tenant = tenant
    self.id = id
    self.connections = connections
  }
}

package struct AgentConnection: Sendable, Hashable {
  package enum Target: Sendable, Hashable {
    /// `wss`, no query. The parameters go before ours.
    case mediaStream(url: String, parameters: [StreamParameter])
    case sip(uri: String, login: SIPLogin?)
  }

  /// Nil serves every region.
  package var region: Region?
  package var target: Target

  package init(region: Region?, target: Target) {
    self.region = region
    self.target = target
  }
}

/// Who we are at an agent's SIP address.
package struct SIPLogin: Sendable, Hashable {
  package var username: String
  /// Opened only where the carrier is answered.
  package var password: SealedBytes?

  package init(username: String, password: SealedBytes?) {
    self.username = username
    self.password = password
  }
}

/// A secret at rest under a named key of the keyring; says nothing without it.
package struct SealedBytes: Sendable, Hashable {
  package var keyName: String
  package var bytes: [UInt8]
  /// What it is bound to: it opens with the same bytes only.
  package var associatedData: [UInt8]

  package init(keyName: String, bytes: [UInt8], associatedData: [UInt8]) {
    self.keyName = keyName
    self.bytes = bytes
    self.associatedData = associatedData
  }
}

/// How a number is routed.
package struct NumberRoute: Sendable, Hashable {
  package var id: PhoneNumberID
  package var tenant: TenantID
  package var provider: ProviderID
  package var e164: E164
  /// Of the token that its webhooks carry.
  package var webhookGeneration: UInt32
  package var agent: AgentID?
  /// It may take calls, as far as the registry is concerned.
  package var takesInbound: Bool
  /// It may place calls.
  package var placesOutbound: Bool
  /// Where a call goes that nobody is assigned to; nil rejects it.
  package var unassignedURL: String?
  package var unassignedMethod: RedirectMethod
  /// The provider that the number is being moved to. What the carrier calls for that one carries
  /// the token of the generation after `webhookGeneration`.
  package var pendingProvider: ProviderID?
  /// It is of a SIP trunk: a gateway places its calls.
  package var isSIP: Bool

  package init(
    id: PhoneNumberID, tenant: TenantID, provider: ProviderID, e164: E164,
    webhookGeneration: UInt32, agent: AgentID?,
    takesInbound: Bool = true, placesOutbound: Bool = true, unassignedURL: String? = nil,
    unassignedMethod: RedirectMethod = .post, pendingProvider: ProviderID? = nil,
    isSIP: Bool = false
  ) {
    self.id = id
    self.tenant = tenant
    self.provider = provider
    self.e164 = e164
    self.webhookGeneration = webhookGeneration
    self.agent = agent
    self.takesInbound = takesInbound
    self.placesOutbound = placesOutbound
    self.unassignedURL = unassignedURL
    self.unassignedMethod = unassignedMethod
    self.pendingProvider = pendingProvider
    self.isSIP = isSIP
  }
}
