internal import Buffers
internal import EventLoops
internal import GRPC
internal import HTTP2

/// One call of a channel.
///
/// ```
/// waiting ──connection──▶ open ──status, reset, deadline, cancel──▶ over
///    └──no connection, deadline, cancel──────────────────────────▶ over
/// ```
final class ClientCall: HTTP2StreamHandler, ClientStream, DeadlineHandler, LoopConfined,
  // `responses` locks itself; all other state is used on the loop's executor only.
  @unchecked Sendable
{
  private enum Phase {
    case waiting(CheckedContinuation<Result<Void, RPCError>, Never>?)
    case open(ClientConnection)
    case over
  }

  let loop: EventLoop
  let stream = HTTP2Stream()
  /// Whether the core counts the call.
  var isCounted = false
  private let core: ClientCore
  private let method: MethodDescriptor
  private let options: CallOptions
  private let deadline: ContinuousClock.Instant?
  private var phase = Phase.waiting(nil)
  private var deadlineEntry: DeadlineEntry?
  private var reader: MessageReader
  private let responses: Pipe<ResponsePart>
  private var heldCredit = 0
  private var hasEnded = false
  private var roomWaiter: CheckedContinuation<Void, Never>?

  init(
    _ core: ClientCore, _ method: MethodDescriptor, _ options: CallOptions,
    deadline: ContinuousClock.Instant?
  ) {
    self.core = core
    self.method = method
    self.options = options
    self.deadline = deadline
    loop = core.loop
    reader = MessageReader(sizeMax: options.responseSizeMax)
    // The window bounds it: see `received(data:)`.
    responses = Pipe(costMax: .max)
  }

  // MARK: The start

  /// Waits for the request to be on its way.
  func start() async throws(RPCError) {
    let result: Result<Void, RPCError> = await withCheckedContinuation { continuation in
      runOnLoop { $0.start(continuation) }
    }
    try result.get()
  }

  private func start(_ continuation: CheckedContinuation<Result<Void, RPCError>, Never>) {
    guard case .waiting = phase else {
      return continuation.resume(returning: .failure(.cancelledByCaller))
    }
    phase = .waiting(continuation)
    if let deadline {
      let rest = ContinuousClock.now.duration(to: deadline)
      guard rest > .zero else { return failStart(.deadlinePassed) }
      deadlineEntry = core.wheel.add(self, after: rest)
    }
    core.start(self)
  }

  /// There is no connection for the call.
  func failStart(_ error: RPCError) {
    guard case .waiting(let continuation) = phase else { return }
    phase = .over
    cleanUp()
    continuation?.resume(returning: .failure(error))
  }

  func started(on connection: ClientConnection) {
    guard case .waiting(let continuation) = phase else {
      connection.session.reset(stream, .cancel)
      return
    }
    phase = .open(connection)
    stream.handler = self
    continuation?.resume(returning: .success(()))
  }

  func requestHeaders(authority: String) -> HeaderList {
    var headers = HeaderList()
    headers.append(":path", method.path)
    headers.append(":authority", authority)
    headers.append("te", "trailers")
    headers.append("content-type", "application/grpc")
    headers.append("user-agent", "trunkline-grpc")
    if let deadline {
      let rest = ContinuousClock.now.duration(to: deadline)
      headers.append("grpc-timeout", GRPCTimeout.encode(rest), isIndexed: false)
    }
    StatusTrailers.append(options.metadata, to: &headers, sizeMax: 1 << 20)
    return headers
  }

  // MARK: What comes

  func received(headers: borrowing HeaderBlock, endsStream: Bool) {
    let head = ResponseHead(headers)
    // 1xx answers mean nothing to gRPC.
    if let status = head.httpStatus, status.hasPrefix("1"), !endsStream { return }
    if endsStream {
      if reader.pendingByteCount > 0 {
        return end(.status(RPCError(.internal, "The answer ended inside a message."), [:]))
      }
      return end(head.status)
    }
    if let problem = head.problem {
      endAndReset(.status(problem, head.metadata))
    } else {
      responses.push(.metadata(head.metadata), cost: 0)
    }
  }

  func received(data: RawSpan, endsStream: Bool) {
    guard case .open = phase else { return }
    reader.append(data)
    heldCredit += data.byteCount
    messages: while true {
      switch reader.next() {
      case .message(let bytes):
        responses.push(.message(bytes), cost: bytes.count + MessageReader.prefixSize)
      case .incomplete:
        break messages
      case .broken(let error):
        return endAndReset(.status(error, [:]))
      }
    }
    creditIfRead()
    if endsStream { receivedEnd() }
  }

  func receivedEnd() {
    end(.status(RPCError(.internal, "The answer ended without a status."), [:]))
  }

  func streamHasRoom() { wakeWriter() }

  func streamClosed(_ code: HTTP2ErrorCode) {
    guard case .open(let connection) = phase else { return }
    let error =
      connection.isLost
      ? RPCError(.unavailable, "The connection to \(core.authority) was lost.") : .reset(code)
    end(.status(error, [:]))
    connection.streamClosed()
  }

  private func creditIfRead() {
    guard case .open(let connection) = phase, heldCredit > 0,
      responses.waitingCost < core.configuration.responseBufferMax
    else { return }
    connection.session.consume(heldCredit, on: stream)
    heldCredit = 0
    connection.scheduleWrite()
  }

  // MARK: How it ends

  /// The call is over with `status`; what came before it can still be read.
  private func end(_ status: ResponsePart) {
    guard case .open(let connection) = phase else { return }
    phase = .over
    responses.push(status, cost: 0)
    responses.end()
    cleanUp()
    // An answer before the end of the requests: nobody reads the rest.
    if !hasEnded {
      connection.session.reset(stream, .cancel)
      connection.scheduleWrite()
    }
  }

  /// The call is over with `status`, and nothing of it is read any more.
  private func endAndReset(_ status: ResponsePart) {
    guard case .open(let connection) = phase else { return }
    phase = .over
    responses.abort(last: status)
    cleanUp()
    connection.session.reset(stream, .cancel)
    connection.scheduleWrite()
  }

  private func cleanUp() {
    if let entry = deadlineEntry { core.wheel.remove(entry) }
    deadlineEntry = nil
    core.callEnded(self)
    wakeWriter()
  }

  func deadlinePassed() {
    deadlineEntry = nil
    giveUp(.deadlinePassed)
  }

  /// Ends the call from outside. After its end it does nothing.
  func cancel() { runOnLoop { $0.giveUp(.cancelledByCaller) } }

  private func giveUp(_ error: RPCError) {
    switch phase {
    case .waiting: failStart(error)
    case .open: endAndReset(.status(error, [:]))
    case .over: break
    }
  }

  private func wakeWriter() {
    let waiter = roomWaiter
    roomWaiter = nil
    waiter?.resume()
  }

  // MARK: The caller's end, from anywhere

  func send(_ part: RequestPart) async throws(RPCError) {
    let mustWait = try await onLoop { $0.sendNow(part) }.get()
    guard mustWait else { return }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        guard !Task.isCancelled else { return continuation.resume() }
        runOnLoop { $0.waitForRoom(continuation) }
      }
    } onCancel: {
      loop.execute { self.wakeWriter() }
    }
  }

  /// Whether the sender has to wait for room.
  private func sendNow(_ part: RequestPart) -> Result<Bool, RPCError> {
    guard case .open(let connection) = phase else { return .failure(.callIsOver) }
    switch part {
    case .message(let bytes):
      precondition(!hasEnded, "a message after the end of the requests")
      connection.session.write(to: stream) { writer in
        writer.reserve(MessageReader.prefixSize + bytes.count)
        MessageReader.appendPrefix(of: bytes.count, to: &writer)
        writer.append(bytes)
      }
    case .end:
      hasEnded = true
      connection.session.end(stream)
    }
    connection.scheduleWrite()
    return .success(
      !hasEnded && stream.pendingByteCount >= core.configuration.requestBufferMax)
  }

  private func waitForRoom(_ continuation: CheckedContinuation<Void, Never>) {
    guard case .open(let connection) = phase,
      stream.pendingByteCount >= core.configuration.http2.streamBufferLow
    else { return continuation.resume() }
    precondition(roomWaiter == nil, "a call has one writer at a time")
    roomWaiter = continuation
    connection.session.notifyWhenRoom(on: stream)
  }

  func receive() async -> ResponsePart? {
    let next = await responses.receive()
    await onLoop { $0.creditIfRead() }
    switch next {
    case .element(let part): return part
    case .end: return nil
    case .cancelled:
      await onLoop { $0.giveUp(.cancelledByCaller) }
      return .status(.cancelledByCaller, [:])
    }
  }
}

extension RPCError {
  static let deadlinePassed = RPCError(.deadlineExceeded, "The call's deadline has passed.")
  static let cancelledByCaller = RPCError(.cancelled, "The caller cancelled the call.")
}
