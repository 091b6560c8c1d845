internal import CNGHTTP2

/// What a session knows of the connection's flow control, for who looks into it.
extension HTTP2Session {
  /// How many bytes of payload the peer lets us send now, on all streams together.
  package var sendWindow: Int { Int(unsafe nghttp2_session_get_remote_window_size(handle)) }

  /// How many bytes of payload we let the peer send now, on all streams together.
  package var receiveWindow: Int { Int(unsafe nghttp2_session_get_local_window_size(handle)) }

  /// How many streams the peer lets us open at once.
  package var peerStreamsMax: UInt32 {
    unsafe nghttp2_session_get_remote_settings(
      handle, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
  }
}
