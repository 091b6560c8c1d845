package import Telephony

/// What an inbound call gets, and why.
package struct InboundDecision: Sendable, Hashable {
  package enum Reason: String, Sendable, Hashable, CaseIterable {
    case assigned
    /// The number takes no inbound calls.
    case inboundOff = "inbound_off"
    /// Nobody is assigned, and the number's policy rejects.
    case unassignedRejected = "unassigned_rejected"
    /// Nobody is assigned, and the former URL answers.
    case unassignedRedirected = "unassigned_redirected"
    /// The assigned agent is not known here.
    case agentMissing = "agent_missing"
    /// The agent has no connection for this region.
    case connectionMissing = "connection_missing"
  }

  package let answer: CallAnswer
  package let agent: AgentID?
  package let reason: Reason
}

/// What an agent is told about the call that it gets.
package struct CallFacts: Sendable, Hashable {
  package var id: CallID
  package var direction: CallDirection
  package var number: PhoneNumberID
  package var from: CallParty
  package var to: CallParty
  package var metadata: [String: String]

  package init(
    id: CallID, direction: CallDirection, number: PhoneNumberID, from: CallParty, to: CallParty,
    metadata: [String: String]
  ) {
    self.id = id
    self.direction = direction
    self.number = number
    self.from = from
    self.to = to
    self.metadata = metadata
  }
}

/// Choosing what answers: plain functions over values, for live calls and for questions alike.
package enum Routing {
  /// What answers a call to this number. Asks nobody.
  package static func inbound(
    to number: ResolvedNumber, in region: Region, facts: CallFacts
  ) -> InboundDecision {
    guard number.route.takesInbound else {
      return InboundDecision(answer: .reject(.rejected), agent: nil, reason: .inboundOff)
    }
    guard let agent = number.route.agent else {
      guard let url = number.route.unassignedURL else {
        return InboundDecision(answer: .reject(.rejected), agent: nil, reason: .unassignedRejected)
      }
      return InboundDecision(
        answer: .redirect(url: url, method: number.route.unassignedMethod), agent: nil,
        reason: .unassignedRedirected)
    }
    guard let route = number.agent else {
      return InboundDecision(answer: .reject(.busy), agent: agent, reason: .agentMissing)
    }
    guard let plan = connection(to: route, in: region, facts: facts) else {
      return InboundDecision(answer: .reject(.busy), agent: agent, reason: .connectionMissing)
    }
    return InboundDecision(answer: .connect(plan), agent: agent, reason: .assigned)
  }

  /// How a call in this region reaches the agent: the first connection of the region itself, else
  /// the first of any region; nil when there is none.
  package static func connection(
    to agent: AgentRoute, in region: Region, facts: CallFacts
  ) -> ConnectionPlan? {
    let connection =
      agent.connections.first { $0.region == region }
      ?? agent.connections.first { $0.region == nil }
    switch connection?.target {
    case nil: return nil
    case .sip(let uri, let login): return .sip(uri: uri, login: login)
    case .mediaStream(let url, let parameters):
      return .mediaStream(url: url, parameters: parameters + own(facts, agent: agent.id))
    }
  }

  /// Beside the agent's own parameters.
  private static func own(_ facts: CallFacts, agent: AgentID) -> [StreamParameter] {
    let fixed = [
      StreamParameter(name: "call_id", value: facts.id.description),
      StreamParameter(name: "direction", value: facts.direction.rawValue),
      StreamParameter(name: "phone_number_id", value: facts.number.description),
      StreamParameter(name: "agent_id", value: agent.description),
      StreamParameter(name: "from", value: facts.from.text),
      StreamParameter(name: "to", value: facts.to.text),
    ]
    return fixed
      + facts.metadata.sorted { $0.key < $1.key }.map {
        StreamParameter(name: "metadata.\($0.key)", value: $0.value)
      }
  }
}
