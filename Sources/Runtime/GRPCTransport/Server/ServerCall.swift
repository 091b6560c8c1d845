internal import Buffers
internal import Compression
internal import EventLoops
internal import GRPC
internal import HTTP2
internal import Telemetry

/// One call on a server's connection: the stream, from its headers to its status.
///
/// ```
/// head ──unary──▶ collecting ──message and end──▶ running ──answer──▶ answered
///   └──other kinds──────────────────────────────▶ running ──answer──▶ answered
/// any ──problem, deadline, reset──▶ answered
/// ```
final class ServerCall: HTTP2StreamHandler, RecordedCall, UnaryReply, DeadlineHandler,
  @unchecked Sendable
{
  // @unchecked: all state is used on the connection's loop only. What a handler may call from
  // elsewhere (ServerCall+Stream.swift) hops there first, but for what is set before the handler
  // starts and stays.

  enum Phase {
    case head
    /// Of a unary call: the message is not whole yet.
    case collecting
    case running
    case answered
  }

  let connection: ServerConnection
  let stream: HTTP2Stream
  var phase = Phase.head
  var handler: (any MethodHandler)?
  var context: ServerContext?
  /// Of a call that is not plain gRPC: what its bytes look like.
  var web: WebExchange?
  /// What is measured; `nil` before the headers are read and after the end was told.
  var record: CallRecord?
  var task: CallTask?
  private var deadlineEntry: DeadlineEntry?
  /// Payload that is not a whole message yet.
  var reader: MessageReader
  var compression = CallCompression.none
  /// Of a streaming call: whole messages that wait for the handler.
  var requests: Pipe<Request>?
  /// Payload of a streaming call whose window credit is held back.
  var heldCredit = 0
  /// Of a streaming call: whether the client has ended its side.
  var hasRequestEnded = false
  /// Payload that is kept until the request is whole or its handler takes it.
  var keptByteCount = 0
  /// What else is counted of ``MemoryBudget``, until the call is over.
  var chargedByteCount = 0
  /// Whether the handler gets no more messages than it was given.
  var areRequestsOver = false
  var hasSentMetadata = false
  /// Who waits for room to write.
  var roomWait: RoomWait?
  /// Messages that the handler was given or has sent since it last let others pass.
  var messagesInTurn = 0
  /// Whether the handler's task has been started and has not ended.
  private(set) var isCounted = false

  /// What waits in ``requests``.
  enum Request: Sendable {
    /// As it came: what a message inflates to does not wait, since no window bounds it.
    case message([UInt8], isCompressed: Bool)
    case failure(RPCError)
  }

  init(_ connection: ServerConnection, _ stream: HTTP2Stream) {
    self.connection = connection
    self.stream = stream
    reader = MessageReader(sizeMax: connection.configuration.requestSizeMax)
  }

  // MARK: What comes

  func received(headers: borrowing HeaderBlock, endsStream: Bool) {
    // A second block is trailers, which a request does not have; its end is all that counts.
    guard case .head = phase else {
      if endsStream { receivedEnd() }
      return
    }
    let head = connection.read(headers)
    record = connection.callStarted(head.method)
    switch head.outcome {
    case .web:
      beginWeb(headers, endsStream: endsStream)
    case .refused(let error):
      fail(error)
    case .unknownEncoding(let error):
      answer(error, acceptEncoding: true)
    case .accepted(let handler):
      compression = head.compression
      reader.acceptsCompressed = compression.requests != nil
      begin(
        handler, metadata: connection.requestMetadata, parent: connection.requestTrace,
        timeout: head.timeout)
      if endsStream { receivedEnd() }
    }
  }

  func begin(
    _ handler: any MethodHandler, metadata: Metadata, parent: RequestTrace?, timeout: Duration?
  ) {
    if connection.mustRefuseCalls {
      connection.owner.observer.memory.noteShed(.refused)
      return refuseStream(.connectionHoldsTooMuch)
    }
    charge(metadata.wireByteCount)
    var handler = handler
    var admitted: (any Sendable)?
    if connection.owner.table.hasAdmission, let admission = connection.owner.table.admission {
      let request = AdmissionRequest(
        method: handler.descriptor, metadata: metadata, peer: connection.peer,
        peerIdentity: connection.peerIdentity)
      switch admission.verdict(on: request) {
      case .admitted(let value): admitted = value
      case .refused(let error):
        guard let web else { return fail(error) }
        return refuse(.error(error), web)
      case .undecided(let question): handler = UndecidedHandler(handler, question)
      }
    }
    self.handler = handler
    var deadline: CallDeadline?
    if let timeout {
      deadline = CallDeadline(ContinuousClock.now.advanced(by: timeout))
      deadlineEntry = connection.owner.wheel.add(self, after: timeout)
    }
    let context = ServerContext(
      method: handler.descriptor, metadata: metadata, peer: connection.peer,
      peerIdentity: connection.peerIdentity, boxedDeadline: deadline,
      trace: connection.owner.observer.trace(below: parent, at: loop.tickNanoseconds))
    if let admitted { context.noteAdmission(admitted) }
    self.context = context
    if handler.kind == .unary {
      phase = .collecting
    } else {
      phase = .running
      startStreaming(handler, context)
    }
  }

  func received(data: RawSpan, endsStream: Bool) {
    switch phase {
    case .collecting:
      collect(data, endsStream: endsStream)
    case .running:
      deliver(data, endsStream: endsStream)
    case .head, .answered:
      connection.session.consume(data.byteCount, on: stream)
    }
  }

  func receivedEnd() {
    switch phase {
    case .collecting: finishCollecting()
    case .running: deliverEnd()
    case .head, .answered: break
    }
  }

  /// The payload of a unary call. Nearly always it is one message in one piece, which is decoded
  /// where it stands.
  private func collect(_ data: RawSpan, endsStream: Bool) {
    if let web { return collect(data, web, endsStream: endsStream) }
    if endsStream, reader.pendingByteCount == 0,
      case .size(let size) = MessageReader.size(
        of: data, max: reader.sizeMax, reader.acceptsCompressed),
      data.byteCount == MessageReader.prefixSize + size
    {
      let message = data.extracting(MessageReader.prefixSize..<data.byteCount)
      return start(message, isCompressed: data.byte(at: 0) == 1)
    }
    connection.session.consume(data.byteCount, on: stream)
    guard keepMore(data.byteCount) else { return }
    reader.append(data)
    switch reader.prefix() {
    case .broken(let error): return fail(error)
    // Nothing beyond the one message is kept: its end may never come.
    case .size(let size) where reader.pendingByteCount > MessageReader.prefixSize + size:
      return fail(.twoRequests)
    case .size, .incomplete: break
    }
    if endsStream { finishCollecting() }
  }

  private func finishCollecting() {
    releaseKept()
    if let web { return finishCollecting(web) }
    // A handler runs while its request is lent: the call's reader has to be out of its way.
    let whole = reader.take()
    charge(whole.pendingByteCount)
    guard phase == .collecting else { return }
    let isStarted: Void? = whole.withOnlyMessage { start($0, isCompressed: $1) }
    guard isStarted == nil else { return }
    switch whole.prefix() {
    case .broken(let error): fail(error)
    case .incomplete: fail(whole.pendingByteCount == 0 ? .noRequest : .tornMessage)
    case .size: fail(.tornMessage)
    }
  }

  private func start(_ message: RawSpan, isCompressed: Bool) {
    record?.received.note(message.byteCount, at: loop.tickNanoseconds)
    guard isCompressed else { return start(message) }
    startConverted(message.array(), isCompressed: true)
  }

  func start(_ message: RawSpan) {
    guard takesSlot() else { return }
    phase = .running
    runHandler(on: message)
  }

  /// The same for a call that has its slot.
  func runHandler(on message: RawSpan) {
    guard let handler, let context else { return }
    handler.startUnary(message, context, in: connection.owner.workers, self)
  }

  func began(_ task: CallTask) -> Bool {
    guard phase == .running else {
      noteEnd()
      return false
    }
    self.task = task
    return true
  }

  // MARK: What goes

  func succeed(_ serialize: (inout ByteWriter) -> Void) {
    noteEnd()
    guard phase == .running, let context else { return }
    if let error = backlogError { return answer(error) }
    if let web { return succeed(serialize, web) }
    let session = connection.session
    let limit = connection.configuration.responseSizeMax
    var size = 0
    let asked = compression.responses.flatMap { responseFormat($0, context.compressesResponses) }
    session.write(to: stream) { writer in
      size =
        if let asked {
          appendNegotiated(to: &writer, asked, serialize)
        } else {
          MessageReader.append(to: &writer, serialize)
        }
      if size > limit { writer.removeAll() }
    }
    guard size <= limit else { return answer(.tooLarge(size: size, limit: limit)) }
    phase = .answered
    record?.sent.note(size, at: loop.tickNanoseconds)
    noteAnswer(.ok)
    forgetDeadline()
    let preset = responseHeaders(asked?.format)
    if context.hasOutgoingMetadata {
      var headers = HeaderList()
      StatusTrailers.append(context.initialMetadata, to: &headers)
      session.submitResponse(stream, preset: preset, headers)
      session.end(
        stream,
        trailers: StatusTrailers.fields(
          nil, context.trailingMetadata, sizeMax: StatusTrailers.sizeMax(for: session)))
    } else {
      session.submitResponse(stream, preset: preset, HeaderList())
      session.end(stream, trailers: StatusTrailers.ok)
    }
    if size >= ServerConnection.notedOutputMin { connection.noteOutput() }
    connection.scheduleWrite()
  }

  func fail(_ error: RPCError) {
    noteEnd()
    answer(error)
  }

  /// Ends the call with a status, whatever was sent before.
  func answer(_ error: RPCError?, acceptEncoding: Bool = false) {
    guard phase != .answered else { return }
    // A call that was refused has no context to say why it ends early; it is never OK.
    if error == nil, let refusal = web?.refusal { return answer(refusal) }
    let error = context?.cancellationCause == nil ? error : context?.cancellationError
    phase = .answered
    noteAnswer(error?.code ?? .ok, error)
    forgetDeadline()
    releaseKept()
    releaseCharge()
    _ = reader.take()
    if let web {
      sendStatus(error, web)
    } else {
      sendStatus(error, acceptEncoding: acceptEncoding)
    }
    dropRequests()
    connection.scheduleWrite()
  }

  private func sendStatus(_ error: RPCError?, acceptEncoding: Bool) {
    var fields = StatusTrailers.fields(
      error, context?.trailingMetadata ?? [:],
      sizeMax: StatusTrailers.sizeMax(for: connection.session, isWithHeaders: !hasSentMetadata))
    guard !hasSentMetadata else {
      return connection.session.end(stream, trailers: fields)
    }
    if acceptEncoding {
      fields.append("grpc-accept-encoding", CallCompression.acceptedEncodings)
    }
    connection.session.submitHeadersOnlyResponse(stream, preset: StatusTrailers.response, fields)
  }

  // MARK: How it ends early

  func deadlinePassed() {
    deadlineEntry = nil
    cancel(.deadline)
    let isBlocked =
      stream.pendingByteCount > 0
      && (connection.session.isWindowShut(of: stream)
        || connection.session.isConnectionWindowShut)
    answer(context?.cancellationError)
    // The status would wait behind what the client does not read.
    if isBlocked { connection.session.reset(stream, .cancel) }
  }

  func streamClosed(_ code: HTTP2ErrorCode) {
    forgetDeadline()
    releaseKept()
    releaseCharge()
    if reader.pendingByteCount > 0 { _ = reader.take() }
    if phase != .answered {
      cancel(connection.isLost ? .disconnect : .clientReset)
      phase = .answered
      noteAnswer(.cancelled)
    } else {
      wakeWriter()
    }
    connection.streamClosed()
  }

  func cancel(_ cause: CancellationCause) {
    guard phase != .answered else { return }
    context?.noteCancellation(cause)
    task?.cancel()
    dropRequests()
    wakeWriter()
  }

  func forgetDeadline() {
    guard let entry = deadlineEntry else { return }
    deadlineEntry = nil
    connection.owner.wheel.remove(entry)
  }

  func wakeWriter() {
    let wait = roomWait
    roomWait = nil
    wait?.end()
  }

  func streamHasRoom() { wakeWriter() }

  // MARK: How many handlers run

  /// Takes a handler's slot. Without one the call is over.
  func takesSlot() -> Bool {
    switch connection.admitHandler() {
    case .admitted:
      isCounted = true
      return true
    case .connectionIsFull:
      refuseStream(.tooManyHandlers)
    case .serverIsFull(let limit):
      answer(.overloaded(limit: limit))
    }
    return false
  }

  func noteEnd() {
    guard isCounted else { return }
    isCounted = false
    releaseCharge()
    task = nil
    connection.handlerEnded()
  }
}
