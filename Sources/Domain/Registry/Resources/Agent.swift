package import Telephony

/// What answers calls: an agent, or a softphone, as its id says. A softphone has one connection, by
/// SIP and for any region.
package struct Agent: Sendable, Hashable, Codable {
  package let id: AgentID
  package let tenant: TenantID
  package var displayName: String
  /// At least one. A call takes the first of its own region, else the first of any.
  package var connections: [AgentConnection]
  /// What its passwords are sealed under; nil when it has none, or an earlier version sealed them.
  package var dataKey: SealedDataKey?
  package var labels: [String: String]
  package var revision: Revision

  package init(
    id: AgentID, tenant: TenantID, displayName: String, connections: [AgentConnection],
    dataKey: SealedDataKey? = nil, labels: [String: String] = [:], revision: Revision
  ) {
    self.id = id
    self.tenant = tenant
    self.displayName = displayName
    self.connections = connections
    self.dataKey = dataKey
    self.labels = labels
    self.revision = revision
  }

  package var etag: String { revision.etag }

  /// Whose passwords its data key seals.
  package var secretOwner: SecretOwner { .agent(id, tenant) }
}

/// Where an agent is reached by calls of one region, or of all that have no connection of their
/// own.
package struct AgentConnection: Sendable, Hashable, Codable {
  /// Where the carrier connects the call's audio.
  package enum Target: Sendable, Hashable, Codable {
    /// A WebSocket that takes the carrier's media stream: `wss://`, without query or fragment
    /// (Twilio's `<Stream>` allows none).
    /// The parameters are given to the agent when the stream starts.
    case mediaStream(url: String, parameters: [String: String])
    /// A SIP address, `sip:` or `sips:`, and how to authenticate there.
    case sip(uri: String, login: SIPLogin?)
  }

  /// nil: any region.
  package var region: Region?
  package var target: Target

  package init(region: Region?, target: Target) {
    self.region = region
    self.target = target
  }
}

/// Who we are at an agent's SIP address.
package struct SIPLogin: Sendable, Hashable, Codable {
  package var username: String
  /// Sealed as `CredentialField.sipPassword` of the agent; nil when there is none.
  package var password: SealedSecret?

  package init(username: String, password: SealedSecret?) {
    self.username = username
    self.password = password
  }
}

/// An agent with the numbers that it answers.
package struct AgentView: Sendable, Hashable {
  package var agent: Agent
  package var numbers: AgentNumbers

  package init(agent: Agent, numbers: AgentNumbers) {
    self.agent = agent
    self.numbers = numbers
  }
}
