/// What nghttp2's callbacks noted, until the session tells its owner.
enum HTTP2Event {
  case headers(HTTP2Stream, HeaderStorage.Range, endsStream: Bool)
  /// `count` bytes at `offset` of what is being received.
  case data(HTTP2Stream, offset: Int, count: Int, endsStream: Bool)
  /// The end came in a frame without payload.
  case end(HTTP2Stream)
  case room(HTTP2Stream)
  case closed(HTTP2Stream, UInt32)
  case settings
  case pingAcknowledged
  case goAway(lastStreamID: Int32, code: UInt32)
}

/// What a session tells its owner about the connection. Called outside nghttp2, so commands may be
/// given.
package protocol HTTP2SessionDelegate: AnyObject {
  /// A server's session: the peer opens `stream`.
  func makeHandler(for stream: HTTP2Stream) -> any HTTP2StreamHandler

  /// The peer's SETTINGS came.
  func settingsReceived()

  /// The answer to ``HTTP2Session/sendPing()``.
  func pingAcknowledged()

  /// The peer handles streams up to `lastStreamID` and takes no new ones.
  func goAwayReceived(lastStreamID: Int32, code: HTTP2ErrorCode)
}
