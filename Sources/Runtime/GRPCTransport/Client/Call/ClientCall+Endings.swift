internal import EventLoops
internal import GRPC
internal import HTTP2

/// How attempts and calls end, and what begins again.
extension ClientCall {
  /// The current attempt is over with a status, the server's or ours: the call ends with it, or
  /// begins again. `outcome` is what that status means; `nil` is the status itself.
  func attemptEnded(
    _ error: RPCError?, _ metadata: Metadata = [:],
    outcome: RetryStateMachine.Outcome? = nil, dropsResponses: Bool = false
  ) {
    guard case .open(let connection) = phase else { return }
    noteAttemptEnd(error?.code ?? .ok, on: connection)
    if let error, mayBeginAgain(error, metadata, outcome) { return }
    if error == nil { core.callSucceeded() }
    // An answer before the end of the requests: nobody reads the rest.
    if !hasEnded || dropsResponses { reset(on: connection) }
    finish(error, metadata, dropsResponses: dropsResponses)
  }

  /// There is no connection for the call, and it does not wait for one.
  func noConnection() {
    let error = core.connectionError
    if mayBeginAgain(error, [:], nil) { return }
    fail(error)
  }

  private func mayBeginAgain(
    _ error: RPCError, _ metadata: Metadata, _ outcome: RetryStateMachine.Outcome?
  ) -> Bool {
    guard replay.isComplete else { return false }
    let pushBack = RetryStateMachine.PushBack(metadata["grpc-retry-pushback-ms"])
    let outcome = outcome ?? .status(error.code, pushBack)
    if case .status(let code, let pushBack) = outcome, retry.isFailure(code, pushBack) {
      core.attemptFailed()
    }
    let decision = retry.attemptEnded(
      outcome, mayRetry: core.mayRetry, chance: .random(in: -1...1))
    switch decision {
    case .end:
      return false
    case .retryTransparently:
      leaveAttempt()
      phase = .queued
      core.startAttempt(of: self)
    case .retry(let delay):
      // An attempt that its deadline forbids tells less than this one's status.
      if let deadline, ContinuousClock.now.advanced(by: delay) >= deadline { return false }
      leaveAttempt()
      core.callBacksOff(self)
      phase = .backingOff(
        loop.schedule(after: delay) { [weak self] in self?.backOffPassed() })
    }
    return true
  }

  private func backOffPassed() {
    guard case .backingOff = phase else { return }
    core.callLeavesBackOff(self)
    phase = .queued
    core.startAttempt(of: self)
  }

  /// Lets go of the attempt's stream, for the next one's.
  private func leaveAttempt() {
    guard case .open(let connection) = phase else { return }
    reset(on: connection)
    stream.handler = nil
    stream = HTTP2Stream()
    heldCredit = 0
  }

  private func reset(on connection: ClientConnection) {
    guard !stream.isClosed, !connection.isLost else { return }
    connection.session.reset(stream, .cancel)
    connection.scheduleWrite()
  }

  /// Ends a call that is not open.
  func fail(_ error: RPCError) { finish(error, [:], dropsResponses: false) }

  /// Ends the call from outside.
  func giveUp(_ error: RPCError) {
    switch phase {
    case .over:
      return
    case .unstarted, .queued:
      break
    case .backingOff(let timer):
      timer.cancel()
      core.callLeavesBackOff(self)
    case .open(let connection):
      noteAttemptEnd(error.code, on: connection)
      reset(on: connection)
    }
    finish(error, [:], dropsResponses: true)
  }

  /// The call is over. What came of its answer can still be read unless `dropsResponses`.
  private func finish(_ error: RPCError?, _ metadata: Metadata, dropsResponses: Bool) {
    if case .over = phase { return }
    phase = .over
    noteEnd(error?.code ?? .ok)
    if let entry = deadlineEntry { core.wheel.remove(entry) }
    deadlineEntry = nil
    replay.drop()
    core.callEnded(self)
    if dropsResponses {
      responses.abort(last: .status(error, metadata))
    } else {
      responses.push(.status(error, metadata), cost: 0)
      responses.end()
    }
    wakeWriter()
    let starter = self.starter
    self.starter = nil
    starter?.resume(returning: .failure(error ?? .callIsOver))
  }

  func wakeWriter() {
    let wait = roomWait
    roomWait = nil
    wait?.end()
  }
}
