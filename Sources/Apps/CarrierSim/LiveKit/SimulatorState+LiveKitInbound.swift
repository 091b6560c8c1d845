internal import LiveKitAPI
internal import Telephony

/// Calls that come in at LiveKit's SIP service: which trunk takes one, and which rule says where it
/// goes.
///
/// Source: livekit/protocol, `sip/sip.go`.
extension SimulatorState {
  /// `carrierCall` is Twilio's, which ends with this one.
  mutating func sipCallComes(
    _ caller: SIPCaller, carrierCall: String? = nil
  ) throws(TwirpError) -> SIPArrival {
    guard let trunk = inboundTrunk(for: caller) else {
      return .refused(status: 404, reason: "Does not match any SIP Trunks")
    }
    if !trunk.authUsername.isEmpty,
      trunk.authUsername != caller.username || trunk.authPassword != caller.password
    {
      return .refused(status: 407, reason: "Proxy Authentication Required")
    }
    guard let rule = rule(for: caller, over: trunk.sipTrunkID) else {
      return .refused(status: 404, reason: "Does not match any SIP Dispatch Rules")
    }
    if !Self.pin(rule).isEmpty, caller.pin.isEmpty {
      return .asksPIN(trunk: trunk.sipTrunkID, rule: rule.sipDispatchRuleID)
    }
    return try join(caller, trunk, rule, carrierCall)
  }

  /// One for the called number stands before one for all.
  private func inboundTrunk(for caller: SIPCaller) -> Livekit.SIPInboundTrunkInfo? {
    let fitting = livekit.inboundTrunks.all.filter { trunk in
      Self.holds(trunk.allowedNumbers, caller.from) && Self.holds(trunk.numbers, caller.to)
        && caller.comes(from: trunk.allowedAddresses)
    }
    return fitting.first { !$0.numbers.isEmpty } ?? fitting.first
  }

  /// A rule for the trunk stands before one for all; of those the best by ``rank(_:)``. With a PIN
  /// only rules that ask for that one count.
  private func rule(for caller: SIPCaller, over trunk: String) -> Livekit.SIPDispatchRuleInfo? {
    let fitting = livekit.rules.all.filter { rule in
      Self.holds(rule.inboundNumbers, caller.from) && Self.holds(rule.numbers, caller.to)
        && (caller.pin.isEmpty || Self.pin(rule) == caller.pin)
    }
    func best(_ rules: [Livekit.SIPDispatchRuleInfo]) -> Livekit.SIPDispatchRuleInfo? {
      rules.min { (Self.rank($0), Self.room($0)) < (Self.rank($1), Self.room($1)) }
    }
    return best(fitting.filter { $0.trunkIDs.contains(trunk) })
      ?? best(fitting.filter(\.trunkIDs.isEmpty))
  }

  /// The smaller the earlier: PINs first, then direct, individual, callee; a rule without callers
  /// and one without called numbers each fall behind.
  private static func rank(_ rule: Livekit.SIPDispatchRuleInfo) -> Int {
    let kind =
      switch rule.rule?.rule {
      case .dispatchRuleDirect: 0
      case .dispatchRuleIndividual: 1
      case .dispatchRuleCallee, nil: 2
      }
    return kind + (pin(rule).isEmpty ? 100 : 0) + (rule.inboundNumbers.isEmpty ? 1000 : 0)
      + (rule.numbers.isEmpty ? 1000 : 0)
  }

  static func pin(_ rule: Livekit.SIPDispatchRuleInfo) -> String {
    switch rule.rule?.rule {
    case .dispatchRuleDirect(let rule): rule.pin
    case .dispatchRuleIndividual(let rule): rule.pin
    case .dispatchRuleCallee(let rule): rule.pin
    case nil: ""
    }
  }

  private static func room(_ rule: Livekit.SIPDispatchRuleInfo) -> String {
    switch rule.rule?.rule {
    case .dispatchRuleDirect(let rule): rule.roomName
    case .dispatchRuleIndividual(let rule): rule.roomPrefix
    case .dispatchRuleCallee(let rule): rule.roomPrefix
    case nil: ""
    }
  }

  /// An empty list holds everybody.
  private static func holds(_ numbers: [String], _ number: String) -> Bool {
    numbers.isEmpty || numbers.contains { normalized($0) == normalized(number) }
  }

  private mutating func join(
    _ caller: SIPCaller, _ trunk: Livekit.SIPInboundTrunkInfo,
    _ rule: Livekit.SIPDispatchRuleInfo, _ carrierCall: String?
  ) throws(TwirpError) -> SIPArrival {
    try checkRoom(livekit.calls.count, "calls")
    var room = Self.room(rule)
    switch rule.rule?.rule {
    case .dispatchRuleIndividual(let individual):
      room += "_\(caller.from)" + (individual.noRandomness ? "" : livekitID("_"))
    case .dispatchRuleCallee(let callee):
      room = (room.isEmpty ? "" : room + "_") + caller.to
      if callee.randomize { room += livekitID("_") }
    case .dispatchRuleDirect, nil: break
    }
    let isNew = livekit.rooms[room] == nil
    try makeRoom(room) { $0.metadata = rule.roomConfig?.metadata ?? "" }
    if isNew {
      for agent in rule.roomConfig?.agents ?? [] { try dispatch(agent, to: room) }
    }
    let id = livekitID("SCL_")
    var attributes = rule.attributes.merging(caller.attributes) { $1 }
    attributes["sip.callID"] = id
    attributes["sip.callStatus"] = "active"
    attributes["sip.trunkID"] = trunk.sipTrunkID
    attributes["sip.ruleID"] = rule.sipDispatchRuleID
    if !rule.hidePhoneNumber {
      attributes["sip.phoneNumber"] = caller.from
      attributes["sip.trunkPhoneNumber"] = caller.to
    }
    let identity = rule.hidePhoneNumber ? livekitID("sip_") : "sip_\(caller.from)"
    let participant = Livekit.ParticipantInfo(
      sid: livekitID("PA_"), identity: identity, state: .active,
      tracks: [.init(sid: livekitID("TR_"))], metadata: rule.metadata,
      joinedAt: now.milliseconds / 1000, joinedAtMs: now.milliseconds,
      name: rule.hidePhoneNumber ? "Phone" : "Phone \(caller.from)", kind: .sip,
      attributes: attributes)
    livekit.rooms[room]?.participants[identity] = participant
    livekit.calls[id] = LiveKitCall(
      id: id, trunk: trunk.sipTrunkID, to: caller.to, room: room, identity: identity,
      farEnd: FarEnd(), carrierCall: carrierCall)
    return .joined(
      trunk: trunk.sipTrunkID, rule: rule.sipDispatchRuleID, room: room, call: id)
  }

  // MARK: Over a trunk of Twilio's

  /// Where calls of each region come from: twilio.com/docs/sip-trunking/ip-addresses.
  private static func address(of region: Region) -> String {
    switch region {
    case .us1: "54.172.60.0"
    case .ie1: "54.171.127.192"
    case .au1: "54.252.254.64"
    }
  }

  /// Tries the trunk's origination URLs that are on, by priority and weight, each at LiveKit, until
  /// one takes the call. Without one the call rests at the trunk.
  mutating func originate(_ sid: String, over trunkSID: String, pin: String) {
    let place: [JSON.Member] = [
      .init(name: "kind", value: "trunk"), .init(name: "trunk_sid", value: .string(trunkSID)),
    ]
    let urls = (trunks[trunkSID]?.originationURLs.all ?? []).filter(\.isEnabled)
      .sorted { ($0.priority, -$0.weight) < ($1.priority, -$1.weight) }
    guard let call = calls[sid], !urls.isEmpty else {
      answerCall(sid)
      return rest(sid, at: .object(place))
    }
    let caller = SIPCaller(
      from: call.from, to: call.to, address: Self.address(of: call.region), pin: pin,
      attributes: ["sip.twilio.callSid": sid, "sip.twilio.accountSid": call.account])
    var shown = place
    for url in urls {
      let arrival: SIPArrival
      do throws(TwirpError) {
        arrival = try sipCallComes(caller, carrierCall: sid)
      } catch {
        arrival = .refused(status: 503, reason: error.message)
      }
      shown =
        place + [
          .init(name: "sip_url", value: .string(url.sipURL)),
          .init(name: "livekit", value: arrival.json),
        ]
      if case .refused = arrival { continue }
      answerCall(sid)
      return rest(sid, at: .object(shown))
    }
    calls[sid]?.disposition = .object(shown)
    endCall(sid, .failed)
  }
}
