internal import CUV
internal import Glibc

/// What became of bytes that a ``StreamSocket`` was given to write.
package enum SocketWrite: Hashable, Sendable {
  /// The kernel has all of them.
  case out
  /// Some wait in the socket; ``StreamSocketDelegate/socketDrained()`` says when they are out.
  case waiting
  /// They go nowhere: the socket is closed, or it broke, which
  /// ``StreamSocketDelegate/socketEnded(_:)`` is to say.
  case lost
}

extension StreamSocket {
  /// How many written bytes the kernel has not taken yet: unlike ``pendingByteCount`` it shrinks
  /// while they are taken.
  package var unsentByteCount: Int {
    isClosed ? 0 : unsafe uv_stream_get_write_queue_size(stream)
  }

  /// Ends our side: the peer reads to the end of what was sent. Reading goes on.
  ///
  /// Call it when nothing is pending. Closing at once instead would reset the connection if the
  /// peer has sent something that was not read, and it may lose what is on its way to it.
  package func endOutput() {
    assert(pendingByteCount == 0, "\(pendingByteCount) bytes are still to be written")
    guard let descriptor else { return }
    // A peer that is gone is told to the reader.
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Bounds how long sent bytes may stay without an acknowledgement, or a shut window shut, before
  /// the kernel breaks the connection (TCP_USER_TIMEOUT, RFC 5482). Nothing on a unix socket.
  package func setUserTimeout(_ timeout: Duration) {
    guard !isUnix, let descriptor else { return }
    // The kernel refuses only what is out of range.
    _ = cuv_set_user_timeout(descriptor, UInt32(clamping: min(timeout.wholeMilliseconds, 1 << 30)))
  }
}
