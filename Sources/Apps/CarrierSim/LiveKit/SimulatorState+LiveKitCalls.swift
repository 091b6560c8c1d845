internal import LiveKitAPI
internal import Telephony

/// `livekit.SIP`: calls that are placed and transferred. Far ends are those of Twilio's calls.
extension SimulatorState {
  /// Nil: the answer comes when the called answered, or did not.
  mutating func createSIPParticipant(_ call: TwirpCall) throws(TwirpError) -> SimulatorAnswer? {
    let request: Livekit.CreateSIPParticipantRequest = try call.read()
    let (number, host) = try trunk(of: request)
    guard !request.sipCallTo.isEmpty else { throw .invalid("missing sip callee number") }
    guard !request.sipCallTo.contains("@") else {
      throw .invalid("SipCallTo should be a phone number or SIP user, not a full SIP URI")
    }
    guard !request.roomName.isEmpty else { throw .invalid("missing room name") }
    try checkRoom(livekit.calls.count, "calls")
    let identity =
      request.participantIdentity.isEmpty
      ? "sip_\(request.sipCallTo)" : request.participantIdentity
    guard livekit.rooms[request.roomName]?.participants[identity] == nil else {
      throw TwirpError(.alreadyExists, "participant \(identity) is in the room")
    }
    let farEnd = farEnd(of: Self.normalized(request.sipCallTo))
    if farEnd.outcome == .refuse, let status = farEnd.sipStatus {
      throw SIPStatus.error(status, "INVITE failed")
    }
    try makeRoom(request.roomName)
    var attributes = request.participantAttributes
    let id = livekitID("SCL_")
    attributes["sip.callID"] = id
    attributes["sip.callStatus"] = "dialing"
    attributes["sip.trunkID"] = request.sipTrunkID
    attributes["sip.hostname"] = host
    if !request.hidePhoneNumber {
      attributes["sip.phoneNumber"] = request.sipCallTo
      attributes["sip.trunkPhoneNumber"] = number
    }
    let participant = Livekit.ParticipantInfo(
      sid: livekitID("PA_"), identity: identity, state: .active,
      tracks: [.init(sid: livekitID("TR_"), name: "")], metadata: request.participantMetadata,
      joinedAt: now.milliseconds / 1000, joinedAtMs: now.milliseconds,
      name: request.participantName, kind: .sip, attributes: attributes)
    livekit.rooms[request.roomName]?.participants[identity] = participant
    let answer = Livekit.SIPParticipantInfo(
      participantID: participant.sid, participantIdentity: identity,
      roomName: request.roomName, sipCallID: id)
    var made = LiveKitCall(
      id: id, trunk: request.sipTrunkID, to: request.sipCallTo, room: request.roomName,
      identity: identity, farEnd: farEnd)
    if request.waitUntilAnswered {
      made.waiting = .init(request: call.id, encoding: call.encoding, answer: answer)
    }
    livekit.calls[id] = made
    schedule(.sipCallRings(id), after: farEnd.ringAfter ?? settings.ringAfter)
    return request.waitUntilAnswered ? nil : try call.encoding.write(answer)
  }

  /// The number that is shown, and the host that is called.
  private mutating func trunk(
    of request: Livekit.CreateSIPParticipantRequest
  ) throws(TwirpError) -> (number: String, host: String) {
    if let inline = request.trunk {
      guard request.sipTrunkID.isEmpty else {
        throw .invalid("sip_trunk_id and trunk can't be set both")
      }
      try Self.checkAddress(inline.hostname)
      guard !request.sipNumber.isEmpty else {
        throw .invalid("sip_number is needed without a trunk of its own")
      }
      return (request.sipNumber, inline.hostname)
    }
    guard !request.sipTrunkID.isEmpty else { throw .invalid("missing sip trunk id") }
    guard let trunk = livekit.outboundTrunks[request.sipTrunkID] else {
      throw .missing("sip trunk")
    }
    let drawn = trunk.numbers.randomElement(using: &random) ?? ""
    return (request.sipNumber.isEmpty ? drawn : request.sipNumber, trunk.address)
  }

  // MARK: What becomes of a call

  mutating func sipCallRings(_ id: String) {
    guard let call = livekit.calls[id] else { return }
    setStatus(call, "ringing")
    schedule(.sipFarEndActs(id), after: call.farEnd.answerAfter ?? settings.answerAfter)
  }

  mutating func sipFarEndActs(_ id: String) {
    guard let call = livekit.calls[id] else { return }
    if let status = call.farEnd.sipStatus {
      tell(call, SIPStatus.error(status, "INVITE failed").answer)
      return endSIPCall(id)
    }
    setStatus(call, "active")
    if let waiting = call.waiting {
      tell(call, (try? waiting.encoding.write(waiting.answer)) ?? SimulatorAnswer(500))
    }
    if let after = call.farEnd.hangUpAfter { schedule(.sipFarEndHangsUp(id), after: after) }
  }

  /// Takes the participant away too. Whoever still waits for the answer learns that there is none.
  mutating func endSIPCall(_ id: String) {
    guard let call = livekit.calls[id] else { return }
    tell(call, SIPStatus.error(487, "INVITE failed").answer)
    livekit.calls[id] = nil
    livekit.rooms[call.room]?.participants[call.identity] = nil
    if let carrierCall = call.carrierCall { endConnection(carrierCall) }
  }

  /// Answers who waits, once.
  private mutating func tell(_ call: LiveKitCall, _ answer: SimulatorAnswer) {
    guard let waiting = livekit.calls[call.id]?.waiting else { return }
    livekit.calls[call.id]?.waiting = nil
    actions.append(.answer(waiting.request, answer))
  }

  private mutating func setStatus(_ call: LiveKitCall, _ status: String) {
    guard var found = livekit.rooms[call.room]?.participants[call.identity] else { return }
    found.attributes["sip.callStatus"] = status
    livekit.rooms[call.room]?.participants[call.identity] = found
  }

  // MARK: Transfers

  /// The effect is at once, the answer when the other side has taken the call or has not.
  mutating func transferSIPParticipant(
    _ call: TwirpCall
  ) throws(TwirpError) -> SimulatorAnswer? {
    let request: Livekit.TransferSIPParticipantRequest = try call.read()
    try call.grants.requireAdmin(of: request.roomName)
    guard let scheme = ["tel:", "sip:", "sips:"].first(where: request.transferTo.hasPrefix) else {
      throw .invalid("transfer_to must be a tel:, sip: or sips: URI: \(request.transferTo)")
    }
    _ = try participant(request.roomName, request.participantIdentity)
    let found = livekit.calls.all.first {
      $0.room == request.roomName && $0.identity == request.participantIdentity
    }
    guard let found else { throw .missing("sip call") }
    let user = request.transferTo.dropFirst(scheme.count).prefix { $0 != "@" && $0 != ";" }
    let farEnd = farEnd(of: Self.normalized(String(user)))
    let id = livekitID("STR_")
    let answer: SimulatorAnswer
    if let status = farEnd.sipStatus {
      var error = SIPStatus.error(status, "transfer failed")
      let reason = farEnd.outcome == .noAnswer ? "STR_RINGING_TIMEOUT" : "STR_REJECTED"
      error.meta += [("sip_transfer_reason", reason), ("sip_transfer_id", id)]
      answer = error.answer
    } else {
      answer = try call.encoding.write(
        Livekit.TransferSIPParticipantResponse(
          transferID: id, status: .stsTransferSuccessful, reason: .strCompleted))
      endSIPCall(found.id)
    }
    let rings = farEnd.ringAfter ?? settings.ringAfter
    schedule(
      .answerDue(call.id, answer), after: rings + (farEnd.answerAfter ?? settings.answerAfter))
    return nil
  }
}
