internal import Buffers
internal import EventLoops
internal import GRPC
internal import HTTP2
internal import TLS
internal import Telemetry

/// One connection of a server: a stream of bytes, a session, and the calls between them.
///
/// It lives on its loop. What a tick's events and handlers have to say goes out at the end of the
/// tick, in up to ``writesPerTickMax`` writes of ``ServerConfiguration/writeSizeMax``. When it ends
/// is decided by ``ConnectionStateMachine``.
final class ServerConnection: ByteStreamDelegate, HTTP2SessionDelegate, EndOfTickHandler {
  let id = EntityID.next()
  let owner: ServerLoop
  let session: HTTP2Session
  /// As handlers see it.
  let peer: String
  /// The client, where connections are counted.
  let network: UInt64?
  /// Whom the client's certificate names; `nil` in plaintext and for one that showed none.
  private(set) var peerIdentity: PeerIdentity?
  /// The metadata of the request that was read last.
  private(set) var requestMetadata = Metadata()
  /// The trace that it names.
  private(set) var requestTrace: RequestTrace?
  /// Payload of requests that are not whole yet or wait for their handlers, on all calls.
  var keptByteCount = 0
  /// What is counted of ``MemoryBudget``, and how much of that waits to be sent.
  var heldByteCount = 0
  var waitingByteCount = 0
  /// Whether calls that are closed now end because the connection does.
  private(set) var isLost = false

  /// What ended calls brought and took.
  var traffic = ConnectionTraffic()

  let stream: ByteStream
  private var metadataBlock = MetadataBlock()
  /// What was read from the header block with the number ``headVersion``.
  private var lastHead: RequestHead?
  private var headVersion = 0
  /// Whether the stream takes bytes: in TLS the handshake comes first.
  private var isOpen = false
  private var isWriteScheduled = false
  /// Whether a PING is to follow the notice once that is written: nghttp2 would send it before.
  private var mustPingAfterNotice = false
  private var isClosed = false

  private var machine: ConnectionStateMachine
  /// The machine's timer, and when it is due.
  private var wakeEntry: DeadlineEntry?
  private var wakeAt: Duration?
  private var stalls = StreamStalls()
  /// What a stream that was opened inside nghttp2 asks for, until nghttp2 has returned.
  private var deferredAction = ConnectionStateMachine.Action.none
  /// Handlers of this connection's calls that run.
  private var handlerCount = 0

  init(_ owner: ServerLoop, _ stream: ByteStream, _ address: SocketAddress?) {
    self.owner = owner
    self.stream = stream
    peer = address?.description ?? "unknown"
    network = address?.network
    session = HTTP2Session(
      role: .server, configuration: owner.configuration.http2, memory: owner.sessionMemory)
    machine = ConnectionStateMachine(
      limits: owner.configuration.connection, jitter: owner.jitter(), at: owner.now)
    session.delegate = self
  }

  var configuration: ServerConfiguration { owner.configuration }

  func start() {
    rearm()
    stream.setUserTimeout(configuration.connection.writeStallMax)
    stream.start(self)
  }

  // MARK: The stream of bytes

  func streamOpened() {
    isOpen = true
    peerIdentity = stream.security?.peer.map { PeerIdentity($0) }
    perform(machine.opened(at: owner.now))
    rearm()
    scheduleWrite()
  }

  func streamReceived(_ bytes: RawSpan) {
    guard !machine.isEnding else { return }
    do {
      try session.receive(bytes)
    } catch {
      session.terminate(.protocolError)
      machine.ended(.session(error), at: owner.now)
    }
    machine.received(
      headerBlock: session.isReadingHeaderBlock ? session.headerBlockCount : nil, at: owner.now)
    if deferredAction != .none {
      perform(deferredAction)
      deferredAction = .none
    }
    rearm()
    scheduleWrite()
  }

  func streamDrained() {
    if session.isOver { finish() } else { scheduleWrite() }
  }

  func streamEnded(_ error: ByteStreamError?) {
    switch error {
    case nil: close(.clientClosed)
    case .socket(let error): close(.lost(error))
    case .tls(let failure): close(.tls(failure))
    }
  }

  func streamHandshakeEnded(_ result: TLSHandshakeResult, _ resumption: TLSResumption?) {
    owner.observer.connections.handshakes.note(result, resumption)
  }

  /// Has the session's output written at the end of this tick.
  func scheduleWrite() {
    guard !isWriteScheduled else { return }
    isWriteScheduled = true
    owner.loop.callAtEndOfTick(self)
  }

  /// After so many writes of ``ServerConfiguration/writeSizeMax`` a connection waits for the next
  /// tick.
  private static let writesPerTickMax = 4

  func tickEnded() {
    isWriteScheduled = false
    guard !isLost, isOpen else { return }
    do {
      let outcome = try owner.writer.write(
        from: session, to: stream, upTo: configuration.writeSizeMax,
        times: Self.writesPerTickMax, wrote: pingAfterNotice)
      switch outcome {
      case .silent, .lost: break
      case .unfinished: scheduleWrite()  // Others have something to say, too.
      case .waiting:
        machine.outputBlocked(at: owner.now)
        rearm()
      }
    } catch {
      return close(.session(error))
    }
    noteOutput()
    if session.isOver { finish() }
  }

  private func pingAfterNotice() {
    guard mustPingAfterNotice else { return }
    mustPingAfterNotice = false
    session.sendPing()
  }

  /// Everything was said. What is still to be written goes out, our side ends, and the client
  /// closes.
  private func finish() {
    machine.ended(nil, at: owner.now)
    loseCalls()
    if stream.pendingByteCount == 0 {
      stream.endOutput()
      machine.outputEnded(at: owner.now)
    }
    rearm()
  }

  private func loseCalls() {
    guard !isLost else { return }
    isLost = true
    session.closeAllStreams(.cancel)
    session.delegate = nil
    noteOutput()
  }

  /// The connection is gone.
  private func close(_ cause: CloseReason) {
    guard !isClosed else { return }
    isClosed = true
    let reason = machine.closed(cause)
    rearm()
    loseCalls()
    // A handshake that a shutdown ends had its time, if a shorter one.
    let isTimeout = reason == .handshakeTimeout || reason == .drained(.shutdown)
    stream.close(handshake: isTimeout ? .handshakeTimeout : .unknownFailure)
    owner.connectionClosed(self, reason)
  }

  // MARK: The session

  func makeHandler(for stream: HTTP2Stream) -> any HTTP2StreamHandler {
    let action = machine.streamOpened(stream.id, at: owner.now)
    if action != .none { deferredAction = action }
    return ServerCall(self, stream)
  }

  func settingsReceived() { machine.settingsReceived(at: owner.now) }

  func settingsAcknowledged() { machine.settingsAcknowledged() }

  func pingReceived() {
    let framesSent = session.headersFramesSent &+ session.dataFramesSent
    perform(machine.pingReceived(framesSent: framesSent, at: owner.now))
  }

  func pingAcknowledged() { perform(machine.pingAcknowledged()) }

  func goAwayReceived(lastStreamID: Int32, code: HTTP2ErrorCode, debugData: String) {
    traffic.receivedGoAway = code.rawValue
  }

  /// Reads a request's headers; its metadata is in ``requestMetadata`` until the next one.
  func read(_ headers: borrowing HeaderBlock) -> RequestHead {
    if headers.version == headVersion, let lastHead { return lastHead }
    metadataBlock.removeAll()
    let head = RequestHeadReader.read(headers, owner.table, into: &metadataBlock)
    // Calls of one client nearly always bring the same metadata: then they share it.
    if !metadataBlock.isSource(of: requestMetadata) {
      requestMetadata = metadataBlock.metadata()
      requestTrace = RequestTrace(requestMetadata)
    }
    headVersion = headers.version
    lastHead = head
    return head
  }

  func streamClosed() {
    guard session.streamCount == 0, !isLost else { return }
    machine.lastStreamClosed(at: owner.now)
    rearm()
    if session.isOver { scheduleWrite() }
  }

  // MARK: How many handlers run

  /// Whether a handler may start; then ``handlerEnded()`` is due for it.
  ///
  /// A handler has its slot until it ends, however its stream does: a client that resets its calls
  /// at once can't start more of them than it may have streams (CVE-2023-44487).
  func admitHandler() -> HandlerAdmission {
    guard handlerCount < owner.configuration.http2.concurrentStreamsMax else {
      return .connectionIsFull
    }
    guard owner.admitHandler() else { return .serverIsFull(limit: configuration.handlersMax) }
    handlerCount += 1
    return .admitted
  }

  func handlerEnded() {
    handlerCount -= 1
    owner.handlerEnded()
  }

  // MARK: The end

  /// Asks the client for no more calls and lets those that are open end.
  func beginGracefulShutdown() {
    perform(machine.shutdownBegan(at: owner.now))
    rearm()
  }

  /// Ends every call with UNAVAILABLE, and then the connection.
  func cutOff(_ reason: CloseReason) {
    guard !isLost else { return }
    guard isOpen, stream.pendingByteCount == 0 else { return close(reason) }
    session.forEachStream { ($0.handler as? any ServerStreamHandler)?.cutOff(reason.drain) }
    _ = try? owner.writer.write(from: session, to: stream, upTo: .max)
    machine.ended(reason, at: owner.now)
    session.terminate(.noError)
    scheduleWrite()
  }

  /// Closes without a word.
  func closeNow() { close(.cutOff(.shutdown)) }

  /// The methods of handlers that run.
  var runningMethods: [String] {
    var methods: [String] = []
    session.forEachStream { stream in
      if let method = (stream.handler as? any ServerStreamHandler)?.runningMethod {
        methods.append(method)
      }
    }
    return methods
  }

  private func perform(_ action: ConnectionStateMachine.Action) {
    switch action {
    case .none: return
    case .sendPing:
      traffic.keepalivesSent &+= 1
      session.sendPing()
    case .sendShutdownNotice:
      session.submitShutdownNotice()
      mustPingAfterNotice = true
    case .sendGoAway(let debugData):
      session.submitGoAway(.noError, debug: debugData)
    case .terminate(let code, let debugData, _):
      session.terminate(code, debug: debugData)
    case .checkStreams:
      checkStreams()
    case .cutOff(let reason):
      return cutOff(reason)
    case .close(let reason):
      return close(reason)
    }
    rearm()
    scheduleWrite()
  }

  private func checkStreams() {
    var looks: [StreamStalls.Look] = []
    var handlers: [Int32: any ServerStreamHandler] = [:]
    let isConnectionShut = session.isConnectionWindowShut
    session.forEachStream { stream in
      guard let handler = stream.handler as? any ServerStreamHandler else { return }
      let isShut =
        stream.pendingByteCount > 0 && (isConnectionShut || session.isWindowShut(of: stream))
      looks.append(
        StreamStalls.Look(
          id: stream.id, awaitsRequest: handler.awaitsRequest,
          receivedByteCount: stream.bytesReceived, messageCount: handler.receivedMessageCount,
          isWindowShut: isShut, sentByteCount: stream.bytesSent))
      handlers[stream.id] = handler
    }
    for (id, stall) in stalls.looked(looks, at: owner.now, configuration.connection) {
      handlers[id]?.stalled(stall)
    }
  }
}

// MARK: Time

extension ServerConnection: DeadlineHandler {
  /// The machine's timer fired.
  func deadlinePassed() {
    wakeEntry = nil
    wakeAt = nil
    let now = owner.now
    while !isClosed {
      let output = ConnectionStateMachine.Output(
        isWaiting: stream.pendingByteCount > 0,
        progress: session.dataBytesSent &* 31 &+ UInt64(stream.unsentByteCount))
      let action = machine.deadlinePassed(at: now, output: output)
      if action == .none { break }
      perform(action)
    }
    rearm()
  }

  /// Has the timer fire when the machine wants it, or earlier.
  private func rearm() {
    guard machine.wakeAt != wakeAt else { return }
    if let wakeEntry { owner.connectionWheel.remove(wakeEntry) }
    wakeAt = machine.wakeAt
    wakeEntry = wakeAt.map { owner.connectionWheel.add(self, after: $0 - owner.now) }
  }
}
