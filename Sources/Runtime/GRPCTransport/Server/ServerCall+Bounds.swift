internal import GRPC
internal import HTTP2

/// What one connection may have us keep, for all its calls together. Each call's own bounds, times
/// the streams of a connection, would be a gigabyte.
extension ServerCall {
  /// Counts payload of a unary request that is kept until the request is whole; `false` when the
  /// connection has too much of that: the call has failed then.
  func mayKeep(_ count: Int) -> Bool {
    keptByteCount += count
    connection.keptByteCount += count
    let limit = connection.configuration.connectionRequestBytesMax
    guard connection.keptByteCount > limit else { return true }
    fail(.connectionIsFull("requests that are not whole yet", limit: limit))
    return false
  }

  /// The payload is a request now, or nobody waits for it.
  func releaseKept() {
    guard keptByteCount > 0 else { return }
    connection.keptByteCount -= keptByteCount
    keptByteCount = 0
  }

  /// Why no further response may be queued: the client takes too little of what waits for it.
  var backlogError: RPCError? {
    let limit = connection.configuration.connectionResponseBytesMax
    guard connection.session.pendingByteCount >= limit else { return nil }
    return .connectionIsFull("responses that the client has not taken", limit: limit)
  }
}

extension RPCError {
  fileprivate static func connectionIsFull(_ what: String, limit: Int) -> RPCError {
    RPCError(
      .resourceExhausted,
      "The connection holds \(limit >> 10) KiB of \(what), which is the limit.")
  }
}
