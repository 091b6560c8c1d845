internal import CNGHTTP2

/// The callbacks, which all sessions share, and each session's options.
@safe final class SessionFactory: @unchecked Sendable {
  // @unchecked: written in `init` only; nghttp2 copies from it when a session is made.
  static let shared = SessionFactory()

  /// Of nghttp2's own counts that ours stand before: it counts reads of CONTINUATION frames, not
  /// frames, and answers resets with INTERNAL_ERROR. They are a second line.
  private static let secondLineFactor = 10

  private let callbacks: OpaquePointer?

  private init() {
    var callbacks: OpaquePointer?
    unsafe nghttp2_session_callbacks_new(&callbacks)
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, headersBegan)
    unsafe nghttp2_session_callbacks_set_on_header_callback2(callbacks, headerCame)
    unsafe nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, invalidHeaderCame)
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameCame)
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, dataCame)
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
    unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, frameNotSent)
    unsafe self.callbacks = unsafe callbacks
  }

  /// A new session, which its caller frees; `memory` has to outlive it.
  func makeHandle(
    _ role: HTTP2Session.Role, _ configuration: HTTP2Configuration, _ memory: SessionMemory?
  ) -> OpaquePointer {
    let options = unsafe makeOptions(configuration)
    defer { unsafe nghttp2_option_del(options) }
    var handle: OpaquePointer?
    func make(_ memory: UnsafeMutablePointer<nghttp2_mem>?) -> Int32 {
      switch role {
      case .client: unsafe nghttp2_session_client_new3(&handle, callbacks, nil, options, memory)
      case .server: unsafe nghttp2_session_server_new3(&handle, callbacks, nil, options, memory)
      }
    }
    let code = memory.map { unsafe $0.withAllocator { unsafe make($0) } } ?? make(nil)
    guard code == 0, let handle = unsafe handle else {
      preconditionFailure("nghttp2_session_new: \(code)")
    }
    return unsafe handle
  }

  private func makeOptions(_ configuration: HTTP2Configuration) -> OpaquePointer? {
    var options: OpaquePointer?
    unsafe nghttp2_option_new(&options)
    // Windows are credited when bytes are consumed, not when they come.
    unsafe nghttp2_option_set_no_auto_window_update(options, 1)
    // Streams that are over are kept for priorities only, which are off.
    unsafe nghttp2_option_set_no_closed_streams(options, 1)
    // gRPC allows a value to begin or end with blanks; a call must not break on it.
    unsafe nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options, 1)
    unsafe nghttp2_option_set_max_deflate_dynamic_table_size(
      options, configuration.sentHeaderTableSizeMax)
    unsafe nghttp2_option_set_max_send_header_block_length(
      options, configuration.sentHeaderBytesMax)
    unsafe nghttp2_option_set_max_settings(options, configuration.settingsEntriesMax)
    unsafe nghttp2_option_set_max_outbound_ack(options, configuration.unreadAcknowledgementsMax)
    // Push is off, so no stream is ever reserved.
    unsafe nghttp2_option_set_max_reserved_remote_streams(options, 0)
    let floods = configuration.floods
    unsafe nghttp2_option_set_stream_reset_rate_limit(
      options, UInt64(floods.resetBurst * Self.secondLineFactor),
      UInt64(floods.resetsPerSecond * Self.secondLineFactor))
    unsafe nghttp2_option_set_max_continuations(
      options, configuration.continuationsMax * Self.secondLineFactor)
    return unsafe options
  }
}
