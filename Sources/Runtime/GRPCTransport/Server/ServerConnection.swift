internal import Buffers
internal import EventLoops
internal import GRPC
internal import HTTP2

/// One connection of a server: a stream of bytes, a session, and the calls between them.
///
/// It lives on its loop. All that a tick's events and handlers have to say goes out in one write
/// at the end of the tick.
final class ServerConnection: ByteStreamDelegate, HTTP2SessionDelegate, EndOfTickHandler {
  let id = EntityID.next()
  let owner: ServerLoop
  let session: HTTP2Session
  let configuration: ServerConfiguration
  /// As handlers see it.
  let peer: String
  /// The metadata of the request that was read last.
  private(set) var requestMetadata = Metadata()
  /// Payload of unary requests that are not whole yet, on all calls.
  var keptByteCount = 0
  /// Whether the connection broke, and did not end.
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
  private var drainTimer: TimerHandle?
  private var drain = Drain.none

  /// The steps of a graceful end (RFC 9113, section 6.8).
  private enum Drain {
    case none
    /// The first GOAWAY and a ping are out.
    case noticed
    /// The second one is.
    case final
  }

  init(_ owner: ServerLoop, _ stream: ByteStream) {
    self.owner = owner
    self.stream = stream
    configuration = owner.configuration
    peer = stream.peerAddress?.description ?? "unknown"
    session = HTTP2Session(role: .server, configuration: owner.configuration.http2)
    session.delegate = self
  }

  func start() {
    stream.start(self)
  }

  // MARK: The stream of bytes

  func streamOpened() {
    isOpen = true
    scheduleWrite()
  }

  func streamReceived(_ bytes: RawSpan) {
    do {
      try session.receive(bytes)
    } catch {
      session.terminate(.protocolError)
      stream.pauseReading()
    }
    scheduleWrite()
  }

  func streamDrained() { scheduleWrite() }

  func streamEnded(_ error: EventLoopError?) { close() }

  /// Has the session's output written at the end of this tick.
  func scheduleWrite() {
    guard !isWriteScheduled else { return }
    isWriteScheduled = true
    owner.loop.callAtEndOfTick(self)
  }

  func tickEnded() {
    isWriteScheduled = false
    guard !isLost, isOpen else { return }
    do {
      while stream.pendingByteCount == 0 {
        guard try owner.write(from: session, to: stream, upTo: configuration.writeSizeMax) else {
          break
        }
      }
    } catch {
      return close()
    }
    if session.isOver { finish() }
  }

  /// Everything was said: the socket closes when it is out.
  private func finish() {
    forget()
    stream.closeAfterWrite()
  }

  /// The connection is gone.
  private func close() {
    forget()
    stream.close()
  }

  private func forget() {
    guard !isLost else { return }
    isLost = true
    drainTimer?.cancel()
    session.closeAllStreams(.cancel)
    session.delegate = nil
    owner.connectionClosed(self)
  }

  // MARK: The session

  func makeHandler(for stream: HTTP2Stream) -> any HTTP2StreamHandler {
    ServerCall(self, stream)
  }

  func settingsReceived() {}

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
    }
    headVersion = headers.version
    lastHead = head
    return head
  }

  func streamClosed() {
    if session.isOver { scheduleWrite() }
  }

  // MARK: The end

  /// Asks the client for no more calls and lets those that are open end.
  func beginGracefulShutdown() {
    guard case .none = drain, !isLost else { return }
    drain = .noticed
    session.submitShutdownNotice()
    session.sendPing()
    drainTimer = owner.loop.schedule(after: configuration.goAwayWait) {
      self.goAway()
    }
    scheduleWrite()
  }

  /// The client has heard the notice: calls that it opened before are known by now.
  func pingAcknowledged() { goAway() }

  private func goAway() {
    guard case .noticed = drain, !isLost else { return }
    drain = .final
    drainTimer?.cancel()
    session.submitGoAway(.noError)
    scheduleWrite()
  }

  /// Ends every call with UNAVAILABLE, and the connection.
  func abort() {
    guard !isLost else { return }
    session.forEachStream { ($0.handler as? ServerCall)?.shutDown() }
    if isOpen {
      _ = try? owner.write(from: session, to: stream, upTo: configuration.writeSizeMax)
      session.terminate(.noError)
      _ = try? owner.write(from: session, to: stream, upTo: configuration.writeSizeMax)
    }
    close()
  }
}
