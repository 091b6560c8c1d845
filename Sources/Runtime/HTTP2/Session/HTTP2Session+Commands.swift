package import Buffers
internal import CNGHTTP2

extension HTTP2Session {
  // MARK: A stream's headers

  /// Opens a stream with a request; what is written to it follows. A client's command.
  ///
  /// The request goes out when the peer has room for a stream. `false` when the session takes no
  /// new ones: the stream was not sent and hears nothing more.
  package func submitRequest(
    _ stream: HTTP2Stream, preset: HeaderPreset?, _ headers: borrowing HeaderList
  ) -> Bool {
    precondition(stream.id == 0, "stream \(stream.id) is open already")
    var provider = unsafe Self.provider(for: stream)
    let data = unsafe Unmanaged.passUnretained(stream).toOpaque()
    let id = unsafe headers.withFields(after: preset) { fields, count in
      unsafe nghttp2_submit_request(handle, nil, fields, count, &provider, data)
    }
    guard id > 0 else { return false }
    stream.id = id
    streams.insert(stream)
    return true
  }

  /// Answers with headers; what is written to the stream follows. A server's command.
  package func submitResponse(
    _ stream: HTTP2Stream, preset: HeaderPreset?, _ headers: borrowing HeaderList
  ) {
    guard !stream.isClosed else { return }
    var provider = unsafe Self.provider(for: stream)
    let code = unsafe headers.withFields(after: preset) { fields, count in
      unsafe nghttp2_submit_response(handle, stream.id, fields, count, &provider)
    }
    checkStream(code)
  }

  /// Answers with headers and nothing else. A server's command.
  package func submitHeadersOnlyResponse(
    _ stream: HTTP2Stream, preset: HeaderPreset?, _ headers: borrowing HeaderList
  ) {
    guard !stream.isClosed else { return }
    stream.outgoingEnd = .sent
    let code = unsafe headers.withFields(after: preset) { fields, count in
      unsafe nghttp2_submit_response(handle, stream.id, fields, count, nil)
    }
    checkStream(code)
  }

  // MARK: A stream's data

  /// Appends payload: `body` writes it where it waits to be sent.
  package func write(to stream: HTTP2Stream, _ body: (inout ByteWriter) -> Void) {
    guard !stream.isClosed else { return }
    let before = stream.outgoing.count
    body(&stream.outgoing)
    pendingByteCount += stream.outgoing.count - before
    resume(stream)
  }

  /// Ends our side after what was written.
  package func end(_ stream: HTTP2Stream) {
    guard !stream.isClosed, case .open = stream.outgoingEnd else { return }
    stream.outgoingEnd = .endStream
    resume(stream)
  }

  /// Ends our side with trailers that are always the same, after what was written.
  package func end(_ stream: HTTP2Stream, trailers: HeaderPreset) {
    guard !stream.isClosed, case .open = stream.outgoingEnd else { return }
    stream.outgoingEnd = .trailers(trailers)
    resume(stream)
  }

  /// Ends our side with trailers, after what was written.
  package func end(_ stream: HTTP2Stream, trailers: consuming HeaderList) {
    guard !stream.isClosed, case .open = stream.outgoingEnd else { return }
    stream.outgoingEnd = .ownTrailers
    stream.ownTrailers = trailers
    resume(stream)
  }

  /// Has ``HTTP2StreamHandler/streamHasRoom()`` called once the stream's buffer is below its low
  /// mark.
  package func notifyWhenRoom(on stream: HTTP2Stream) {
    stream.wantsRoom = true
  }

  /// Ends the stream at once. A second call does nothing.
  package func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    guard !stream.isClosed, stream.id > 0 else { return }
    unsafe _ = nghttp2_submit_rst_stream(
      handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, code.rawValue)
  }

  /// Ends the stream at once, and drops what waits to be sent on it.
  package func abandon(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    guard !stream.isClosed else { return }
    pendingByteCount -= stream.pendingByteCount
    stream.outgoing.removeAll(keeping: 0)
    stream.outgoingStart = 0
    // The reset goes out before any DATA; nothing may look like the end of all that was said.
    stream.outgoingEnd = .open
    reset(stream, code)
  }

  /// Credits the stream's window: its owner is done with `count` bytes of payload.
  package func consume(_ count: Int, on stream: HTTP2Stream) {
    guard !stream.isClosed, !stream.isRemoteEnded, count > 0 else { return }
    unsafe _ = nghttp2_session_consume_stream(handle, stream.id, count)
  }

  private func resume(_ stream: HTTP2Stream) {
    guard stream.isDeferred else { return }
    stream.isDeferred = false
    unsafe _ = nghttp2_session_resume_data(handle, stream.id)
  }

  /// A stream that is gone by now is no mistake; anything else is.
  private func checkStream(_ code: Int32) {
    if code == NGHTTP2_ERR_STREAM_CLOSED.rawValue { return }
    if code == NGHTTP2_ERR_INVALID_STREAM_ID.rawValue { return }
    if code == NGHTTP2_ERR_DATA_EXIST.rawValue { return }
    check(code)
  }

  private static func provider(for stream: HTTP2Stream) -> nghttp2_data_provider {
    var provider = unsafe nghttp2_data_provider()
    unsafe provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
    unsafe provider.read_callback = readOutgoing
    return unsafe provider
  }

  // MARK: The connection

  /// Asks the peer to open no more streams, without refusing those on their way: the first of two
  /// steps (RFC 9113, section 6.8). A ping's answer says when it has heard.
  package func submitShutdownNotice() {
    check(unsafe nghttp2_submit_shutdown_notice(handle))
  }

  /// Says up to which stream we answer; later ones are ignored. The second step.
  package func submitGoAway(_ code: HTTP2ErrorCode) {
    let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
    unsafe _ = nghttp2_submit_goaway(
      handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, code.rawValue, nil, 0)
  }

  /// The same, with a reason in words for whoever reads the peer's logs: ASCII, no secrets.
  package func submitGoAway(_ code: HTTP2ErrorCode, debug: String) {
    let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
    var debug = debug
    debug.withUTF8 { text in
      unsafe _ = nghttp2_submit_goaway(
        handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, code.rawValue, text.baseAddress,
        text.count)
    }
  }

  /// Says GOAWAY with a reason in words and wants no more bytes; the session is over once it is
  /// sent. A second call does nothing.
  package func terminate(_ code: HTTP2ErrorCode, debug: String) {
    submitGoAway(code, debug: debug)
    terminate(code)
  }

  /// Says GOAWAY and wants no more bytes; the session is over once it is sent.
  package func terminate(_ code: HTTP2ErrorCode) {
    unsafe _ = nghttp2_session_terminate_session(handle, code.rawValue)
  }

  /// Sends a PING; ``HTTP2SessionDelegate/pingAcknowledged()`` follows.
  package func sendPing() {
    unsafe _ = nghttp2_submit_ping(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
  }
}
