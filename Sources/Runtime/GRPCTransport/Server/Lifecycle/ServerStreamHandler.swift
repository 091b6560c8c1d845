internal import HTTP2

/// A stream of a server, as its connection sees it when it ends or stands still.
protocol ServerStreamHandler: HTTP2StreamHandler {
  /// Whether part of a request has come and the client owes the rest, for which it has window.
  /// Between two messages it owes nothing.
  var awaitsRequest: Bool { get }

  /// How many whole messages of the request came.
  var receivedMessageCount: UInt64 { get }

  /// The path of the method whose handler runs; `nil` when none does.
  var runningMethod: String? { get }

  /// The client left the stream standing for too long: the call ends.
  func stalled(_ stall: StreamStalls.Stall)

  /// How many bytes are free when the call is ended: none of a request that is handled.
  var sheddableByteCount: Int { get }

  /// The server holds too much: the call ends with RESOURCE_EXHAUSTED and `sentence`, or with a
  /// reset that means it.
  func shed(_ sentence: String)

  /// The connection's grace is over, for `reason`: the call ends with UNAVAILABLE.
  func cutOff(_ reason: DrainReason)
}

/// Whether a handler may start.
enum HandlerAdmission {
  case admitted
  /// The connection's handlers are all in use, though its streams are not: the client resets calls
  /// faster than their handlers end. The stream is refused, so that the call may be tried again.
  case connectionIsFull
  /// The server's are.
  case serverIsFull(limit: Int)
}
