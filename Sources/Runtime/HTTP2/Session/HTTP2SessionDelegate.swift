/// What a session tells its owner about the connection. Called outside nghttp2, so commands may be
/// given.
package protocol HTTP2SessionDelegate: AnyObject {
  /// A server's session: the peer opens `stream`.
  func makeHandler(for stream: HTTP2Stream) -> any HTTP2StreamHandler

  /// The peer's SETTINGS came.
  func settingsReceived()

  /// The peer has applied our first SETTINGS: from now on it is bound by them.
  func settingsAcknowledged()

  /// The peer asks for an answer, which nghttp2 gives.
  func pingReceived()

  /// The answer to ``HTTP2Session/sendPing()``.
  func pingAcknowledged()

  /// The peer handles streams up to `lastStreamID` and takes no new ones. `debugData` is its
  /// reason in words, at most 256 bytes of it: text from outside.
  func goAwayReceived(lastStreamID: Int32, code: HTTP2ErrorCode, debugData: String)
}

extension HTTP2SessionDelegate {
  package func settingsAcknowledged() {}
  package func pingReceived() {}
}
