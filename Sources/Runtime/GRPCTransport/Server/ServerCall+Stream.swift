internal import Buffers
internal import EventLoops
internal import GRPC
internal import HTTP2

/// A streaming call as its handler uses it, from whichever executor it is on.
extension ServerCall: ServerStream, LoopConfined {
  var loop: EventLoop { connection.owner.loop }

  // MARK: On the loop

  func startStreaming(_ handler: any MethodHandler, _ context: ServerContext) {
    // What is put in is bounded: see `cutMessages`.
    requests = Pipe(costMax: .max)
    guard takesSlot() else { return }
    let task = CallTask.start(on: connection.owner.loop) {
      var failure: RPCError?
      do throws(RPCError) {
        try await handler.run(self, context)
      } catch {
        failure = error
      }
      self.finish(failure)
    }
    if phase == .running { self.task = task }
  }

  /// The handler has ended; called on the loop, which the task prefers.
  private func finish(_ failure: RPCError?) {
    noteEnd()
    guard phase == .running else { return }
    if failure == nil, !hasSentMetadata { sendHead() }
    answer(failure)
  }

  /// Payload of a streaming call: whole messages go to the handler.
  func deliver(_ data: RawSpan, endsStream: Bool) {
    // Nobody waits for what follows a broken message.
    guard !areRequestsOver else {
      return connection.session.consume(data.byteCount, on: stream)
    }
    if let web { web.append(data) } else { reader.append(data) }
    heldCredit += data.byteCount
    hasRequestEnded = hasRequestEnded || endsStream
    noteKept(waiting: cutMessages())
  }

  func deliverEnd() {
    hasRequestEnded = true
    noteKept(waiting: cutMessages())
  }

  /// Counts what is kept of the request, when it is not little. `waiting` is what waits for the
  /// handler, or more.
  private func noteKept(waiting: Int) {
    // The handler may ask for more after the end.
    guard phase == .running, !stream.isClosed else { return }
    let torn = web?.keptByteCount ?? reader.pendingByteCount
    guard keptByteCount > 0 || torn + waiting >= Self.keptMin else { return }
    _ = keep(torn + (requests?.waitingCost ?? 0))
  }

  /// So much is kept without being counted.
  private static let keptMin = 4 << 10

  /// Cuts payload into messages while few wait for the handler, and credits the window then;
  /// otherwise the bytes stay as they came until it takes some. Many small messages are many times
  /// larger than their bytes. Gives what waits for the handler, or more.
  private func cutMessages() -> Int {
    guard let requests, !areRequestsOver else { return 0 }
    let bound = connection.configuration.requestBufferMax
    var waiting = requests.waitingCost
    while true {
      // What a waiting handler takes at once costs nothing.
      if waiting >= bound { waiting = requests.waitingCost }
      if waiting >= bound { return waiting }
      switch web?.next() ?? reader.next() {
      case .message(let bytes):
        record?.received.note(bytes.count, at: loop.tickNanoseconds)
        let cost = bytes.count + Self.messageOverhead
        let isCompressed = web?.isCompressed ?? reader.isCompressed
        requests.push(.message(bytes, isCompressed: isCompressed), cost: cost)
        waiting += cost
      case .incomplete:
        let isTorn = web?.isTorn ?? (reader.pendingByteCount > 0)
        if hasRequestEnded { endRequests(isTorn ? .tornMessage : nil) }
        credit()
        return waiting
      case .broken(let error):
        endRequests(error)
        credit()
        return waiting
      }
    }
  }

  /// What a message costs beside its bytes: little memory, but also the time to cut it.
  private static let messageOverhead = 512

  /// No message follows.
  private func endRequests(_ error: RPCError?) {
    areRequestsOver = true
    if let error { requests?.push(.failure(error), cost: 0) }
    requests?.end()
    _ = reader.take()
  }

  /// The handler gets nothing more: what came is not even cut into messages.
  func dropRequests() {
    guard let requests else { return }
    areRequestsOver = true
    _ = reader.take()
    requests.abort(last: nil)
  }

  private func credit() {
    guard heldCredit > 0 else { return }
    connection.session.consume(heldCredit, on: stream)
    heldCredit = 0
    connection.scheduleWrite()
  }

  private func sendHead(_ metadata: Metadata? = nil) {
    guard !hasSentMetadata else { return }
    if let web { return sendHead(metadata ?? context?.initialMetadata ?? [:], web) }
    hasSentMetadata = true
    record?.answeredAt = MonotonicTime.nanoseconds()
    var headers = HeaderList()
    StatusTrailers.append(metadata ?? context?.initialMetadata ?? [:], to: &headers)
    // Announced before it is known whether a message is ever compressed: that is each one's flag.
    connection.session.submitResponse(
      stream, preset: responseHeaders(announcedFormat), headers)
    connection.scheduleWrite()
  }

  /// Whether the writer has to wait for room.
  private func write(_ message: [UInt8], compress: Bool?) -> Result<Bool, RPCError> {
    let limit = connection.configuration.responseSizeMax
    guard phase == .running, !stream.isClosed else {
      return .failure(context?.cancellationError ?? .callIsOver)
    }
    guard message.count <= limit else {
      return .failure(.tooLarge(size: message.count, limit: limit))
    }
    if let error = backlogError { return .failure(error) }
    if let web {
      do throws(RPCError) {
        try write(message, compress: compress, web)
      } catch {
        return .failure(error)
      }
      connection.scheduleWrite()
      return .success(stream.pendingByteCount >= connection.configuration.responseBufferMax)
    }
    sendHead()
    var size = message.count
    let format = announcedFormat.flatMap {
      responseFormat($0, compress ?? context?.compressesResponses)
    }
    connection.session.write(to: stream) { writer in
      if let format {
        size = message.withBytes { append($0, format, to: &writer) }
      } else {
        writer.reserve(MessageReader.prefixSize + message.count)
        MessageReader.appendPrefix(of: message.count, to: &writer)
        writer.append(message)
      }
    }
    record?.sent.note(size, at: loop.tickNanoseconds)
    if size >= ServerConnection.notedOutputMin { connection.noteOutput() }
    connection.scheduleWrite()
    return .success(stream.pendingByteCount >= connection.configuration.responseBufferMax)
  }

  // MARK: From anywhere

  func receive() async throws(RPCError) -> [UInt8]? {
    guard let requests else { return nil }
    await letOthersPass()
    let next = await requests.receive()
    switch await onLoop({ $0.taken(next) }) {
    case .message(let bytes): return bytes
    case .unconverted(let bytes, let isCompressed, let conversion):
      return try await converted(bytes, isCompressed: isCompressed, conversion)
    case .failure(let error): throw error
    case .end:
      guard let context, context.cancellationCause != nil else { return nil }
      throw context.cancellationError
    case .cancelled:
      throw context?.cancellationError ?? .callIsOver
    }
  }

  /// What a handler that asks for a message gets.
  private enum Taken: Sendable {
    case message([UInt8])
    /// To turn it into the wire format takes long.
    case unconverted([UInt8], isCompressed: Bool, RequestConversion)
    case failure(RPCError)
    case end
    case cancelled
  }

  /// The handler has taken `next`: its window is credited. What is still compressed then is
  /// inflated.
  private func taken(_ next: Pipe<Request>.Next) -> Taken {
    noteKept(waiting: cutMessages())
    switch next {
    case .end: return .end
    case .cancelled: return .cancelled
    case .element(.failure(let error)): return .failure(error)
    case .element(.message(let bytes, let isCompressed)):
      guard web != nil || compression.requests != nil else { return .message(bytes) }
      context?.noteRequest(isCompressed: isCompressed)
      return converted(bytes, isCompressed: isCompressed)
    }
  }

  private func converted(_ message: [UInt8], isCompressed: Bool) -> Taken {
    let conversion = conversion
    do throws(RPCError) {
      return try conversion.wireAtOnce(
        of: message, isCompressed: isCompressed, with: connection.owner.compressor
      ).map { .message($0) } ?? .unconverted(message, isCompressed: isCompressed, conversion)
    } catch {
      return .failure(error)
    }
  }

  func send(metadata: Metadata) async throws(RPCError) {
    await onLoop { $0.sendHead(metadata) }
  }

  func send(message: [UInt8]) async throws(RPCError) {
    try await send(message: message, compress: nil)
  }

  func send(message: [UInt8], compress: Bool?) async throws(RPCError) {
    let mustWait = try await onLoop { $0.write(message, compress: compress) }.get()
    guard mustWait else { return await letOthersPass() }
    let wait = RoomWait()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        runOnLoop { $0.waitForRoom(wait, continuation) }
      }
    } onCancel: {
      runOnLoop { $0.stopWaiting(wait) }
    }
    if let context, context.cancellationCause != nil { throw context.cancellationError }
  }

  func aside(_ work: @escaping @Sendable () -> Void) async {
    let context = context
    await loop.doAside(of: connection.peer) { if context?.cancellationCause == nil { work() } }
  }

  /// A handler that never has to wait, since many messages are there and there is much room, waits
  /// for the next tick after some of them.
  private func letOthersPass() async {
    guard loop.isCurrent else { return }
    messagesInTurn += 1
    guard messagesInTurn >= Self.messagesInTurnMax else { return }
    messagesInTurn = 0
    await loop.nextTick()
  }

  /// So many messages, in and out, a handler has in one go.
  private static let messagesInTurnMax = 32

  private func waitForRoom(_ wait: RoomWait, _ continuation: CheckedContinuation<Void, Never>) {
    let mustWait =
      phase == .running && !stream.isClosed
      && stream.pendingByteCount >= connection.configuration.http2.streamBufferLow
    guard mustWait, wait.begin(continuation) else { return continuation.resume() }
    precondition(roomWait == nil, "a call has one writer at a time")
    roomWait = wait
    connection.session.notifyWhenRoom(on: stream)
  }

  private func stopWaiting(_ wait: RoomWait) {
    if roomWait === wait { roomWait = nil }
    wait.end()
  }
}
