package import Telephony

extension AssigneeKind {
  /// In texts, and as the contract's field.
  package var noun: String {
    switch self {
    case .agent: "agent"
    case .softphone: "softphone"
    }
  }

  /// What a request calls its id.
  package var idField: String { "\(noun)_id" }

  /// In the names of errors, as in `AGENT_NOT_FOUND`.
  package var reasonPrefix: String {
    switch self {
    case .agent: "AGENT"
    case .softphone: "SOFTPHONE"
    }
  }
}

extension AgentID {
  /// An id of this kind; nil for any other text.
  package init?(_ text: String, _ kind: AssigneeKind) {
    guard let id = try? AgentID(text), id.kind == kind,
      text.utf8.count > (kind == .softphone ? Self.softphonePrefix.utf8.count : 0)
    else { return nil }
    self = id
  }

  /// What an id of this kind looks like.
  package static func form(of kind: AssigneeKind) -> String {
    switch kind {
    case .agent:
      "An agent's id is 1 to \(lengthMax) characters of a-z 0-9 - _, and does not begin with "
        + "\(softphonePrefix), as a softphone's does."
    case .softphone:
      "A softphone's id is \(softphonePrefix) and 1 to "
        + "\(lengthMax - softphonePrefix.utf8.count) characters of a-z 0-9 - _."
    }
  }
}

/// Who a request wants a number to be assigned to, as it names them.
package enum AssigneeChoice: Sendable, Hashable {
  case unset
  case agent(String)
  case softphone(String)
}

extension Validator {
  /// nil for one that is unset or refused; the field begins with `prefix`.
  mutating func optionalAssignee(_ choice: AssigneeChoice, _ prefix: String = "") -> AgentID? {
    switch choice {
    case .unset: nil
    case .agent(let id): agentID("\(prefix)agent_id", id, .agent)
    case .softphone(let id): agentID("\(prefix)softphone_id", id, .softphone)
    }
  }

  mutating func assignee(_ choice: AssigneeChoice) -> AgentID? {
    if case .unset = choice {
      refuse("assignee", .required, "Say who is to answer: give agent_id or softphone_id.")
    }
    return optionalAssignee(choice)
  }

  /// A filter by who answers; nil takes all.
  mutating func assigneeFilter(agent: String, softphone: String) -> AgentID? {
    if !agent.isEmpty, !softphone.isEmpty {
      refuse(
        "softphone_id", .conflicting,
        "A number has one assignee: give agent_id or softphone_id, not both.")
    }
    let agentID = optionalAgentID("agent_id", agent, .agent)
    return optionalAgentID("softphone_id", softphone, .softphone) ?? agentID
  }
}
