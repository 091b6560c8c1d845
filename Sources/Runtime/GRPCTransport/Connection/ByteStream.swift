internal import Buffers
internal import EventLoops

/// What a ``ByteStream`` tells its owner, on the loop.
protocol ByteStreamDelegate: AnyObject {
  /// Bytes may be written from now on. In plaintext ``ByteStream/start(_:)`` calls this.
  func streamOpened()

  /// Bytes came. They are lent for the call only.
  func streamReceived(_ bytes: RawSpan)

  /// What ``ByteStream/write(_:)`` left over is out: there is room again.
  func streamDrained()

  /// The peer sends no more (`nil`), or the connection broke. The owner closes.
  func streamEnded(_ error: EventLoopError?)
}

/// The bytes under an HTTP/2 session: a socket. Use it on the socket's loop only.
final class ByteStream: StreamSocketDelegate {
  private let socket: StreamSocket
  private var delegate: (any ByteStreamDelegate)?

  init(_ socket: StreamSocket) { self.socket = socket }

  /// Starts reading, for `delegate`, which is kept alive until the stream is closed.
  func start(_ delegate: any ByteStreamDelegate) {
    self.delegate = delegate
    socket.start(self)
    delegate.streamOpened()
  }

  /// The far end; `nil` once it is gone.
  var peerAddress: SocketAddress? { socket.peerAddress }

  /// The near end; `nil` once the stream is closed.
  var localAddress: SocketAddress? { socket.localAddress }

  /// How many written bytes the socket has not taken yet.
  var pendingByteCount: Int { socket.pendingByteCount }

  /// How many of them the kernel has not taken yet; it shrinks while they are taken.
  var unsentByteCount: Int { socket.unsentByteCount }

  /// See ``EventLoops/StreamSocket/setUserTimeout(_:)``.
  func setUserTimeout(_ timeout: Duration) { socket.setUserTimeout(timeout) }

  /// Writes `bytes`, under the rules of ``EventLoops/StreamSocket/write(_:)``: after `false` the
  /// caller makes no more output until ``ByteStreamDelegate/streamDrained()``.
  func write(_ bytes: borrowing ByteWriter) -> Bool { socket.write(bytes) }

  /// Reads nothing more until ``resumeReading()``; the kernel's buffer fills, then the peer waits.
  func pauseReading() { socket.pauseReading() }

  func resumeReading() { socket.resumeReading() }

  /// Ends our side, when nothing is pending; reading goes on until the peer has ended its own.
  func endOutput() { socket.endOutput() }

  /// Closes when what was written is out, or at once if all is.
  func closeAfterWrite() {
    delegate = nil
    socket.closeAfterWrite()
  }

  /// Closes now; the owner is told nothing more. A second call does nothing.
  func close() {
    delegate = nil
    socket.close()
  }

  // MARK: The socket

  func socketReceived(_ bytes: RawSpan) { delegate?.streamReceived(bytes) }

  func socketDrained() { delegate?.streamDrained() }

  func socketEnded(_ error: EventLoopError?) { delegate?.streamEnded(error) }
}
