internal import GRPC
internal import HTTP2

/// What a call has us keep, within the bounds of its connection and of the server: see
/// ``MemoryBudget``.
extension ServerCall {
  /// Notes that the call keeps `count` bytes of its request until it is whole or its handler takes
  /// it; `false` when that is too much: the call has ended then.
  func keep(_ count: Int) -> Bool {
    let delta = count - keptByteCount
    guard delta != 0 else { return true }
    keptByteCount = count
    connection.keptByteCount += delta
    connection.hold(delta)
    guard delta > 0, phase != .answered else { return phase != .answered }
    let limit = connection.configuration.connectionRequestBytesMax
    guard connection.keptByteCount <= limit else {
      end(.connectionIsFull("requests that are not whole yet", limit: limit))
      return false
    }
    guard !connection.owner.memory.isFarOver else {
      shed(connection.owner.memory.sentence)
      return false
    }
    return true
  }

  /// The same for `count` bytes more.
  func keepMore(_ count: Int) -> Bool { keep(keptByteCount + count) }

  /// The payload is a request now, or nobody waits for it.
  func releaseKept() {
    guard keptByteCount > 0 else { return }
    _ = keep(0)
  }

  /// Counts what the call holds until it is over, its handler too, if that is not little.
  func charge(_ count: Int) {
    guard count > Self.freeByteCount else { return }
    chargedByteCount += count
    connection.hold(count)
  }

  /// Metadata and handled requests of so many bytes are not counted: the bound on handlers is
  /// theirs.
  private static let freeByteCount = 1 << 10

  func releaseCharge() {
    guard chargedByteCount > 0, !isCounted else { return }
    connection.hold(-chargedByteCount)
    chargedByteCount = 0
  }

  /// Why no further response may be queued: the client takes too little of what waits for it.
  var backlogError: RPCError? {
    let limit = connection.configuration.connectionResponseBytesMax
    guard connection.session.pendingByteCount >= limit else { return nil }
    return .connectionIsFull("responses that the client has not taken", limit: limit)
  }

  /// Nothing of the call was looked at; the client may try again at once.
  func refuseStream(_ error: RPCError) {
    phase = .answered
    forgetDeadline()
    noteAnswer(error.code, error)
    releaseCharge()
    connection.session.reset(stream, .refusedStream)
    connection.scheduleWrite()
  }

  /// Ends the call for `error`, which its handler hears too if it runs.
  private func end(_ error: RPCError) {
    cancel(.overBudget(error.message))
    answer(error)
  }
}

/// The call as one of many that hold memory.
extension ServerCall {
  var sheddableByteCount: Int {
    keptByteCount + (phase == .collecting ? chargedByteCount : 0) + stream.pendingByteCount
  }

  func shed(_ sentence: String) {
    let hasOutput = stream.pendingByteCount > 0
    connection.owner.observer.memory.noteShed(hasOutput ? .response : .request)
    guard hasOutput else {
      return end(RPCError(.resourceExhausted, sentence))
    }
    // A status would have to wait behind what does not go. The code means RESOURCE_EXHAUSTED to
    // gRPC clients.
    cancel(.overBudget(sentence))
    releaseKept()
    connection.session.abandon(stream, .enhanceYourCalm)
    connection.scheduleWrite()
  }
}

extension RPCError {
  fileprivate static func connectionIsFull(_ what: String, limit: Int) -> RPCError {
    RPCError(
      .resourceExhausted,
      "The connection holds \(limit >> 10) KiB of \(what), which is the limit.")
  }

  /// The connection holds a good part of what the server does.
  static let connectionHoldsTooMuch = RPCError(
    .unavailable, "The connection lets too much wait, and the server has no room for more.")
}

extension RPCError {
  static let tornMessage = RPCError(.internal, "The request ended in the middle of a message.")

  /// The client resets calls faster than their handlers end.
  static let tooManyHandlers = RPCError(
    .unavailable, "As many handlers of the connection run as it may have streams.")

  /// The server sheds load.
  static func overloaded(limit: Int) -> RPCError {
    RPCError(.unavailable, "The server runs \(limit) handlers, its limit. Try again later.")
  }
}
