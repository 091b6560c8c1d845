internal import CNGHTTP2

/// What callbacks note for ``FloodGuard`` and for ``HTTP2Session/failure``.
extension HTTP2Session {
  /// The header block that was just finished broke a bound.
  func noteLargeBlock() {
    note(flood.largeBlockReceived(factor: blockFactor) { self.moment() })
  }

  /// How many times larger than its bounds the header block is.
  private var blockFactor: Int {
    max(
      headers.openSize / max(configuration.headerBytesMax, 1),
      headers.openFields / max(configuration.headerFieldsMax, 1))
  }

  /// A field came that its block has no room for. What nghttp2 is to do then.
  ///
  /// Fields that a few bytes stand for cost nghttp2 as much as others, since it looks at each byte
  /// of each. So a block that goes on far beyond the bounds is read no further: its stream is
  /// reset, and what follows only keeps the table right. A session that ends reads nothing more.
  func fieldDidNotFit() -> Int32 {
    if hasVerdict { return NGHTTP2_ERR_PAUSE.rawValue }
    guard blockFactor >= FloodGuard.endlessBlockFactor else { return 0 }
    noteLargeBlock()
    headers.abandon()
    return hasVerdict
      ? NGHTTP2_ERR_PAUSE.rawValue : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
  }

  /// A GOAWAY went out. If it names a fault that we have not noted, nghttp2 found it.
  func noteGoAwaySent(_ goAway: nghttp2_goaway) {
    let code = HTTP2ErrorCode(wire: unsafe goAway.error_code)
    guard code != .noError, failure == nil else { return }
    let size = unsafe min(goAway.opaque_data_len, goAwayDebugSizeMax)
    let text = unsafe UnsafeBufferPointer(start: goAway.opaque_data, count: size)
    let reason = unsafe String(decoding: text, as: UTF8.self)
    failure = .peer(reason.isEmpty ? "\(code)" : reason)
  }
}
