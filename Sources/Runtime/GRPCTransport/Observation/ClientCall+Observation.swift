internal import EventLoops
internal import GRPC
internal import HTTP2

/// What a call tells its channel's counters. Called on the loop.
extension ClientCall {
  func noteStart() {
    let now = MonotonicTime.nanoseconds()
    record = ClientCallRecord(method: core.metrics.callStarted(method, at: now), startedAt: now)
  }

  /// The request's headers are on their way.
  func noteAttempt(on connection: ClientConnection) {
    let now = MonotonicTime.nanoseconds()
    record?.attempt = CallRecord(method: PathTable.otherIndex, startedAt: now)
    if let record { core.metrics.attemptStarted(record.method) }
    connection.traffic.streamsStarted &+= 1
    connection.traffic.lastStreamAt = now
  }

  /// The attempt has a status. What comes after the first one is not counted.
  func noteAttemptEnd(_ code: StatusCode, on connection: ClientConnection) {
    guard let record, let attempt = record.attempt else { return }
    self.record?.attempt = nil
    core.metrics.attemptEnded(
      record.method, attempt, code,
      duration: MonotonicTime.nanoseconds() &- attempt.startedAt)
    connection.traffic.noteEnd(attempt, isFailed: !stream.isRemoteEnded)
  }

  /// The call is over.
  func noteEnd(_ code: StatusCode) {
    guard let record else { return }
    self.record = nil
    core.metrics.callEnded(
      record.method, code, duration: MonotonicTime.nanoseconds() &- record.startedAt)
  }
}
