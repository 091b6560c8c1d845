internal import LiveKitAPI
internal import Protobuf
internal import Telephony

/// LiveKit at the control API: keys, and who joins a room by themselves.
extension SimulatorState {
  mutating func addLiveKitKey(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(request, ["key", "secret"])
    guard livekit.keys.count < SimulatorLimits.keyCountMax else {
      throw .full("keys", SimulatorLimits.keyCountMax)
    }
    let key = try body.text("key") ?? livekitID("API")
    guard livekit.keys[key] == nil else { throw ControlError(409, "\(key) exists already.") }
    let secret = try body.text("secret") ?? random.secret()
    livekit.keys[key] = secret
    return ["key": .string(key), "secret": .string(secret)]
  }

  /// A SIP call comes in from anywhere but Twilio.
  mutating func callLiveKit(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(
      request, ["from", "to", "address", "username", "password", "pin"])
    let caller = SIPCaller(
      from: try body.text(required: "from"), to: try body.text(required: "to"),
      address: try body.text("address"), username: try body.text("username") ?? "",
      password: try body.text("password") ?? "", pin: try body.text("pin") ?? "")
    do throws(TwirpError) {
      return try sipCallComes(caller).json
    } catch {
      throw ControlError(409, error.message)
    }
  }

  /// Somebody joins: an agent, or a telephone that called in.
  mutating func joinRoom(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    enum Kind: String, CaseIterable { case standard, agent, sip }
    let body = try ControlBody(
      request, ["room", "identity", "name", "kind", "metadata", "attributes"])
    let room = try body.text(required: "room")
    let identity = try body.text(required: "identity")
    var attributes: [String: String] = [:]
    for member in body.json("attributes")?.members ?? [] {
      guard let text = member.value.string else { throw .bad("attributes hold text only.") }
      attributes[member.name] = text
    }
    let kind: Livekit.ParticipantInfo.Kind =
      switch try body.word("kind", Kind.self) ?? .standard {
      case .standard: .standard
      case .agent: .agent
      case .sip: .sip
      }
    let participant = Livekit.ParticipantInfo(
      sid: livekitID("PA_"), identity: identity, state: .active,
      tracks: [.init(sid: livekitID("TR_"))], metadata: try body.text("metadata") ?? "",
      joinedAt: now.milliseconds / 1000, joinedAtMs: now.milliseconds,
      name: try body.text("name") ?? "", kind: kind, attributes: attributes)
    do throws(TwirpError) {
      try makeRoom(room)
    } catch {
      throw ControlError(409, error.message)
    }
    livekit.rooms[room]?.participants[identity] = participant
    return Self.json(participant)
  }

  /// The message's own JSON form, with the names of the contract.
  static func json(_ message: some GeneratedMessage) -> JSON {
    let text = (try? message.json(JSONOptions(usesProtoNames: true))) ?? "null"
    return JSON(parsing: Array(text.utf8)) ?? .null
  }
}
