internal import Buffers
internal import EventLoops
internal import GRPC
internal import HTTP2

/// The caller's end of a call, from whichever executor it is on.
extension ClientCall: ClientStream {
  /// Waits for the first attempt to be on its way.
  func start() async throws(RPCError) {
    let result: Result<Void, RPCError> = await withCheckedContinuation { continuation in
      runOnLoop { $0.start(continuation) }
    }
    try result.get()
  }

  private func start(_ continuation: CheckedContinuation<Result<Void, RPCError>, Never>) {
    guard case .unstarted = phase else {
      return continuation.resume(returning: .failure(.cancelledByCaller))
    }
    phase = .queued
    starter = continuation
    noteStart()
    if let deadline {
      let rest = ContinuousClock.now.duration(to: deadline)
      guard rest > .zero else { return fail(.deadlinePassed) }
      deadlineEntry = core.wheel.add(self, after: rest)
    }
    core.start(self)
  }

  /// Ends the call from outside. After its end it does nothing.
  func cancel() { runOnLoop { $0.giveUp(.cancelledByCaller) } }

  func send(_ part: RequestPart) async throws(RPCError) {
    switch part {
    case .message(let bytes): try await send(request: bytes, compress: nil)
    case .end: try await onLoop { $0.endRequests() }.get()
    }
  }

  func send(request bytes: [UInt8], compress: Bool?) async throws(RPCError) {
    let message = OutgoingMessage(bytes: bytes, compress: compress)
    let mustWait = try await onLoop { $0.sendNow(message) }.get()
    guard mustWait else { return }
    let wait = RoomWait()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        runOnLoop { $0.waitForRoom(wait, continuation) }
      }
    } onCancel: {
      runOnLoop { $0.stopWaiting(wait) }
    }
    if Task.isCancelled { throw .cancelledByCaller }
  }

  /// Whether the sender has to wait for room.
  private func sendNow(_ message: OutgoingMessage) -> Result<Bool, RPCError> {
    if case .over = phase { return .failure(.callIsOver) }
    precondition(!hasEnded, "a message after the end of the requests")
    replay.append(message)
    guard case .open(let connection) = phase else { return .success(true) }
    replay.enforceBound()
    write(message, to: connection)
    connection.scheduleWrite()
    return .success(stream.pendingByteCount >= core.configuration.requestBufferMax)
  }

  private func endRequests() -> Result<Void, RPCError> {
    if case .over = phase { return .failure(.callIsOver) }
    hasEnded = true
    if case .open(let connection) = phase {
      connection.session.end(stream)
      connection.scheduleWrite()
    }
    return .success(())
  }

  private func waitForRoom(_ wait: RoomWait, _ continuation: CheckedContinuation<Void, Never>) {
    switch phase {
    case .over:
      return continuation.resume()
    case .open(let connection):
      guard stream.pendingByteCount >= core.configuration.http2.streamBufferLow else {
        return continuation.resume()
      }
      connection.session.notifyWhenRoom(on: stream)
    case .unstarted, .queued, .backingOff:
      break
    }
    guard wait.begin(continuation) else { return continuation.resume() }
    precondition(roomWait == nil, "a call has one writer at a time")
    roomWait = wait
  }

  private func stopWaiting(_ wait: RoomWait) {
    if roomWait === wait { roomWait = nil }
    wait.end()
  }

  func receive() async -> ResponsePart? {
    let next = await responses.receive()
    await onLoop { $0.creditIfRead() }
    switch next {
    case .element(.compressedMessage(let bytes)): return await onLoop { $0.inflated(bytes) }
    case .element(let part): return part
    case .end: return nil
    case .cancelled:
      await onLoop { $0.giveUp(.cancelledByCaller) }
      return .status(.cancelledByCaller, [:])
    }
  }
}
