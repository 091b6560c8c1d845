internal import LiveKitAPI

/// `livekit.SIP`: dispatch rules.
extension SimulatorState {
  mutating func createRule(
    _ request: Livekit.CreateSIPDispatchRuleRequest
  ) throws(TwirpError) -> Livekit.SIPDispatchRuleInfo {
    var rule =
      request.dispatchRule
      ?? Livekit.SIPDispatchRuleInfo(
        rule: request.rule, trunkIDs: request.trunkIDs,
        hidePhoneNumber: request.hidePhoneNumber, inboundNumbers: request.inboundNumbers,
        name: request.name, metadata: request.metadata, attributes: request.attributes,
        roomPreset: request.roomPreset, roomConfig: request.roomConfig)
    guard rule.sipDispatchRuleID.isEmpty else { throw .invalid("rule ID must be empty") }
    try check(rule)
    try checkRoom(livekit.rules.count, "dispatch rules")
    rule.sipDispatchRuleID = livekitID("SDR_")
    (rule.createdAt, rule.updatedAt) = (livekitTime, livekitTime)
    livekit.rules[rule.sipDispatchRuleID] = rule
    return rule
  }

  mutating func updateRule(
    _ request: Livekit.UpdateSIPDispatchRuleRequest
  ) throws(TwirpError) -> Livekit.SIPDispatchRuleInfo {
    guard let former = livekit.rules[request.sipDispatchRuleID] else {
      throw .missing("sip dispatch rule")
    }
    var rule = former
    switch request.action {
    case .replace(let new):
      guard [former.sipDispatchRuleID, ""].contains(new.sipDispatchRuleID) else {
        throw .invalid("rule ID must be empty or match")
      }
      rule = new
    case .update(let update): try apply(update, to: &rule)
    case nil: throw .invalid("missing or unsupported action")
    }
    rule.sipDispatchRuleID = former.sipDispatchRuleID
    (rule.createdAt, rule.updatedAt) = (former.createdAt, livekitTime)
    try check(rule)
    livekit.rules[rule.sipDispatchRuleID] = rule
    return rule
  }

  private func apply(
    _ update: Livekit.SIPDispatchRuleUpdate, to rule: inout Livekit.SIPDispatchRuleInfo
  ) throws(TwirpError) {
    rule.trunkIDs = try changed(rule.trunkIDs, update.trunkIDs)
    rule.rule = update.rule ?? rule.rule
    rule.name = update.name ?? rule.name
    rule.metadata = update.metadata ?? rule.metadata
    for (name, value) in update.attributes {
      rule.attributes[name] = value.isEmpty ? nil : value
    }
    rule.mediaEncryption = update.mediaEncryption ?? rule.mediaEncryption
    rule.media = update.media ?? rule.media
  }

  private struct RuleKey: Hashable {
    let pin: String
    let trunk: String
    let caller: String
    let called: String
  }

  private func check(_ rule: Livekit.SIPDispatchRuleInfo) throws(TwirpError) {
    guard let kind = rule.rule?.rule else { throw .invalid("missing rule") }
    if case .dispatchRuleDirect(let direct) = kind, direct.roomName.isEmpty {
      throw .invalid("missing room_name")
    }
    let keys = ruleKeys(rule)
    for other in livekit.rules.all where other.sipDispatchRuleID != rule.sipDispatchRuleID {
      guard keys.isDisjoint(with: ruleKeys(other)) else {
        throw .invalid(
          "Conflicting SIP Dispatch Rules: same Trunk+Number+PIN combination for "
            + "\(Self.shown(rule.sipDispatchRuleID)) and \(other.sipDispatchRuleID)")
      }
    }
  }

  private func ruleKeys(_ rule: Livekit.SIPDispatchRuleInfo) -> Set<RuleKey> {
    let pin = Self.pin(rule)
    var keys: Set<RuleKey> = []
    for trunk in rule.trunkIDs.isEmpty ? [""] : rule.trunkIDs {
      for caller in Self.keys(rule.inboundNumbers) {
        for called in Self.keys(rule.numbers) {
          keys.insert(RuleKey(pin: pin, trunk: trunk, caller: caller, called: called))
        }
      }
    }
    return keys
  }

  func listRules(
    _ request: Livekit.ListSIPDispatchRuleRequest
  ) throws(TwirpError) -> Livekit.ListSIPDispatchRuleResponse {
    let wanted = Set(request.trunkIDs)
    func isWanted(_ rule: Livekit.SIPDispatchRuleInfo) -> Bool {
      wanted.isEmpty || rule.trunkIDs.isEmpty || !wanted.isDisjoint(with: rule.trunkIDs)
    }
    if !request.dispatchRuleIDs.isEmpty {
      let items = request.dispatchRuleIDs.map { livekit.rules[$0] ?? .init() }
      return .init(items: items.filter(isWanted))
    }
    let chosen = livekit.rules.all.filter(isWanted)
    return .init(items: try livekitPage(chosen, request.page) { $0.sipDispatchRuleID })
  }

  mutating func deleteRule(
    _ request: Livekit.DeleteSIPDispatchRuleRequest
  ) throws(TwirpError) -> Livekit.SIPDispatchRuleInfo {
    guard let rule = livekit.rules[request.sipDispatchRuleID] else {
      throw .missing("sip dispatch rule")
    }
    livekit.rules[request.sipDispatchRuleID] = nil
    return rule
  }
}
