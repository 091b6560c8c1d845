internal import CNGHTTP2

/// What callbacks note for ``FloodGuard`` and for ``HTTP2Session/failure``.
extension HTTP2Session {
  /// The header block that was just finished broke a bound.
  func noteLargeBlock() {
    let bytes = headers.openSize / max(configuration.headerBytesMax, 1)
    let fields = headers.openFields / max(configuration.headerFieldsMax, 1)
    note(flood.largeBlockReceived(factor: max(bytes, fields)) { self.moment() })
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
