package import Access
package import Telephony

/// One thing that a dispatch keeps, whole: it takes the place of what the dispatch had of it.
///
/// Kinds come in any order: a number may come before its provider or its agent.
package enum RouteEntry: Sendable, Hashable {
  case number(NumberRoute)
  case provider(ProviderRoute)
  case agent(AgentRoute)
  /// What a token allows, so that a dispatch authenticates from memory.
  case token(TokenGrant)

  /// nil: no call goes by it, and dispatches are told that there is none. One of the version before
  /// knows no provider but Twilio's.
  package static func of(_ provider: Provider) -> RouteEntry? {
    provider.twilio == nil ? nil : .provider(ProviderRoute(provider))
  }
}

/// Something that is gone.
package enum RouteRemoval: Sendable, Hashable {
  case number(PhoneNumberID, tenant: TenantID)
  case provider(ProviderID, tenant: TenantID)
  case agent(AgentID, tenant: TenantID)
  case token(APITokenID, tenant: TenantID)
}

/// A number, as far as calls need it.
package struct NumberRoute: Sendable, Hashable {
  package var id: PhoneNumberID
  package var tenant: TenantID
  package var e164: E164
  package var carrierSID: CarrierNumberSID
  package var providerID: ProviderID
  package var accountSID: AccountSID
  package var region: Region
  /// What answers; nil while the number is not assigned.
  package var agentID: AgentID?
  /// Webhooks that come for calls to it are answered.
  package var supportsInbound: Bool
  package var supportsOutbound: Bool
  /// In `provisioning` and `deleting` calls that come already or still are answered; only an
  /// `active` or `degraded` number is dialled from.
  package var state: PhoneNumberState
  package var unassignedPolicy: UnassignedPolicy
  /// The voice URL before the import, for `UnassignedPolicy.formerURL`; empty when there was none.
  package var formerVoiceURL: String
  package var formerVoiceMethod: VoiceSettings.Method
  /// The generation of the token that webhooks of the number must carry.
  package var webhookGeneration: UInt32
  /// The provider that it is being moved to, whose webhooks carry the token of the next generation.
  package var pendingProviderID: ProviderID?

  package init(_ number: PhoneNumber) {
    self.id = number.id
    self.tenant = number.tenant
    self.e164 = number.e164
    self.carrierSID = number.carrierSID
    self.providerID = number.providerID
    self.accountSID = number.accountSID
    self.region = number.region
    self.agentID = number.agentID
    // A number by trunk asks no webhook: one that comes for it is not the carrier's.
    self.supportsInbound = number.supportsInbound && number.ingress == .webhook
    self.supportsOutbound = number.supportsOutbound
    self.state = number.state
    self.unassignedPolicy = number.unassignedPolicy
    self.formerVoiceURL = number.former?.callsWent.voiceURL ?? ""
    self.formerVoiceMethod = number.former?.callsWent.voiceMethod ?? .post
    self.webhookGeneration = number.webhookGeneration
    self.pendingProviderID = number.pendingProviderID
  }

  /// It is of a SIP trunk: no carrier's account places its calls.
  package var isSIP: Bool { accountSID == .standingFor(tenant) }

  /// From its parts, as a store keeps them.
  package init(
    id: PhoneNumberID, tenant: TenantID, e164: E164, carrierSID: CarrierNumberSID,
    providerID: ProviderID, accountSID: AccountSID, region: Region, agentID: AgentID?,
    supportsInbound: Bool, supportsOutbound: Bool, state: PhoneNumberState,
    unassignedPolicy: UnassignedPolicy, formerVoiceURL: String,
    formerVoiceMethod: VoiceSettings.Method, webhookGeneration: UInt32,
    pendingProviderID: ProviderID? = nil
  ) {
    self.id = id
    self.tenant = tenant
    self.e164 = e164
    self.carrierSID = carrierSID
    self.providerID = providerID
    self.accountSID = accountSID
    self.region = region
    self.agentID = agentID
    self.supportsInbound = supportsInbound
    self.supportsOutbound = supportsOutbound
    self.state = state
    self.unassignedPolicy = unassignedPolicy
    self.formerVoiceURL = formerVoiceURL
    self.formerVoiceMethod = formerVoiceMethod
    self.webhookGeneration = webhookGeneration
    self.pendingProviderID = pendingProviderID
  }
}

/// A provider, as far as calls need it: no secret.
package struct ProviderRoute: Sendable, Hashable, Codable {
  package var id: ProviderID
  package var tenant: TenantID
  package var accountSID: AccountSID
  package var region: Region
  /// An Auth Token is held, so that a webhook must be signed.
  package var requiresSignature: Bool
  /// Grows with every change of the provider: credentials leased under a smaller one are stale.
  package var version: Version
  /// The one country that its numbers call, by ISO 3166; nil: any.
  package var onlyCountry: String?

  /// Of a Twilio provider.
  package init(_ provider: Provider) {
    guard let twilio = provider.twilio else {
      preconditionFailure("the route of a provider without an account")
    }
    self.id = provider.id
    self.tenant = provider.tenant
    self.accountSID = twilio.accountSID
    self.region = provider.region
    // A first Auth Token may sign nothing yet: until what had none is gone, as before.
    let wasSigned = provider.previous.map { $0.authToken != nil } ?? true
    self.requiresSignature = twilio.authToken != nil && wasSigned
    self.version = provider.revision.version
    self.onlyCountry = provider.isPlatform ? PlatformAccount.country : nil
  }
}

/// An agent, as far as calls need it. Passwords stay sealed.
package struct AgentRoute: Sendable, Hashable, Codable {
  package var id: AgentID
  package var tenant: TenantID
  package var connections: [AgentConnection]
  /// What the passwords are sealed under, as in the agent.
  package var dataKey: SealedDataKey?

  package init(_ agent: Agent) {
    self.id = agent.id
    self.tenant = agent.tenant
    self.connections = agent.connections
    self.dataKey = agent.dataKey
  }
}

/// One step of the route feed.
package struct RouteChange: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// In its present form, new or not.
    case put(RouteEntry)
    case removed(RouteRemoval)
  }

  /// Its sequence grows with each change, over all tenants and kinds; gaps mean nothing.
  package var point: FeedPoint
  package var kind: Kind

  package init(point: FeedPoint, kind: Kind) {
    self.point = point
    self.kind = kind
  }
}

/// A part of the route feed.
package struct RoutePage: Sendable, Hashable {
  /// By rising sequence. What changed twice stands once, at its last change.
  package var changes: [RouteChange]
  /// A reader that has its `latest` is level with the registry. Removals up to its `prunedThrough`
  /// may have been forgotten: a reader that stands before it, but not at 0, drops what it has and
  /// reads from 0.
  package var feed: FeedStand

  package init(changes: [RouteChange], feed: FeedStand) {
    self.changes = changes
    self.feed = feed
  }
}
