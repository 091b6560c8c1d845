internal import Buffers
internal import EventLoops
internal import GRPC
internal import HTTP2

/// One connection of a channel. It lives on its loop.
final class ClientConnection: TCPConnectionDelegate, HTTP2SessionDelegate, EndOfTickHandler {
  let session: HTTP2Session
  /// Whether the connection broke or was closed.
  private(set) var isLost = false
  private let core: ClientCore
  private let tcp: TCPConnection
  private var isWriteScheduled = false

  private static let preset = HeaderPreset([(":method", "POST"), (":scheme", "http")])

  init(_ core: ClientCore, _ tcp: TCPConnection) {
    self.core = core
    self.tcp = tcp
    session = HTTP2Session(role: .client, configuration: core.configuration.http2)
    session.delegate = self
  }

  func start() {
    tcp.start(self)
    scheduleWrite()
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

  // MARK: The socket

  func connectionReceived(_ bytes: RawSpan) {
    do {
      try session.receive(bytes)
    } catch {
      session.terminate(.protocolError)
      tcp.pauseReading()
    }
    scheduleWrite()
  }

  func connectionDrained() { scheduleWrite() }

  func connectionEnded(_ error: EventLoopError?) { close() }

  func scheduleWrite() {
    guard !isWriteScheduled else { return }
    isWriteScheduled = true
    core.loop.callAtEndOfTick(self)
  }

  func tickEnded() {
    isWriteScheduled = false
    guard !isLost else { return }
    do {
      while tcp.pendingByteCount == 0 {
        guard try core.write(from: session, to: tcp) else { break }
      }
    } catch {
      return close()
    }
    if session.isOver {
      forget()
      tcp.closeAfterWrite()
    }
  }

  private func close() {
    forget()
    tcp.close()
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
    session.terminate(.noError)
    _ = try? core.write(from: session, to: tcp)
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
