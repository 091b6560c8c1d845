internal import Buffers
internal import Compression
internal import EventLoops
internal import GRPC
internal import HTTP2

/// One call of a channel, over all its attempts.
///
/// ```
/// unstarted ──start()──▶ queued ──connection──▶ open ──status, reset, deadline, cancel──▶ over
///                          ▲ ▲                   │
///                          │ └─unseen, refused───┤ nothing of an answer came
///                          └──── backingOff ◀────┘ and the policy says: again
/// ```
final class ClientCall: HTTP2StreamHandler, DeadlineHandler, LoopConfined,
  // `responses` locks itself; all other state is used on the loop's executor only.
  @unchecked Sendable
{
  enum Phase {
    /// ``start()`` has not come to the loop yet.
    case unstarted
    /// Waits for a connection with room.
    case queued
    case open(ClientConnection)
    /// Waits for its next attempt.
    case backingOff(TimerHandle)
    case over
  }

  let loop: EventLoop
  let core: ClientCore
  let method: MethodDescriptor
  let options: CallOptions
  let deadline: ContinuousClock.Instant?
  let waitsForReady: Bool
  /// Of the current attempt.
  var stream = HTTP2Stream()
  var phase = Phase.unstarted
  /// Who waits for the first attempt.
  var starter: CheckedContinuation<Result<Void, RPCError>, Never>?
  var deadlineEntry: DeadlineEntry?
  private var reader: MessageReader
  let responses: Pipe<ResponsePart>
  var heldCredit = 0
  var hasEnded = false
  var roomWait: RoomWait?
  /// What compressed responses are in; `nil` before an answer says so.
  var responseFormat: CompressionFormat?
  var retry: RetryStateMachine
  /// While it is complete the call is not committed to its attempt.
  var replay: ReplayBuffer
  /// The connection's count of writes when the attempt began.
  private var writeCountAtStart: UInt64 = 0

  /// What is measured, from ``start()`` to the end.
  var record: ClientCallRecord?

  // What the core notes on the call.
  /// Whether the core counts the call.
  var isCounted = false
  /// Its place in the core's ``CallQueue``.
  var isQueued = false
  var nextInQueue: ClientCall?
  weak var previousInQueue: ClientCall?

  init(
    _ core: ClientCore, _ method: MethodDescriptor, _ options: CallOptions,
    _ settings: ServiceConfig.Method
  ) {
    self.core = core
    self.method = method
    var options = options
    options.metadata = options.requestMetadata
    self.options = options
    deadline = options.deadline(timeoutMax: settings.timeout)
    waitsForReady = options.waitForReady ?? settings.waitForReady ?? false
    loop = core.loop
    reader = MessageReader(sizeMax: options.responseSizeMax)
    // The window bounds it: see `received(data:)`.
    responses = Pipe(costMax: .max)
    retry = RetryStateMachine(policy: settings.retryPolicy)
    replay = ReplayBuffer(byteCountMax: core.configuration.replayBufferMax)
  }

  // MARK: An attempt's start

  func requestHeaders(authority: String) -> HeaderList {
    var headers = HeaderList()
    headers.append(":path", method.path)
    headers.append(":authority", authority)
    headers.append("te", "trailers")
    headers.append("content-type", "application/grpc")
    headers.append("user-agent", "trunkline-grpc")
    headers.append("grpc-accept-encoding", CallCompression.acceptedEncodings)
    if let encoding = options.compression { headers.append("grpc-encoding", encoding.rawValue) }
    if let deadline {
      let rest = ContinuousClock.now.duration(to: deadline)
      headers.append("grpc-timeout", GRPCTimeout.encode(rest), isIndexed: false)
    }
    if retry.previousAttempts > 0 {
      headers.append("grpc-previous-rpc-attempts", "\(retry.previousAttempts)")
    }
    StatusTrailers.append(options.metadata, to: &headers, sizeMax: 1 << 20)
    return headers
  }

  /// The request's headers are on their way; what was written before follows them.
  func began(on connection: ClientConnection) {
    phase = .open(connection)
    stream.handler = self
    writeCountAtStart = connection.writeCount
    noteAttempt(on: connection)
    replay.visit { write($0, to: connection) }
    replay.enforceBound()
    if hasEnded { connection.session.end(stream) }
    if roomWait != nil {
      if stream.pendingByteCount < core.configuration.http2.streamBufferLow {
        wakeWriter()
      } else {
        connection.session.notifyWhenRoom(on: stream)
      }
    }
    let starter = self.starter
    self.starter = nil
    starter?.resume(returning: .success(()))
  }

  func write(_ message: OutgoingMessage, to connection: ClientConnection) {
    let bytes = message.bytes
    if options.compression != nil, message.compress != false {
      return writeCompressed(message, to: connection)
    }
    record?.attempt?.sent.note(bytes.count, at: loop.tickNanoseconds)
    connection.session.write(to: stream) { writer in
      writer.reserve(MessageReader.prefixSize + bytes.count)
      MessageReader.appendPrefix(of: bytes.count, to: &writer)
      writer.append(bytes)
    }
  }

  // MARK: What comes

  func received(headers: borrowing HeaderBlock, endsStream: Bool) {
    let head = ResponseHead(headers)
    // 1xx answers mean nothing to gRPC.
    if let status = head.httpStatus, status.hasPrefix("1"), !endsStream { return }
    if endsStream {
      if reader.pendingByteCount > 0 {
        return attemptEnded(RPCError(.internal, "The answer ended inside a message."))
      }
      let (error, metadata) = head.status
      return attemptEnded(error, metadata)
    }
    if let problem = head.problem {
      attemptEnded(problem, head.metadata, dropsResponses: true)
    } else {
      replay.drop()
      responseFormat = head.format
      reader.acceptsCompressed = head.format != nil
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
        record?.attempt?.received.note(bytes.count, at: loop.tickNanoseconds)
        let part: ResponsePart =
          reader.isCompressed ? .compressedMessage(bytes) : .message(bytes)
        responses.push(part, cost: bytes.count + MessageReader.prefixSize)
      case .incomplete:
        break messages
      case .broken(let error):
        return attemptEnded(error, dropsResponses: true)
      }
    }
    creditIfRead()
    if endsStream { receivedEnd() }
  }

  func receivedEnd() {
    attemptEnded(RPCError(.internal, "The answer ended without a status."))
  }

  func streamHasRoom() { wakeWriter() }

  func streamClosed(_ code: HTTP2ErrorCode) {
    guard case .open(let connection) = phase else { return }
    if stream.id > connection.lastStreamID {
      attemptEnded(.connectionLost(core.authority, connection.endReason), outcome: .unseen)
    } else if connection.isLost {
      let wasUnsent = connection.writeCount == writeCountAtStart
      attemptEnded(
        .connectionLost(core.authority, connection.endReason), outcome: wasUnsent ? .unseen : nil)
    } else if code == .refusedStream {
      attemptEnded(.reset(code), outcome: .refused)
    } else if code == .cancel, hasPassedDeadline {
      // The server's clock was a moment ahead of ours.
      attemptEnded(.deadlinePassed)
    } else {
      attemptEnded(.reset(code))
    }
  }

  private var hasPassedDeadline: Bool {
    deadline.map { $0 <= ContinuousClock.now } ?? false
  }

  func creditIfRead() {
    guard case .open(let connection) = phase, heldCredit > 0,
      responses.waitingCost < core.configuration.responseBufferMax
    else { return }
    connection.session.consume(heldCredit, on: stream)
    heldCredit = 0
    connection.scheduleWrite()
  }

  func deadlinePassed() {
    deadlineEntry = nil
    giveUp(isWaiting ? .deadlinePassed(waitingFor: core.connectionError) : .deadlinePassed)
  }

  private var isWaiting: Bool {
    switch phase {
    case .queued: core.ready.isEmpty
    case .unstarted, .open, .backingOff, .over: false
    }
  }
}

extension RPCError {
  static let deadlinePassed = RPCError(.deadlineExceeded, "The call's deadline has passed.")
  static let cancelledByCaller = RPCError(.cancelled, "The caller cancelled the call.")

  static func deadlinePassed(waitingFor connection: RPCError) -> RPCError {
    RPCError(
      .deadlineExceeded,
      "The call's deadline has passed while it waited for a connection. \(connection.message)")
  }

  static func connectionLost(_ authority: String, _ reason: String) -> RPCError {
    RPCError(.unavailable, "The connection to \(authority) was lost: \(reason).")
  }
}
