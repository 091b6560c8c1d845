package import Telephony

/// An agent as a request has it.
package struct AgentInput: Sendable {
  /// Empty in a creation: one is made.
  package var id: String
  package var displayName: String
  package var connections: [AgentConnectionInput]
  package var labels: [String: String]
  package var etag: String

  package init(
    id: String = "", displayName: String = "", connections: [AgentConnectionInput] = [],
    labels: [String: String] = [:], etag: String = ""
  ) {
    self.id = id
    self.displayName = displayName
    self.connections = connections
    self.labels = labels
    self.etag = etag
  }
}

/// A connection as a request has it.
package struct AgentConnectionInput: Sendable {
  package enum Target: Sendable {
    case unset
    case mediaStream(url: String, parameters: [String: String])
    /// The password is nil when unset; empty to remove it in an update.
    case sip(uri: String, username: String, password: Secret?)
  }

  /// Unset: any region.
  package var region: Choice<Region>
  package var target: Target

  package init(region: Choice<Region> = .unset, target: Target) {
    self.region = region
    self.target = target
  }
}

package struct CreateAgent: Sendable {
  package var agent: AgentInput?
  package var requestID: String
  /// Numbers that it is to answer.
  package var linkedIDs: [String]

  package init(agent: AgentInput?, requestID: String = "", linkedIDs: [String] = []) {
    self.agent = agent
    self.requestID = requestID
    self.linkedIDs = linkedIDs
  }
}

package struct UpdateAgent: Sendable {
  package var agent: AgentInput?
  /// nil when the request has none.
  package var mask: [String]?
  /// Numbers that it is to answer, too.
  package var linkedIDs: [String]
  /// Numbers that it is to answer no more.
  package var unlinkedIDs: [String]

  package init(
    agent: AgentInput?, mask: [String]? = nil, linkedIDs: [String] = [],
    unlinkedIDs: [String] = []
  ) {
    self.agent = agent
    self.mask = mask
    self.linkedIDs = linkedIDs
    self.unlinkedIDs = unlinkedIDs
  }
}

/// What an update of an agent can change, by its path.
enum AgentField: String, CaseIterable {
  case displayName = "display_name"
  case connections
  case labels
}

/// What an update of a softphone can change, by its path.
enum SoftphoneField: String, CaseIterable {
  case displayName = "display_name"
  case sip
  case labels

  init(_ field: AgentField) {
    switch field {
    case .displayName: self = .displayName
    case .connections: self = .sip
    case .labels: self = .labels
    }
  }

  /// What it is of the agent that the softphone is kept as.
  var stored: AgentField {
    switch self {
    case .displayName: .displayName
    case .sip: .connections
    case .labels: .labels
    }
  }
}
