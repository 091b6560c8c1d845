internal import Buffers
internal import CNGHTTP2

/// What happens on a stream. The session calls after nghttp2 has returned, so an event may give any
/// command.
package protocol HTTP2StreamHandler: AnyObject {
  /// A header block came: the request, the response, or trailers.
  func received(headers: borrowing HeaderBlock, endsStream: Bool)

  /// Payload came, and perhaps the end with it. It is lent for the call. The stream's window is
  /// credited with ``HTTP2Session/consume(_:on:)``.
  func received(data: RawSpan, endsStream: Bool)

  /// The peer's side has ended, and neither headers nor payload said so.
  func receivedEnd()

  /// What waits to be sent fell below the low mark, after ``HTTP2Session/notifyWhenRoom(on:)``.
  func streamHasRoom()

  /// The stream is over; the session forgets it. Only `noError` after both ends is a good end.
  func streamClosed(_ code: HTTP2ErrorCode)
}

/// One stream of a session. It belongs to the session's executor and lives in the session until it
/// is closed.
///
/// ```
/// idle ──headers──▶ open ──end received──▶ half-closed (remote) ──end sent──▶ closed
///                    └────end sent──▶ half-closed (local) ──end received──────┘
/// any ──reset──▶ closed
/// ```
@safe package final class HTTP2Stream {
  /// Whom to tell; kept until the stream is closed.
  package var handler: (any HTTP2StreamHandler)?
  /// 0 until the session has opened the stream.
  package internal(set) var id: Int32 = 0
  /// Whether the peer has ended its side.
  package internal(set) var isRemoteEnded = false
  /// Whether the stream is over.
  package internal(set) var isClosed = false

  /// How many bytes of payload have come.
  package internal(set) var bytesReceived: UInt64 = 0

  /// How many bytes of payload have been sent: while it stands still the stream is not moving.
  package internal(set) var bytesSent: UInt64 = 0

  /// Whether nghttp2 knows the stream no more, and its owner was not told yet.
  var isForgotten = false

  /// What waits to be sent as DATA, from `outgoingStart` on.
  var outgoing = ByteWriter()
  var outgoingStart = 0
  var outgoingEnd = OutgoingEnd.open
  /// Whether nghttp2 asked for data, got none and waits to be resumed.
  var isDeferred = false
  /// Whether the owner wants to know when there is room.
  var wantsRoom = false

  /// How the outgoing side ends.
  enum OutgoingEnd {
    case open
    /// The last DATA frame ends the stream.
    case endStream
    /// Trailers follow the last DATA frame.
    case trailers(HeaderPreset)
    /// Trailers of the stream's own follow.
    case ownTrailers
    case sent
  }

  /// The trailers of ``OutgoingEnd/ownTrailers``.
  var ownTrailers = HeaderList()

  // For the session's list of its streams, which owns them.
  var isListed = false
  var next: Unmanaged<HTTP2Stream>?
  var previous: Unmanaged<HTTP2Stream>?

  package init() {}

  /// How many bytes wait to be sent.
  package var pendingByteCount: Int { outgoing.count - outgoingStart }
}
