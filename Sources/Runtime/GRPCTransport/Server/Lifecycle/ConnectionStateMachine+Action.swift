internal import HTTP2

extension ConnectionStateMachine {
  /// What the connection is to do.
  enum Action: Hashable {
    case none
    /// Send a PING that asks whether the client is still there.
    case sendPing
    /// Send a GOAWAY that refuses nothing, and a PING: its answer says that the client has heard.
    case sendShutdownNotice
    /// Send the GOAWAY that names the last call. The connection ends with its calls.
    case sendGoAway(debugData: String)
    /// Send a GOAWAY with an error; calls end at once.
    case terminate(HTTP2ErrorCode, debugData: String, CloseReason)
    /// Look for streams that stand still.
    case checkStreams
    /// Answer open calls with UNAVAILABLE, then close.
    case cutOff(CloseReason)
    /// Close without a word.
    case close(CloseReason)
  }

  /// What a look at the output finds.
  struct Output: Hashable {
    /// Whether the socket has not taken all yet.
    var isWaiting = false
    /// A number that changes when some of it moves.
    var progress: UInt64 = 0
  }

  enum Phase: Hashable {
    /// The TLS handshake.
    case securing
    /// The client's preface and SETTINGS are to come.
    case greeting
    case serving
    /// All is said: the rest goes out, then the client closes.
    case ending(CloseReason)
    case over
  }
}
