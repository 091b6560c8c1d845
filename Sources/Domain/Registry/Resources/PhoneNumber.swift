package import Telephony

/// A number under exactly one provider.
package struct PhoneNumber: Sendable, Hashable, Codable {
  package let id: PhoneNumberID
  package let tenant: TenantID
  package var label: String
  package let e164: E164
  package var providerID: ProviderID
  /// The provider that it is being moved to. Webhooks that the carrier calls for that one carry the
  /// token of the generation after `webhookGeneration`.
  package var pendingProviderID: ProviderID?
  /// The provider's account; with `carrierSID` the claim that is unique in the whole deployment. Of
  /// a number of a SIP trunk both are made from tenant and number, and no carrier is told them.
  package let accountSID: AccountSID
  package var region: Region
  /// Made of our own id while the number is being bought: see `isAwaited`.
  package var carrierSID: CarrierNumberSID
  package var ingress: Ingress
  /// The provider of the gateway that its calls go through; nil where they come by webhook.
  package var gatewayProviderID: ProviderID?
  package var supportsInbound: Bool
  package var supportsOutbound: Bool
  /// What answers, an agent or a softphone; nil when the number is not assigned.
  package var agentID: AgentID?
  /// What an inbound call gets while the number is not assigned.
  package var unassignedPolicy: UnassignedPolicy
  package var state: PhoneNumberState
  package var conditions: [Condition]
  /// What is left at the carrier and could not be undone. Empty but in `corrupted` and `degraded`.
  package var leftovers: [Leftover]
  /// The carrier's settings before we wrote ours; nil while nothing was written.
  package var former: FormerSettings?
  /// What we wrote at the carrier; nil while nothing was written.
  package var configured: VoiceSettings?
  /// Which token of the number is in its webhook's path; one more makes the earlier URLs worthless.
  package var webhookGeneration: UInt32
  /// nil: none, as in what earlier versions stored.
  private var madeResources: [ExternalResource]?
  /// On whose account it was bought here; nil when it was imported.
  package var purchase: NumberPurchase?
  package var labels: [String: String]
  package var revision: Revision

  /// What stands for it at its carrier and at a gateway because we made it, in the order in which
  /// it was made.
  package var resources: [ExternalResource] {
    get { madeResources ?? [] }
    set { madeResources = newValue.isEmpty ? nil : newValue }
  }

  /// - Parameter gateway: of a number by trunk; nil: calls come by webhook.
  package init(
    id: PhoneNumberID, tenant: TenantID, label: String, e164: E164, provider: Provider,
    carrierSID: CarrierNumberSID, gateway: ProviderID? = nil, supportsInbound: Bool,
    supportsOutbound: Bool, agentID: AgentID? = nil, unassignedPolicy: UnassignedPolicy = .reject,
    state: PhoneNumberState, labels: [String: String] = [:], revision: Revision
  ) {
    guard let account = provider.accountSID else {
      preconditionFailure("a carrier's number under a provider without an account")
    }
    self.id = id
    self.tenant = tenant
    self.label = label
    self.e164 = e164
    self.providerID = provider.id
    self.pendingProviderID = nil
    self.accountSID = account
    self.region = provider.region
    self.carrierSID = carrierSID
    self.ingress = gateway == nil ? .webhook : .trunk
    self.gatewayProviderID = gateway
    self.supportsInbound = supportsInbound
    self.supportsOutbound = supportsOutbound
    self.agentID = agentID
    self.unassignedPolicy = unassignedPolicy
    self.state = state
    self.conditions = []
    self.leftovers = []
    self.former = nil
    self.configured = nil
    self.webhookGeneration = 1
    self.madeResources = nil
    self.purchase = nil
    self.labels = labels
    self.revision = revision
  }

  /// A number of a SIP trunk. No carrier names it: what stands in the place of account and SID
  /// makes it one of its kind in the tenant.
  ///
  /// - Parameter gateway: nil: nobody signals for it.
  package init(
    id: PhoneNumberID, tenant: TenantID, label: String, e164: E164, trunk: ProviderID,
    region: Region, gateway: ProviderID?, supportsInbound: Bool, supportsOutbound: Bool,
    state: PhoneNumberState, conditions: [Condition] = [], labels: [String: String] = [:],
    revision: Revision
  ) {
    self.init(
      id: id, tenant: tenant, label: label, e164: e164, providerID: trunk,
      accountSID: .standingFor(tenant), region: region, carrierSID: .standingFor(e164),
      ingress: .sip, supportsInbound: supportsInbound, supportsOutbound: supportsOutbound,
      agentID: nil, unassignedPolicy: .reject, state: state, conditions: conditions,
      leftovers: [], former: nil, configured: nil, webhookGeneration: 1, labels: labels,
      revision: revision, gatewayProviderID: gateway)
  }

  /// From its parts, as a store keeps them.
  package init(
    id: PhoneNumberID, tenant: TenantID, label: String, e164: E164, providerID: ProviderID,
    accountSID: AccountSID, region: Region, carrierSID: CarrierNumberSID, ingress: Ingress,
    supportsInbound: Bool, supportsOutbound: Bool, agentID: AgentID?,
    unassignedPolicy: UnassignedPolicy, state: PhoneNumberState, conditions: [Condition],
    leftovers: [Leftover], former: FormerSettings?, configured: VoiceSettings?,
    webhookGeneration: UInt32, labels: [String: String], revision: Revision,
    pendingProviderID: ProviderID? = nil, gatewayProviderID: ProviderID? = nil,
    resources: [ExternalResource] = [], purchase: NumberPurchase? = nil
  ) {
    self.id = id
    self.tenant = tenant
    self.label = label
    self.e164 = e164
    self.providerID = providerID
    self.pendingProviderID = pendingProviderID
    self.accountSID = accountSID
    self.region = region
    self.carrierSID = carrierSID
    self.ingress = ingress
    self.gatewayProviderID = gatewayProviderID
    self.supportsInbound = supportsInbound
    self.supportsOutbound = supportsOutbound
    self.agentID = agentID
    self.unassignedPolicy = unassignedPolicy
    self.state = state
    self.conditions = conditions
    self.leftovers = leftovers
    self.former = former
    self.configured = configured
    self.webhookGeneration = webhookGeneration
    self.madeResources = resources.isEmpty ? nil : resources
    self.purchase = purchase
    self.labels = labels
    self.revision = revision
  }

  package var etag: String { revision.etag }

  /// Something of ours is at its carrier or at a gateway.
  var hasAnythingOutside: Bool { configured != nil || !resources.isEmpty }
}

extension AccountSID {
  /// What the numbers of a tenant's SIP trunks are claimed under.
  package static func standingFor(_ tenant: TenantID) -> AccountSID {
    AccountSID(high: tenant.high, low: tenant.low)
  }
}

extension CarrierNumberSID {
  /// What a number of a SIP trunk is claimed as. A carrier's are random, and so high that none is
  /// one of these.
  package static func standingFor(_ e164: E164) -> CarrierNumberSID {
    CarrierNumberSID(high: 0, low: UInt64(e164.digits) ?? 0)
  }
}

/// How calls reach us.
package enum Ingress: String, Sendable, Hashable, Codable {
  /// The carrier asks our webhook.
  case webhook
  /// A trunk of the carrier's leads to a gateway, and the gateway's back.
  case trunk
  /// A gateway signals for a SIP trunk of any carrier.
  case sip
}

/// What an inbound call to a number without an agent gets.
package enum UnassignedPolicy: String, Sendable, Hashable, Codable {
  /// The call is rejected, unbilled.
  case reject
  /// The call goes where it went before the import; it is rejected when there was no such URL.
  case formerURL
}

/// A number's life: `provisioning → active ⇄ degraded`, `deleting → (gone | corrupted)`.
///
/// An import that can't be undone ends in `corrupted` too. Deleting a corrupted number tries again
/// to undo what is left.
package enum PhoneNumberState: String, Sendable, Hashable, Codable, CaseIterable {
  /// The carrier's settings are being written. Calls that already come are answered.
  case provisioning
  case active
  case degraded
  case deleting
  case corrupted
}

/// Something that we wrote at the carrier and could not put back.
package struct Leftover: Sendable, Hashable, Codable {
  /// What putting it back needs, where the number itself no longer tells.
  package struct Remedy: Sendable, Hashable, Codable {
    package var providerID: ProviderID
    /// What we wrote.
    package var ours: CarrierSetting
    /// What stood there before.
    package var former: CarrierSetting

    package init(providerID: ProviderID, ours: CarrierSetting, former: CarrierSetting) {
      self.providerID = providerID
      self.ours = ours
      self.former = former
    }
  }

  /// The place where it is.
  package var kind: StepKind
  package var region: Region
  /// The carrier's code of the failure that left it, when it gave one.
  package var carrierCode: Int?
  /// nil: as the number's own provider, `configured` and `former` tell.
  package var remedy: Remedy?
  /// What was made there and is not taken away; nil where something was only written.
  package var resource: ExternalResource?

  package init(
    kind: StepKind, region: Region, carrierCode: Int?, remedy: Remedy? = nil,
    resource: ExternalResource? = nil
  ) {
    self.resource = resource
    self.kind = kind
    self.region = region
    self.carrierCode = carrierCode
    self.remedy = remedy
  }
}

/// What stood at the carrier before our first write.
package struct FormerSettings: Sendable, Hashable, Codable {
  /// The number's record in the provider's region.
  package var voice: VoiceSettings
  /// The inbound processing region; nil when unset, which means us1.
  package var processingRegion: Region?
  package var recordedTime: Timestamp
  /// The record of the region where the number was imported, once it was moved from there: where
  /// calls went before us. nil: `voice` is that.
  package var firstVoice: VoiceSettings?

  /// Where calls went before the import.
  package var callsWent: VoiceSettings { firstVoice ?? voice }

  package init(
    voice: VoiceSettings, processingRegion: Region?, recordedTime: Timestamp,
    firstVoice: VoiceSettings? = nil
  ) {
    self.firstVoice = firstVoice
    self.voice = voice
    self.processingRegion = processingRegion
    self.recordedTime = recordedTime
  }
}

/// How the carrier treats an inbound voice call to a number, in one region.
///
/// At Twilio `applicationSID` and `trunkSID` override the URLs, so that writing a webhook clears
/// them.
package struct VoiceSettings: Sendable, Hashable, Codable {
  package enum Method: String, Sendable, Hashable, Codable {
    case get = "GET"
    case post = "POST"
  }

  /// Empty when unset, as are the other URLs and SIDs.
  package var voiceURL: String
  package var voiceMethod: Method
  package var fallbackURL: String
  package var fallbackMethod: Method
  package var statusCallbackURL: String
  package var statusCallbackMethod: Method
  package var applicationSID: String
  package var trunkSID: String

  package init(
    voiceURL: String = "", voiceMethod: Method = .post, fallbackURL: String = "",
    fallbackMethod: Method = .post, statusCallbackURL: String = "",
    statusCallbackMethod: Method = .post, applicationSID: String = "", trunkSID: String = ""
  ) {
    self.voiceURL = voiceURL
    self.voiceMethod = voiceMethod
    self.fallbackURL = fallbackURL
    self.fallbackMethod = fallbackMethod
    self.statusCallbackURL = statusCallbackURL
    self.statusCallbackMethod = statusCallbackMethod
    self.applicationSID = applicationSID
    self.trunkSID = trunkSID
  }

  /// A call to the number asks `voiceURL`: nothing overrides it.
  package var asksWebhook: Bool { applicationSID.isEmpty && trunkSID.isEmpty }
}
