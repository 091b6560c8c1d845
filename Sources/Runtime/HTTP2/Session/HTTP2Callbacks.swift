internal import Buffers
internal import CNGHTTP2

// What nghttp2 calls. Each recovers its session, copies, notes an event and returns.

/// How much of a GOAWAY's reason in words is kept.
let goAwayDebugSizeMax = 256

private func session(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
  guard let context = unsafe context else { return nil }
  return unsafe Unmanaged<HTTP2Session>.fromOpaque(context).takeUnretainedValue()
}

func headersBegan(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let frame = unsafe frame else { return 0 }
  // Push is off; a peer that has not heard so yet may try.
  guard unsafe frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue) else {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
  }
  let id = unsafe frame.pointee.hd.stream_id
  session.headers.begin()
  if session.role == .server, unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
    let stream = HTTP2Stream()
    stream.id = id
    session.insert(stream)
    session.streamsOpened += 1
    let data = unsafe Unmanaged.passUnretained(stream).toOpaque()
    unsafe _ = nghttp2_session_set_stream_user_data(session.handle, id, data)
    unsafe session.headerStream = stream
  } else {
    unsafe session.headerStream = session.stream(id)
  }
  if unsafe session.headerStream != nil { session.flood.headersBelongToStream() }
  return 0
}

func headerCame(
  _: OpaquePointer?, _: UnsafePointer<nghttp2_frame>?, _ name: OpaquePointer?,
  _ value: OpaquePointer?, _: UInt8, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), unsafe session.headerStream != nil else { return 0 }
  let name = unsafe nghttp2_rcbuf_get_buf(name)
  let value = unsafe nghttp2_rcbuf_get_buf(value)
  let isKept = unsafe session.headers.append(
    UnsafeRawBufferPointer(start: name.base, count: name.len),
    UnsafeRawBufferPointer(start: value.base, count: value.len), session.configuration)
  return isKept ? 0 : session.fieldDidNotFit()
}

/// A field that is not one, such as an empty name: its request is malformed (RFC 9113, section
/// 8.2.1). nghttp2 resets the stream with PROTOCOL_ERROR; it would ignore the field otherwise.
func invalidHeaderCame(
  _: OpaquePointer?, _: UnsafePointer<nghttp2_frame>?, _: OpaquePointer?, _: OpaquePointer?,
  _: UInt8, _: UnsafeMutableRawPointer?
) -> Int32 {
  NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
}

func dataCame(
  _: OpaquePointer?, _: UInt8, _ id: Int32, _ data: UnsafePointer<UInt8>?, _ count: Int,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let data = unsafe data else { return 0 }
  session.uncreditedByteCount += count
  guard let stream = session.stream(id), let start = unsafe session.inputStart else { return 0 }
  stream.bytesReceived += UInt64(count)
  let offset = unsafe UnsafeRawPointer(data) - start
  session.events.append(.data(stream, offset: offset, count: count, endsStream: false))
  return 0
}

func frameCame(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let frame = unsafe frame else { return 0 }
  let header = unsafe frame.pointee.hd
  let endsStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
  let isAcknowledgement = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
  switch nghttp2_frame_type(UInt32(header.type)) {
  case NGHTTP2_HEADERS:
    let range = session.headers.finish()
    if range.isTruncated { session.noteLargeBlock() }
    guard let stream = unsafe session.headerStream else { return 0 }
    unsafe session.headerStream = nil
    if endsStream { stream.isRemoteEnded = true }
    session.events.append(.headers(stream, range, endsStream: endsStream))
  case NGHTTP2_DATA:
    // Padding counts as payload: a frame with nothing else is as good as empty.
    if header.length > 0, unsafe frame.pointee.data.padlen >= header.length, !endsStream {
      session.note(session.flood.emptyFrameReceived { session.moment() })
    }
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

func streamClosed(
  _: OpaquePointer?, _ id: Int32, _ code: UInt32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let stream = session.stream(id) else { return 0 }
  if unsafe session.headerStream === stream { unsafe session.headerStream = nil }
  stream.isForgotten = true
  session.events.append(.closed(stream, code))
  session.remove(stream)
  return 0
}

/// Counts what was sent. A server that has answered before the request was over tells the client
/// to stop sending (RFC 9113, section 8.1).
func frameSent(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let frame = unsafe frame else { return 0 }
  let header = unsafe frame.pointee.hd
  switch nghttp2_frame_type(UInt32(header.type)) {
  case NGHTTP2_HEADERS: session.headersFramesSent += 1
  case NGHTTP2_DATA: session.dataFramesSent += 1
  case NGHTTP2_RST_STREAM:
    let code = HTTP2ErrorCode(wire: unsafe frame.pointee.rst_stream.error_code)
    session.note(session.flood.resetSent(code) { session.moment() })
    return 0
  case NGHTTP2_GOAWAY:
    unsafe session.noteGoAwaySent(unsafe frame.pointee.goaway)
    return 0
  default: return 0
  }
  guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0, session.role == .server,
    let stream = session.stream(header.stream_id), !stream.isRemoteEnded
  else { return 0 }
  session.reset(stream, .noError)
  return 0
}

/// A client's request that nghttp2 could not send, as after a GOAWAY: its stream was never open.
/// Headers of a server that are too long to be sent: the client must not wait for them.
func frameNotSent(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ reason: Int32,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(context), let frame = unsafe frame,
    unsafe frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue)
  else { return 0 }
  let id = unsafe frame.pointee.hd.stream_id
  guard session.role == .client else {
    if reason == NGHTTP2_ERR_FRAME_SIZE_ERROR.rawValue, let stream = session.stream(id) {
      session.reset(stream, .internalError)
    }
    return 0
  }
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
