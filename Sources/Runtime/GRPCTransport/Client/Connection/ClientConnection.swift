internal import Buffers
internal import EventLoops
internal import GRPC
internal import HTTP2
internal import TLS

/// One connection of a channel. It lives on its loop.
///
/// ```
/// opening ──stream open──▶ handshake ──SETTINGS──▶ ready ──GOAWAY──▶ retired ──no calls──▶ lost
/// any ──end, error, no answer to a ping──▶ lost
/// ```
final class ClientConnection: ByteStreamDelegate, HTTP2SessionDelegate, EndOfTickHandler {
  let id = EntityID.next()
  let session: HTTP2Session
  /// What ended attempts brought and took.
  var traffic = ConnectionTraffic()
  /// Whether the connection broke or was closed.
  private(set) var isLost = false
  /// Whether it takes no new calls.
  private(set) var isRetired = false
  /// Streams above this one were never looked at by the server, which has sent GOAWAY.
  private(set) var lastStreamID = Int32.max
  /// Counts what was handed to the socket: a request that began at this count never left.
  private(set) var writeCount: UInt64 = 0
  /// Why it ended or will, for people.
  private(set) var endReason = "the connection was closed"

  private let core: ClientCore
  private let subchannel: Subchannel
  let stream: ByteStream
  /// Whether the stream takes bytes: in TLS the handshake comes first.
  private var isOpen = false
  private var isReady = false
  private var isWriteScheduled = false
  private var streamRoom = 0
  private var keepalive: KeepaliveStateMachine?
  private var keepaliveTimer: TimerHandle?

  private static let plainPreset = HeaderPreset([(":method", "POST"), (":scheme", "http")])
  private static let tlsPreset = HeaderPreset([(":method", "POST"), (":scheme", "https")])

  init(_ core: ClientCore, _ subchannel: Subchannel, _ stream: ByteStream) {
    self.core = core
    self.subchannel = subchannel
    self.stream = stream
    session = HTTP2Session(role: .client, configuration: core.configuration.http2)
    session.delegate = self
  }

  func start() { stream.start(self) }

  // MARK: Calls

  /// Whether the server takes one more stream (SETTINGS_MAX_CONCURRENT_STREAMS).
  var hasRoom: Bool { !isRetired && session.streamCount < streamRoom }

  /// Sends the request of `call`; `false` when the connection takes none any more.
  func begin(_ call: ClientCall) -> Bool {
    let headers = call.requestHeaders(authority: core.authority)
    let preset = core.configuration.tls == nil ? Self.plainPreset : Self.tlsPreset
    guard !isLost, !isRetired, session.submitRequest(call.stream, preset: preset, headers)
    else { return false }
    call.began(on: self)
    if let action = keepalive?.callBegan() { act(on: action) }
    scheduleWrite()
    return true
  }

  // MARK: The stream of bytes

  func streamOpened() {
    isOpen = true
    scheduleWrite()
  }

  func streamReceived(_ bytes: RawSpan) {
    keepalive?.received()
    do {
      try session.receive(bytes)
    } catch {
      endReason = "the server broke HTTP/2: \(error)"
      session.terminate(.protocolError)
      stream.pauseReading()
    }
    scheduleWrite()
  }

  func streamDrained() { scheduleWrite() }

  func streamHandshakeEnded(_ result: TLSHandshakeResult, _ resumption: TLSResumption?) {}

  func streamEnded(_ error: ByteStreamError?) {
    // What a GOAWAY said is the better reason.
    if !isRetired { endReason = error.map { "\($0)" } ?? "the server closed the connection" }
    close()
  }

  func scheduleWrite() {
    guard !isWriteScheduled else { return }
    isWriteScheduled = true
    core.loop.callAtEndOfTick(self)
  }

  func tickEnded() {
    isWriteScheduled = false
    guard !isLost, isOpen else { return }
    do {
      try writeOut()
    } catch {
      endReason = "\(error)"
      return close()
    }
    if session.isOver || isRetired && session.streamCount == 0 { return finish() }
    if core.hasWaitingCalls, hasRoom { core.startWaitingCalls() }
  }

  /// Has the socket take what the session has to say. What does not go out now comes back with
  /// ``streamDrained()``, and a broken stream with ``streamEnded(_:)``.
  private func writeOut() throws(HTTP2Error) {
    _ = try core.writer.write(
      from: session, to: stream, upTo: core.configuration.writeSizeMax
    ) { writeCount += 1 }
  }

  /// Nothing is left to be said but goodbye.
  private func finish() {
    if !session.isOver {
      session.terminate(.noError)
      try? writeOut()
    }
    forget()
    stream.closeAfterWrite()
  }

  private func close() {
    forget()
    stream.close()
  }

  private func forget() {
    guard !isLost else { return }
    isLost = true
    isRetired = true
    keepaliveTimer?.cancel()
    // First nobody picks it any more, then its calls look for another one.
    subchannel.connectionEnded(self, endReason)
    core.connectionClosed(self)
    session.closeAllStreams(.cancel)
    session.delegate = nil
  }

  /// Ends the connection and its calls now.
  func shutDown() {
    guard !isLost else { return }
    if isOpen {
      session.terminate(.noError)
      try? writeOut()
    }
    close()
  }

  /// Takes no new calls, and closes when the open ones are over.
  func retire() {
    guard !isRetired else { return }
    isRetired = true
    core.connectionDrains(self)
    subchannel.connectionEnded(self, endReason)
    scheduleWrite()
  }

  // MARK: The session

  func makeHandler(for stream: HTTP2Stream) -> any HTTP2StreamHandler {
    preconditionFailure("a server can't open a stream: push is off")
  }

  func settingsReceived() {
    streamRoom = session.peerConcurrentStreamsMax
    guard !isReady else { return }
    isReady = true
    if let configuration = core.configuration.keepalive {
      // The kernel, too, gives up on bytes that nobody acknowledges (gRFC A18).
      stream.setUserTimeout(configuration.timeout)
      var machine = KeepaliveStateMachine(
        configuration, time: core.keepaliveTime ?? configuration.time)
      act(on: machine.began())
      keepalive = machine
    }
    subchannel.connectionReady(self)
  }

  func goAwayReceived(lastStreamID: Int32, code: HTTP2ErrorCode, debugData: String) {
    traffic.receivedGoAway = code.rawValue
    self.lastStreamID = min(lastStreamID, self.lastStreamID)
    endReason = "the server said GOAWAY with HTTP/2 error \(code.rawValue)"
    let words = debugData.filter { $0.isASCII && !$0.isNewline }
    if !words.isEmpty { endReason += " (\(words))" }
    // gRFC A8, and grpc/doc/keepalive.md: ping half as often from now on.
    if code == .enhanceYourCalm, debugData == "too_many_pings" { core.pingedTooOften() }
    retire()
    scheduleWrite()
  }

  // MARK: Keepalive

  func pingAcknowledged() {}

  private func act(on action: KeepaliveStateMachine.Action) {
    switch action {
    case .none:
      break
    case .wait(let delay):
      wake(after: delay)
    case .ping(let delay):
      traffic.keepalivesSent &+= 1
      session.sendPing()
      scheduleWrite()
      wake(after: delay)
    case .close:
      endReason = "the server did not answer a ping"
      close()
    }
  }

  private func wake(after delay: Duration) {
    keepaliveTimer?.cancel()
    keepaliveTimer = core.loop.schedule(after: delay) { [weak self] in
      guard let self, let action = keepalive?.timerFired(hasCalls: session.streamCount > 0) else {
        return
      }
      act(on: action)
    }
  }
}
