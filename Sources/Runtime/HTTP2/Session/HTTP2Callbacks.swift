internal import Buffers
internal import CNGHTTP2

// What nghttp2 calls. Each recovers its session, copies, notes an event and returns.

/// How much of a GOAWAY's reason in words is kept.
private let goAwayDebugSizeMax = 256

/// The callbacks and options, which all sessions share.
@safe final class SessionFactory: @unchecked Sendable {
  // @unchecked: written in `init` only; nghttp2 copies from both when a session is made.
  static let shared = SessionFactory()

  private let callbacks: OpaquePointer?
  private let options: OpaquePointer?

  private init() {
    var callbacks: OpaquePointer?
    unsafe nghttp2_session_callbacks_new(&callbacks)
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, headersBegan)
    unsafe nghttp2_session_callbacks_set_on_header_callback2(callbacks, headerCame)
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameCame)
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, dataCame)
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
    unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, frameNotSent)
    unsafe self.callbacks = unsafe callbacks
    var options: OpaquePointer?
    unsafe nghttp2_option_new(&options)
    unsafe nghttp2_option_set_no_auto_window_update(options, 1)
    unsafe nghttp2_option_set_no_closed_streams(options, 1)
    unsafe self.options = unsafe options
  }

  /// A new session, which its caller frees.
  func makeHandle(_ role: HTTP2Session.Role) -> OpaquePointer {
    var handle: OpaquePointer?
    let code =
      switch role {
      case .client: unsafe nghttp2_session_client_new2(&handle, callbacks, nil, options)
      case .server: unsafe nghttp2_session_server_new2(&handle, callbacks, nil, options)
      }
    guard code == 0, let handle = unsafe handle else {
      preconditionFailure("nghttp2_session_new: \(code)")
    }
    return unsafe handle
  }
}

private func session(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
  guard let context = unsafe context else { return nil }
  return unsafe Unmanaged<HTTP2Session>.fromOpaque(context).takeUnretainedValue()
}

private func headersBegan(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let frame = unsafe frame else { return 0 }
  let id = unsafe frame.pointee.hd.stream_id
  session.headers.begin()
  if session.role == .server, unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
    let stream = HTTP2Stream()
    stream.id = id
    stream.handler = session.delegate?.makeHandler(for: stream)
    session.insert(stream)
    let data = unsafe Unmanaged.passUnretained(stream).toOpaque()
    unsafe _ = nghttp2_session_set_stream_user_data(session.handle, id, data)
    unsafe session.headerStream = stream
  } else {
    unsafe session.headerStream = session.stream(id)
  }
  return 0
}

private func headerCame(
  _: OpaquePointer?, _: UnsafePointer<nghttp2_frame>?, _ name: OpaquePointer?,
  _ value: OpaquePointer?, _: UInt8, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), unsafe session.headerStream != nil else { return 0 }
  let name = unsafe nghttp2_rcbuf_get_buf(name)
  let value = unsafe nghttp2_rcbuf_get_buf(value)
  unsafe session.headers.append(
    UnsafeRawBufferPointer(start: name.base, count: name.len),
    UnsafeRawBufferPointer(start: value.base, count: value.len), session.configuration)
  return 0
}

private func dataCame(
  _: OpaquePointer?, _: UInt8, _ id: Int32, _ data: UnsafePointer<UInt8>?, _ count: Int,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let data = unsafe data else { return 0 }
  session.uncreditedByteCount += count
  guard let stream = session.stream(id), let start = unsafe session.inputStart else { return 0 }
  let offset = unsafe UnsafeRawPointer(data) - start
  session.events.append(.data(stream, offset: offset, count: count, endsStream: false))
  return 0
}

private func frameCame(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let frame = unsafe frame else { return 0 }
  let header = unsafe frame.pointee.hd
  let endsStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
  let isAcknowledgement = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
  switch nghttp2_frame_type(UInt32(header.type)) {
  case NGHTTP2_HEADERS:
    let range = session.headers.finish()
    guard let stream = unsafe session.headerStream else { return 0 }
    unsafe session.headerStream = nil
    if endsStream { stream.isRemoteEnded = true }
    session.events.append(.headers(stream, range, endsStream: endsStream))
  case NGHTTP2_DATA:
    guard endsStream, let stream = session.stream(header.stream_id) else { return 0 }
    stream.isRemoteEnded = true
    // Nearly always the frame's payload was noted a moment ago.
    if case .data(let last, let offset, let count, _)? = session.events.last, last === stream {
      session.events[session.events.count - 1] = .data(
        stream, offset: offset, count: count, endsStream: true)
    } else {
      session.events.append(.end(stream))
    }
  case NGHTTP2_SETTINGS:
    session.events.append(isAcknowledgement ? .settingsAcknowledged : .settings)
  case NGHTTP2_PING:
    session.events.append(isAcknowledgement ? .pingAcknowledged : .ping)
  case NGHTTP2_GOAWAY:
    let goAway = unsafe frame.pointee.goaway
    let debugData = unsafe UnsafeRawBufferPointer(
      start: goAway.opaque_data, count: min(goAway.opaque_data_len, goAwayDebugSizeMax))
    session.events.append(
      .goAway(
        lastStreamID: unsafe goAway.last_stream_id, code: unsafe goAway.error_code,
        debugData: unsafe Array(debugData)))
  default:
    break
  }
  return 0
}

private func streamClosed(
  _: OpaquePointer?, _ id: Int32, _ code: UInt32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let stream = session.stream(id) else { return 0 }
  if unsafe session.headerStream === stream { unsafe session.headerStream = nil }
  session.events.append(.closed(stream, code))
  session.remove(stream)
  return 0
}

/// Counts what was sent. A server that has answered before the request was over tells the client
/// to stop sending (RFC 9113, section 8.1).
private func frameSent(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let frame = unsafe frame else { return 0 }
  let header = unsafe frame.pointee.hd
  switch nghttp2_frame_type(UInt32(header.type)) {
  case NGHTTP2_HEADERS: session.headersFramesSent += 1
  case NGHTTP2_DATA: session.dataFramesSent += 1
  default: return 0
  }
  guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0, session.role == .server,
    let stream = session.stream(header.stream_id), !stream.isRemoteEnded
  else { return 0 }
  session.reset(stream, .noError)
  return 0
}

/// A request that nghttp2 could not send, as after a GOAWAY: its stream was never open.
private func frameNotSent(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _: Int32,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), session.role == .client, let frame = unsafe frame,
    unsafe frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue)
  else { return 0 }
  let id = unsafe frame.pointee.hd.stream_id
  var next = session.firstStream
  while let stream = next {
    if stream.id == id {
      session.events.append(.closed(stream, HTTP2ErrorCode.refusedStream.rawValue))
      session.remove(stream)
      break
    }
    next = stream.next
  }
  return 0
}

/// Gives nghttp2 what waits on a stream for one DATA frame (nghttp2_data_source_read_callback).
func readOutgoing(
  _ handle: OpaquePointer?, _ id: Int32, _ target: UnsafeMutablePointer<UInt8>?, _ size: Int,
  _ flags: UnsafeMutablePointer<UInt32>?, _ source: UnsafeMutablePointer<nghttp2_data_source>?,
  _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let session = unsafe session(context), let data = unsafe source?.pointee.ptr,
    let target = unsafe target, let flags = unsafe flags
  else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
  let stream = unsafe Unmanaged<HTTP2Stream>.fromOpaque(data).takeUnretainedValue()
  let count = unsafe stream.takeOutgoing(UnsafeMutableRawBufferPointer(start: target, count: size))
  stream.bytesSent += UInt64(count)
  session.dataBytesSent += UInt64(count)
  session.pendingByteCount -= count
  if stream.wantsRoom, stream.pendingByteCount < session.configuration.streamBufferLow {
    stream.wantsRoom = false
    session.events.append(.room(stream))
  }
  guard stream.pendingByteCount == 0 else { return count }
  switch stream.outgoingEnd {
  case .open:
    guard count == 0 else { return count }
    stream.isDeferred = true
    return Int(NGHTTP2_ERR_DEFERRED.rawValue)
  case .endStream, .sent:
    unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
  case .trailers(let preset):
    unsafe flags.pointee |=
      NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
    let none = HeaderList()
    unsafe none.withFields(after: preset) { fields, count in
      unsafe _ = nghttp2_submit_trailer(handle, id, fields, count)
    }
  case .ownTrailers:
    unsafe flags.pointee |=
      NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
    unsafe stream.ownTrailers.withFields(after: nil) { fields, count in
      unsafe _ = nghttp2_submit_trailer(handle, id, fields, count)
    }
  }
  stream.outgoingEnd = .sent
  return count
}

extension HTTP2Stream {
  /// Moves what waits into `target`, as much as fits.
  func takeOutgoing(_ target: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(target.count, pendingByteCount)
    guard count > 0 else { return 0 }
    unsafe outgoing.withUnsafeBytes { bytes in
      let slice = unsafe UnsafeRawBufferPointer(
        rebasing: bytes[outgoingStart..<(outgoingStart + count)])
      unsafe target.copyMemory(from: slice)
    }
    outgoingStart += count
    if outgoingStart == outgoing.count {
      outgoing.removeAll(keeping: 4 << 10)
      outgoingStart = 0
    }
    return count
  }
}
