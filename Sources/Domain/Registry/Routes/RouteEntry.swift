package import Telephony

/// All that a dispatch needs to treat calls of one number, joined from number, provider and agent.
package struct RouteEntry: Sendable, Hashable {
  package var tenant: TenantID
  package var numberID: PhoneNumberID
  package var e164: E164
  package var carrierSID: CarrierNumberSID
  package var providerID: ProviderID
  package var accountSID: AccountSID
  package var region: Region
  /// What answers; nil while the number is not assigned.
  package var agent: RouteAgent?
  package var supportsInbound: Bool
  package var supportsOutbound: Bool
  /// In `deleting` and `corrupted` calls that still come are answered, and none is dialled.
  package var state: PhoneNumberState
  package var unassignedPolicy: UnassignedPolicy
  /// The voice URL before the import, for `UnassignedPolicy.formerURL`; empty when there was none.
  package var formerVoiceURL: String
  package var formerVoiceMethod: VoiceSettings.Method
  /// The generation of the token that webhooks of the number must carry.
  package var webhookGeneration: UInt32
  /// The provider holds an Auth Token, so that a webhook must be signed.
  package var requiresSignature: Bool
  /// The provider's version: credentials leased under a smaller one are stale.
  package var providerVersion: Version

  /// Joins. `agent` is nil when the number is not assigned.
  package init(number: PhoneNumber, provider: Provider, agent: Agent?) {
    self.tenant = number.tenant
    self.numberID = number.id
    self.e164 = number.e164
    self.carrierSID = number.carrierSID
    self.providerID = number.providerID
    self.accountSID = number.accountSID
    self.region = number.region
    self.agent = agent.map { RouteAgent(id: $0.id, connections: $0.connections) }
    self.supportsInbound = number.supportsInbound
    self.supportsOutbound = number.supportsOutbound
    self.state = number.state
    self.unassignedPolicy = number.unassignedPolicy
    self.formerVoiceURL = number.former?.voice.voiceURL ?? ""
    self.formerVoiceMethod = number.former?.voice.voiceMethod ?? .post
    self.webhookGeneration = number.webhookGeneration
    switch provider.configuration {
    case .twilio(let twilio): self.requiresSignature = twilio.authToken != nil
    }
    self.providerVersion = provider.revision.version
  }
}

/// An agent as a route knows it.
package struct RouteAgent: Sendable, Hashable {
  package var id: AgentID
  package var connections: [AgentConnection]

  package init(id: AgentID, connections: [AgentConnection]) {
    self.id = id
    self.connections = connections
  }

  /// Where a call of `region` is connected: the region's own connection, else the one for any.
  package func connection(in region: Region) -> AgentConnection? {
    connections.first { $0.region == region } ?? connections.first { $0.region == nil }
  }
}

/// One step of the route feed.
package struct RouteChange: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// The number's route in its present form, new or not.
    case put(RouteEntry)
    /// The number is gone.
    case removed(PhoneNumberID)
  }

  /// Grows with each change, over all tenants and numbers; gaps mean nothing.
  package var sequence: UInt64
  package var kind: Kind

  package init(sequence: UInt64, kind: Kind) {
    self.sequence = sequence
    self.kind = kind
  }
}

/// A part of the route feed.
package struct RoutePage: Sendable, Hashable {
  /// By rising sequence.
  package var changes: [RouteChange]
  /// The last sequence that any route had when the page was read: the reader is level with the
  /// registry when it has this one.
  package var latest: UInt64
  /// Removals up to this sequence may have been forgotten: a reader that stands before it, but not
  /// at 0, drops what it has and reads from 0.
  package var prunedThrough: UInt64

  package init(changes: [RouteChange], latest: UInt64, prunedThrough: UInt64) {
    self.changes = changes
    self.latest = latest
    self.prunedThrough = prunedThrough
  }
}
