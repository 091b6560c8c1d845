internal import Buffers
internal import CNGHTTP2

// What nghttp2 calls. Each recovers its session, copies, notes an event and returns; it tells
// nobody. Some have nghttp2 do more: reset a stream, or send the trailers after the last payload.

/// How much of a GOAWAY's reason in words is kept.
let goAwayDebugSizeMax = 256

/// Lends the session to `body` without counting the reference: these run many times per call.
@inline(__always)
private func withSession<Result>(
  _ context: UnsafeMutableRawPointer?, or other: Result, _ body: (HTTP2Session) -> Result
) -> Result {
  guard let context = unsafe context else { return other }
  return unsafe Unmanaged<HTTP2Session>.fromOpaque(context)._withUnsafeGuaranteedRef { body($0) }
}

func headersBegan(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame = unsafe frame else { return 0 }
  return unsafe withSession(context, or: 0) { unsafe $0.headersBegan(frame.pointee) }
}

func headerCame(
  _: OpaquePointer?, _: UnsafePointer<nghttp2_frame>?, _ name: OpaquePointer?,
  _ value: OpaquePointer?, _: UInt8, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let name = unsafe name, let value = unsafe value else { return 0 }
  return unsafe withSession(context, or: 0) { session in
    guard session.headerStream != nil, unsafe !session.headers.append(name, value) else { return 0 }
    return session.fieldDidNotFit()
  }
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
  guard let data = unsafe data else { return 0 }
  return unsafe withSession(context, or: 0) { session in
    session.uncreditedByteCount += count
    guard let stream = session.stream(id), let start = unsafe session.inputStart else { return 0 }
    stream.with { $0.bytesReceived += UInt64(count) }
    let offset = unsafe UnsafeRawPointer(data) - start
    session.events.append(.data(stream, offset: offset, count: count, endsStream: false))
    return 0
  }
}

func frameCame(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame = unsafe frame else { return 0 }
  return unsafe withSession(context, or: 0) { session in
    unsafe session.frameCame(frame)
    return 0
  }
}

func streamClosed(
  _: OpaquePointer?, _ id: Int32, _ code: UInt32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe withSession(context, or: 0) { session in
    guard let stream = session.stream(id) else { return 0 }
    if let reading = session.headerStream, reading == stream { session.headerStream = nil }
    session.events.append(.closed(stream, code))
    stream.with {
      $0.isForgotten = true
      session.streams.end($0)
    }
    return 0
  }
}

func frameSent(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame = unsafe frame else { return 0 }
  return unsafe withSession(context, or: 0) { session in
    unsafe session.frameSent(frame)
    return 0
  }
}

/// A client's request that nghttp2 could not send, as after a GOAWAY: its stream was never open.
/// Headers of a server that are too long to be sent: the client must not wait for them.
func frameNotSent(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ reason: Int32,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame = unsafe frame,
    unsafe frame.pointee.hd.type == UInt8(NGHTTP2_HEADERS.rawValue)
  else { return 0 }
  let id = unsafe frame.pointee.hd.stream_id
  return unsafe withSession(context, or: 0) { session in
    guard session.role == .client else {
      if reason == NGHTTP2_ERR_FRAME_SIZE_ERROR.rawValue, let stream = session.stream(id) {
        stream.with { session.reset($0, .internalError) }
      }
      return 0
    }
    for stream in session.streams.open() where stream.id == id {
      session.events.append(
        .closed(StreamReference(stream), HTTP2ErrorCode.refusedStream.rawValue))
      session.streams.end(stream)
    }
    return 0
  }
}

/// Gives nghttp2 what waits on a stream for one DATA frame (nghttp2_data_source_read_callback).
func readOutgoing(
  _ handle: OpaquePointer?, _ id: Int32, _ target: UnsafeMutablePointer<UInt8>?, _ size: Int,
  _ flags: UnsafeMutablePointer<UInt32>?, _ source: UnsafeMutablePointer<nghttp2_data_source>?,
  _ context: UnsafeMutableRawPointer?
) -> Int {
  let failed = Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
  guard let data = unsafe source?.pointee.ptr, let target = unsafe target,
    let flags = unsafe flags
  else { return failed }
  let room = unsafe UnsafeMutableRawBufferPointer(start: target, count: size)
  return unsafe withSession(context, or: failed) { session in
    unsafe StreamReference(data).with { stream in
      unsafe session.readOutgoing(of: stream, into: room, &flags.pointee)
    }
  }
}

// What the callbacks do, as the session's own.
extension HTTP2Session {
  fileprivate func headersBegan(_ frame: borrowing nghttp2_frame) -> Int32 {
    // Push is off; a peer that has not heard so yet may try.
    guard unsafe frame.hd.type == UInt8(NGHTTP2_HEADERS.rawValue) else {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }
    let id = unsafe frame.hd.stream_id
    headers.begin()
    if role == .server, unsafe frame.headers.cat == NGHTTP2_HCAT_REQUEST {
      let stream = HTTP2Stream()
      stream.id = id
      streams.insert(stream)
      streamsOpened += 1
      let data = unsafe Unmanaged.passUnretained(stream).toOpaque()
      unsafe _ = nghttp2_session_set_stream_user_data(handle, id, data)
      headerStream = StreamReference(stream)
    } else {
      headerStream = stream(id)
    }
    if headerStream != nil { flood.headersBelongToStream() }
    return 0
  }

  fileprivate func frameCame(_ frame: UnsafePointer<nghttp2_frame>) {
    let header = unsafe frame.pointee.hd
    let endsStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    let isAcknowledgement = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_HEADERS:
      headersCame(endsStream: endsStream)
    case NGHTTP2_DATA:
      // Padding counts as payload: a frame with nothing else is as good as empty.
      if header.length > 0, unsafe frame.pointee.data.padlen >= header.length, !endsStream {
        note(flood.emptyFrameReceived { moment() })
      }
      if endsStream { dataEnded(header.stream_id) }
    case NGHTTP2_SETTINGS:
      events.append(isAcknowledgement ? .settingsAcknowledged : .settings)
    case NGHTTP2_PING:
      events.append(isAcknowledgement ? .pingAcknowledged : .ping)
    case NGHTTP2_GOAWAY:
      let goAway = unsafe frame.pointee.goaway
      let debugData = unsafe UnsafeRawBufferPointer(
        start: goAway.opaque_data, count: min(goAway.opaque_data_len, goAwayDebugSizeMax))
      goAways.append(
        ReceivedGoAway(
          lastStreamID: unsafe goAway.last_stream_id, code: unsafe goAway.error_code,
          debugData: unsafe Array(debugData)))
      events.append(.goAway)
    default:
      break
    }
  }

  private func headersCame(endsStream: Bool) {
    let range = headers.finish()
    if range.isTruncated { noteLargeBlock() }
    guard let stream = headerStream else { return }
    headerStream = nil
    if endsStream { stream.with { $0.isRemoteEnded = true } }
    events.append(.headers(stream, range, endsStream: endsStream))
  }

  private func dataEnded(_ id: Int32) {
    // Nearly always the frame's payload was noted a moment ago.
    if case .data(let last, let offset, let count, _)? = events.last, last.id == id {
      last.with { $0.isRemoteEnded = true }
      events[events.count - 1] = .data(last, offset: offset, count: count, endsStream: true)
    } else if let stream = stream(id) {
      stream.with { $0.isRemoteEnded = true }
      events.append(.end(stream))
    }
  }

  /// Counts what was sent. A server that has answered before the request was over tells the client
  /// to stop sending (RFC 9113, section 8.1).
  fileprivate func frameSent(_ frame: UnsafePointer<nghttp2_frame>) {
    let header = unsafe frame.pointee.hd
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_HEADERS: headersFramesSent += 1
    case NGHTTP2_DATA: dataFramesSent += 1
    case NGHTTP2_RST_STREAM:
      let code = HTTP2ErrorCode(wire: unsafe frame.pointee.rst_stream.error_code)
      return note(flood.resetSent(code) { moment() })
    case NGHTTP2_GOAWAY:
      return unsafe noteGoAwaySent(unsafe frame.pointee.goaway)
    default: return
    }
    guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0, role == .server,
      let stream = stream(header.stream_id)
    else { return }
    stream.with { if !$0.isRemoteEnded { reset($0, .noError) } }
  }

  fileprivate func readOutgoing(
    of stream: HTTP2Stream, into target: UnsafeMutableRawBufferPointer, _ flags: inout UInt32
  ) -> Int {
    let count = unsafe stream.takeOutgoing(target)
    stream.bytesSent += UInt64(count)
    dataBytesSent += UInt64(count)
    pendingByteCount -= count
    if stream.wantsRoom, stream.pendingByteCount < configuration.streamBufferLow {
      stream.wantsRoom = false
      events.append(.room(StreamReference(stream)))
    }
    guard stream.pendingByteCount == 0 else { return count }
    switch stream.outgoingEnd {
    case .open:
      guard count == 0 else { return count }
      stream.isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    case .endStream, .sent:
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
    case .trailers(let preset):
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
      unsafe _ = nghttp2_submit_trailer(handle, stream.id, preset.pointer, preset.count)
    case .ownTrailers:
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
      unsafe stream.ownTrailers.withFields(after: nil) { fields, count in
        unsafe _ = nghttp2_submit_trailer(handle, stream.id, fields, count)
      }
    }
    stream.outgoingEnd = .sent
    return count
  }
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
