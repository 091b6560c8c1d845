internal import Buffers
internal import EventLoops
internal import GRPC
internal import HTTP2

/// One connection of a channel. It lives on its loop.
final class ClientConnection: ByteStreamDelegate, HTTP2SessionDelegate, EndOfTickHandler {
  let session: HTTP2Session
  /// Whether the connection broke or was closed.
  private(set) var isLost = false
  private let core: ClientCore
  private let stream: ByteStream
  /// Whether the stream takes bytes: in TLS the handshake comes first.
  private var isOpen = false
  private var isWriteScheduled = false

  private static let preset = HeaderPreset([(":method", "POST"), (":scheme", "http")])

  init(_ core: ClientCore, _ stream: ByteStream) {
    self.core = core
    self.stream = stream
    session = HTTP2Session(role: .client, configuration: core.configuration.http2)
    session.delegate = self
  }

  func start() {
    stream.start(self)
  }

  /// Sends the request of `call`.
  func begin(_ call: ClientCall) {
    let headers = call.requestHeaders(authority: core.authority)
    guard !isLost, session.submitRequest(call.stream, preset: Self.preset, headers) else {
      core.retire(self)
      return call.failStart(RPCError(.unavailable, "The connection takes no more calls."))
    }
    call.started(on: self)
    scheduleWrite()
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

  func scheduleWrite() {
    guard !isWriteScheduled else { return }
    isWriteScheduled = true
    core.loop.callAtEndOfTick(self)
  }

  func tickEnded() {
    isWriteScheduled = false
    guard !isLost, isOpen else { return }
    do {
      while stream.pendingByteCount == 0 {
        guard try core.write(from: session, to: stream) else { break }
      }
    } catch {
      return close()
    }
    if session.isOver {
      forget()
      stream.closeAfterWrite()
    }
  }

  private func close() {
    forget()
    stream.close()
  }

  private func forget() {
    guard !isLost else { return }
    isLost = true
    core.connectionClosed(self)
    session.closeAllStreams(.cancel)
    session.delegate = nil
  }

  /// The channel is closed.
  func shutDown() {
    guard !isLost else { return }
    if isOpen {
      session.terminate(.noError)
      _ = try? core.write(from: session, to: stream)
    }
    close()
  }

  // MARK: The session

  func makeHandler(for stream: HTTP2Stream) -> any HTTP2StreamHandler {
    preconditionFailure("a server can't open a stream: push is off")
  }

  func settingsReceived() {}

  func pingAcknowledged() {}

  func goAwayReceived(lastStreamID: Int32, code: HTTP2ErrorCode, debugData: String) {
    core.retire(self)
    scheduleWrite()
  }

  func streamClosed() {
    if session.isOver { scheduleWrite() }
  }
}
