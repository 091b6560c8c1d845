package import Telephony

/// What answers calls.
package struct Agent: Sendable, Hashable, Codable {
  package let id: AgentID
  package let tenant: TenantID
  package var displayName: String
  /// At least one; at most one for each region and one for any.
  package var connections: [AgentConnection]
  package var labels: [String: String]
  package var revision: Revision

  package init(
    id: AgentID, tenant: TenantID, displayName: String, connections: [AgentConnection],
    labels: [String: String] = [:], revision: Revision
  ) {
    self.id = id
    self.tenant = tenant
    self.displayName = displayName
    self.connections = connections
    self.labels = labels
    self.revision = revision
  }

  package var etag: String { revision.etag }
}

/// Where an agent is reached by calls of one region, or of all that have no connection of their
/// own.
package struct AgentConnection: Sendable, Hashable, Codable {
  /// Where the carrier connects the call's audio.
  package enum Target: Sendable, Hashable, Codable {
    /// A WebSocket that takes the carrier's media stream: `wss://`, without query or fragment
    /// (Twilio's `<Stream>` allows none).
    case mediaStream(url: String)
    /// A SIP address: `sip:` or `sips:`.
    case sip(uri: String)
  }

  /// nil: any region.
  package var region: Region?
  package var target: Target

  package init(region: Region?, target: Target) {
    self.region = region
    self.target = target
  }
}

/// An agent with the numbers that it answers.
package struct AgentView: Sendable, Hashable {
  package var agent: Agent
  /// Newest first, at most `RegistryLimits.agentNumbersMax`.
  package var numberIDs: [PhoneNumberID]

  package init(agent: Agent, numberIDs: [PhoneNumberID]) {
    self.agent = agent
    self.numberIDs = numberIDs
  }
}
