internal import GRPC
internal import Registry
internal import Telephony

/// Reads the fields of a request that have a form of their own, and gathers what is wrong with
/// them, so that the caller learns of every bad field at once.
struct RequestReader {
  private var violations: [(field: String, reason: String, description: String)] = []

  /// A resource's id, as `prv_…`; `form` says what one looks like. nil when it is refused.
  mutating func id<Kind>(
    _ field: String, _ text: String, form: String
  ) -> HexIdentifier<Kind>? {
    guard !text.isEmpty else {
      refuse(field, "REQUIRED", "It is required: \(form) and 32 hex digits.")
      return nil
    }
    guard let id = try? HexIdentifier<Kind>(text) else {
      refuse(field, "MALFORMED", "It must be \(form) and 32 hex digits.")
      return nil
    }
    return id
  }

  /// An id that may be left out.
  mutating func optionalID<Kind>(
    _ field: String, _ text: String, form: String
  ) -> HexIdentifier<Kind>? {
    text.isEmpty ? nil : id(field, text, form: form)
  }

  /// A call's id. nil when it is refused.
  mutating func callID(_ field: String, _ text: String) -> CallID? {
    if let id = try? CallID(text) { return id }
    let form = "as call_us1_ and 32 hex digits"
    refuse(
      field, text.isEmpty ? "REQUIRED" : "MALFORMED",
      text.isEmpty ? "It is required, \(form)." : "It must be a call's id, \(form).")
    return nil
  }

  /// The id of an agent or a softphone that may be left out.
  mutating func optionalAgentID(
    _ field: String, _ text: String, _ kind: AssigneeKind = .agent
  ) -> AgentID? {
    guard !text.isEmpty else { return nil }
    if let id = AgentID(text, kind) { return id }
    refuse(field, "MALFORMED", AgentID.form(of: kind))
    return nil
  }

  /// A filter by who answers or speaks.
  mutating func assignee(agent: String, softphone: String) -> AgentID? {
    if !agent.isEmpty, !softphone.isEmpty {
      refuse("softphone_id", "CONFLICTING", "A call has one of both: give no agent_id beside it.")
    }
    let agentID = optionalAgentID("agent_id", agent)
    return optionalAgentID("softphone_id", softphone, .softphone) ?? agentID
  }

  /// What a filter by an enum means; nil takes all.
  mutating func filter<Value>(_ field: String, _ choice: Choice<Value>) -> Value? {
    switch choice {
    case .unset: return nil
    case .value(let value): return value
    case .unknown:
      refuse(field, "UNKNOWN", "This server does not know the value.")
      return nil
    }
  }

  /// Refuses a field.
  mutating func refuse(_ field: String, _ reason: String, _ description: String) {
    violations.append((field, reason, description))
  }

  /// Throws INVALID_ARGUMENT when anything was refused.
  func finish() throws(RPCError) {
    if !violations.isEmpty { throw ErrorDetails.invalid(violations).error }
  }
}
