internal import LiveKitAPI
internal import Telephony

/// What a LiveKit server keeps: one project, whose API keys all see the same.
struct LiveKitServer: Sendable, Hashable {
  /// Secrets by key.
  var keys: [String: String] = [:]
  var inboundTrunks = Table<Livekit.SIPInboundTrunkInfo>()
  var outboundTrunks = Table<Livekit.SIPOutboundTrunkInfo>()
  var rules = Table<Livekit.SIPDispatchRuleInfo>()
  /// By name.
  var rooms = Table<LiveKitRoom>()
  var dispatches = Table<Livekit.AgentDispatch>()
  /// Calls that are dialled or connected, by `SCL_…`.
  var calls = Table<LiveKitCall>()
}

/// A room and who is in it.
struct LiveKitRoom: Sendable, Hashable {
  var room: Livekit.Room
  /// By identity.
  var participants = Table<Livekit.ParticipantInfo>()
}

/// A telephone in a room.
struct LiveKitCall: Sendable, Hashable {
  let id: String
  let trunk: String
  let to: String
  var room: String
  let identity: String
  let farEnd: FarEnd
  /// Twilio's call, where it came from there.
  var carrierCall: String?
  /// Whether somebody waits for the called to answer, and how to tell them.
  var waiting: Waiting?

  struct Waiting: Sendable, Hashable {
    let request: RequestID
    let encoding: TwirpEncoding
    let answer: Livekit.SIPParticipantInfo
  }
}
