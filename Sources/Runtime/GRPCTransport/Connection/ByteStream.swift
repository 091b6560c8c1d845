internal import Buffers
internal import EventLoops
internal import TLS

/// What a ``ByteStream`` tells its owner, on the loop.
protocol ByteStreamDelegate: AnyObject {
  /// Bytes may be written from now on: the TLS handshake is done. In plaintext
  /// ``ByteStream/start(_:)`` calls this.
  func streamOpened()

  /// Bytes came. They are lent for the call only.
  func streamReceived(_ bytes: RawSpan)

  /// What ``ByteStream/write(_:)`` left over is out: there is room again.
  func streamDrained()

  /// The peer sends no more (`nil`), or the connection broke. The owner closes.
  func streamEnded(_ error: ByteStreamError?)

  /// A TLS handshake is over, well or not; told once, never in plaintext. `resumption` is `nil`
  /// when it did not come so far. Comes before ``streamOpened()`` and ``streamEnded(_:)``.
  func streamHandshakeEnded(_ result: TLSHandshakeResult, _ resumption: TLSResumption?)
}

/// Why a ``ByteStream`` broke.
enum ByteStreamError: Error, Hashable, Sendable, CustomStringConvertible {
  case socket(EventLoopError)
  case tls(TLSFailure)

  var description: String {
    switch self {
    case .socket(let error): error.description
    case .tls(let failure): failure.description
    }
  }
}

/// The bytes under an HTTP/2 session: a socket, and TLS over it or not. Use it on the socket's loop
/// only.
///
/// It keeps no bytes of its own: what the socket does not take waits there, as ciphertext.
final class ByteStream: StreamSocketDelegate, TLSSessionDelegate {
  /// How many bytes may wait for a peer that reads nothing but makes TLS answer: key updates,
  /// alerts. What the owner writes is bounded by the owner.
  static let pendingByteCountMax = 256 << 10

  private let socket: StreamSocket
  private let tls: TLSSession?
  private var delegate: (any ByteStreamDelegate)?
  /// Whether the TLS handshake goes on; the owner bounds how long it may.
  private(set) var isHandshaking: Bool
  /// What the socket did with the ciphertext that TLS produced last.
  private var lastWrite = SocketWrite.out

  /// Makes a stream over `socket`, in plaintext without a session.
  init(_ socket: StreamSocket, tls: TLSSession? = nil) {
    self.socket = socket
    self.tls = tls
    isHandshaking = tls != nil
  }

  /// Starts reading, for `delegate`, which is kept alive until the stream is closed.
  func start(_ delegate: any ByteStreamDelegate) {
    self.delegate = delegate
    socket.start(self)
    guard let tls else { return delegate.streamOpened() }
    proceed(tls.start(self))
  }

  /// The far end; `nil` once it is gone.
  var peerAddress: SocketAddress? { socket.peerAddress }

  /// The near end; `nil` once the stream is closed.
  var localAddress: SocketAddress? { socket.localAddress }

  /// What the TLS handshake agreed on, read anew each time; `nil` in plaintext and before its end.
  var security: ConnectionSecurity? { tls?.security }

  /// How many written bytes the socket has not taken yet.
  var pendingByteCount: Int { socket.pendingByteCount }

  /// How many of them the kernel has not taken yet; it shrinks while they are taken.
  var unsentByteCount: Int { socket.unsentByteCount }

  /// See ``EventLoops/StreamSocket/setUserTimeout(_:)``.
  func setUserTimeout(_ timeout: Duration) { socket.setUserTimeout(timeout) }

  /// Writes `bytes`, under the rules of ``EventLoops/StreamSocket/write(_:)``: while some wait the
  /// caller makes no more output, until ``ByteStreamDelegate/streamDrained()``; when they are lost
  /// ``ByteStreamDelegate/streamEnded(_:)`` follows. Not before
  /// ``ByteStreamDelegate/streamOpened()``.
  func write(_ bytes: borrowing ByteWriter) -> SocketWrite {
    guard let tls else { return socket.write(bytes) }
    precondition(!isHandshaking, "bytes were written before the TLS handshake was done")
    switch tls.encrypt(bytes, self) {
    case .done:
      return lastWrite
    case .failed:
      // What was to be written is lost: without an end the owner would wait for ever.
      socket.breakOff("TLS write")
      return .lost
    }
  }

  /// Reads nothing more until ``resumeReading()``; the kernel's buffer fills, then the peer waits.
  func pauseReading() { socket.pauseReading() }

  func resumeReading() { socket.resumeReading() }

  /// Ends our side, when nothing is pending; reading goes on until the peer has ended its own.
  func endOutput() {
    if !isHandshaking { tls?.close(self) }
    // A socket that did not take the close_notify is drained once more, and the owner comes back.
    if socket.pendingByteCount == 0 { socket.endOutput() }
  }

  /// Closes when what was written is out, or at once if all is.
  func closeAfterWrite() {
    endTLS(.unknownFailure)
    delegate = nil
    socket.closeAfterWrite()
  }

  /// Closes now; the owner is told nothing more. A second call does nothing. `handshake` is what a
  /// handshake that goes on is counted as.
  func close(handshake: TLSHandshakeResult = .unknownFailure) {
    endTLS(handshake)
    delegate = nil
    socket.close()
  }

  private func endTLS(_ result: TLSHandshakeResult) {
    guard let tls, delegate != nil else { return }
    handshakeEnded(result)
    tls.close(self)
  }

  // MARK: The socket

  func socketReceived(_ bytes: RawSpan) {
    guard let tls else {
      delegate?.streamReceived(bytes)
      return
    }
    proceed(tls.receive(bytes, self))
  }

  func socketDrained() {
    // What TLS itself had to say is nothing to the owner.
    if !isHandshaking { delegate?.streamDrained() }
  }

  func socketEnded(_ error: EventLoopError?) {
    handshakeEnded(.peerConnectionClosed)
    delegate?.streamEnded(error.map { .socket($0) })
  }

  // MARK: TLS

  private func proceed(_ progress: TLSSession.Progress) {
    switch progress {
    case .incomplete:
      guard tls != nil, socket.pendingByteCount > Self.pendingByteCountMax else { return }
      end(
        TLSFailure(
          .unexpectedMessage,
          reason: "\(socket.pendingByteCount) bytes wait for a peer that reads nothing; the limit"
            + " is \(Self.pendingByteCountMax)"))
    case .ended:
      socket.pauseReading()
      delegate?.streamEnded(nil)
    case .failed(let failure): end(failure)
    }
  }

  private func end(_ failure: TLSFailure) {
    socket.pauseReading()
    handshakeEnded(failure.result)
    delegate?.streamEnded(.tls(failure))
  }

  private func handshakeEnded(_ result: TLSHandshakeResult) {
    guard isHandshaking else { return }
    isHandshaking = false
    let resumption = result == .success ? tls?.resumption : nil
    delegate?.streamHandshakeEnded(result, resumption)
  }

  func sessionProduced(_ ciphertext: borrowing ByteWriter) { lastWrite = socket.write(ciphertext) }

  func sessionOpened() {
    handshakeEnded(.success)
    delegate?.streamOpened()
  }

  func sessionReceived(_ plaintext: RawSpan) { delegate?.streamReceived(plaintext) }
}
