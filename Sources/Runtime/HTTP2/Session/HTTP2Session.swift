package import Buffers
internal import CNGHTTP2

/// One HTTP/2 session without its socket: bytes in, events; commands, bytes out.
///
/// It lives on one executor. nghttp2's callbacks tell nobody: they note events, and ``receive(_:)``
/// and ``send(into:upTo:)`` tell them once nghttp2 has returned, so an event may give any command.
/// Neither may be called from an event.
@safe package final class HTTP2Session {
  package enum Role: Sendable {
    case client
    case server
  }

  package let role: Role
  let configuration: HTTP2Configuration
  /// The session; freed in `deinit`.
  let handle: OpaquePointer
  /// Kept alive; the delegate takes itself out when its connection is gone.
  package var delegate: (any HTTP2SessionDelegate)?

  /// What callbacks noted and nobody was told yet.
  var events: [HTTP2Event] = []
  var headers: HeaderStorage
  /// The stream whose header block is being read.
  var headerStream: StreamReference?
  /// Where the bytes begin that are being received; `nil` outside ``receive(_:)``.
  var inputStart: UnsafeRawPointer?
  /// Payload received and not yet credited to the connection.
  var uncreditedByteCount = 0
  /// Which ``HTTP2Event/goAway`` stands for.
  var goAways: [ReceivedGoAway] = []
  var streams = StreamList()
  /// How many streams the peer has opened so far.
  package internal(set) var streamsOpened: UInt64 = 0
  var scanner: FrameScanner
  var flood: FloodGuard
  /// What the peer sent too much of, until the session says so.
  private var verdict: FloodReason?
  /// Why the session can't go on, once it can't. A GOAWAY that we sent without a peer's fault is no
  /// reason.
  package internal(set) var failure: HTTP2Error?
  /// How many HEADERS frames have been sent.
  package internal(set) var headersFramesSent: UInt64 = 0
  /// How many DATA frames have been sent.
  package internal(set) var dataFramesSent: UInt64 = 0
  /// How many bytes of payload have been sent: while it stands still nothing is moving.
  package internal(set) var dataBytesSent: UInt64 = 0
  /// How many bytes of payload wait to be sent, on all streams.
  package internal(set) var pendingByteCount = 0
  private var isTelling = false
  /// Whose blocks `handle` uses; kept alive.
  private let memory: SessionMemory?
  /// Whether the streams were taken out for good.
  private(set) var isDetached = false
  /// How many events a session keeps room for between reads.
  private static let keptEventsMax = 1024

  /// Makes a session and queues its first SETTINGS. It lives on the thread of `memory`, if that is
  /// given.
  package init(
    role: Role, configuration: HTTP2Configuration = .defaults, memory: SessionMemory? = nil
  ) {
    self.role = role
    self.configuration = configuration
    self.memory = memory
    headers = HeaderStorage(configuration)
    scanner = FrameScanner(expectsPreface: role == .server)
    flood = FloodGuard(
      configuration.floods, continuationsMax: configuration.continuationsMax,
      isServer: role == .server, start: Self.now)
    unsafe handle = unsafe SessionFactory.shared.makeHandle(role, configuration, memory)
    unsafe nghttp2_session_set_user_data(handle, Unmanaged.passUnretained(self).toOpaque())
    submitSettings()
  }

  deinit {
    // Before `memory` goes, whose blocks are given back.
    headers.forgetLent()
    unsafe nghttp2_session_del(handle)
  }

  /// How many streams are open.
  package var streamCount: Int { streams.count }

  private func submitSettings() {
    func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
      nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }
    var settings = [
      entry(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, configuration.headerTableSize),
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(max(configuration.streamWindow, 0))),
      entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(configuration.headerBytesMax)),
      entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
    ]
    switch role {
    case .server:
      settings.append(
        entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, configuration.concurrentStreamsMax))
    case .client:
      settings.append(entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0))
      settings.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
    }
    check(
      unsafe nghttp2_submit_settings(
        handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count))
    check(
      unsafe nghttp2_session_set_local_window_size(
        handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, configuration.connectionWindow))
  }

  /// Whether the session is over: it neither wants bytes nor has any.
  package var isOver: Bool {
    if isDetached { return true }
    return unsafe nghttp2_session_want_read(handle) == 0
      && nghttp2_session_want_write(handle) == 0
  }

  /// Whether there is something to send.
  package var wantsToSend: Bool { unsafe nghttp2_session_want_write(handle) != 0 }

  /// How many streams of ours the peer takes at once (SETTINGS_MAX_CONCURRENT_STREAMS).
  package var peerConcurrentStreamsMax: Int {
    Int(
      unsafe nghttp2_session_get_remote_settings(handle, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
  }

  /// Whether a header block has begun and not all of it has come.
  package var isReadingHeaderBlock: Bool { scanner.isReadingHeaderBlock }

  /// How many header blocks have begun; it tells one slow block from the next.
  package var headerBlockCount: UInt64 { scanner.headerBlockCount }

  /// Whether payload waits to be sent and none of it may be, because the peer's windows are shut.
  package var isBlockedByPeer: Bool { pendingByteCount > 0 && !wantsToSend }

  /// Whether the window that all streams share is shut.
  package var isConnectionWindowShut: Bool {
    unsafe nghttp2_session_get_remote_window_size(handle) <= 0
  }

  /// The largest header list that the peer wants to get (SETTINGS_MAX_HEADER_LIST_SIZE), counted as
  /// RFC 9113, section 6.5.2, does; advice, which nghttp2 does not enforce.
  package var peerHeaderListSizeMax: Int {
    Int(
      unsafe nghttp2_session_get_remote_settings(
        handle, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE))
  }

  /// Whether the stream's own window is shut.
  package func isWindowShut(of stream: HTTP2Stream) -> Bool {
    unsafe nghttp2_session_get_stream_remote_window_size(handle, stream.id) <= 0
  }

  /// Takes what came from the peer and tells what it means. A session that has ended takes nothing.
  ///
  /// Throws when the session can't go on: what is queued (a GOAWAY) may still be sent.
  package func receive(_ bytes: RawSpan) throws(HTTP2Error) {
    guard !isDetached, failure == nil else { return }
    var offset = 0
    while let frame = scanner.next(in: bytes, at: &offset) {
      if let reason = flood.received(frame, { self.moment() }) { throw end(for: reason) }
    }
    let code = unsafe bytes.withUnsafeBytes { input -> Int in
      guard let start = input.baseAddress else { return 0 }
      unsafe inputStart = start
      defer { unsafe inputStart = nil }
      return unsafe nghttp2_session_mem_recv(
        handle, start.assumingMemoryBound(to: UInt8.self), input.count)
    }
    if uncreditedByteCount > 0 {
      unsafe _ = nghttp2_session_consume_connection(handle, uncreditedByteCount)
      uncreditedByteCount = 0
    }
    if !scanner.isReadingHeaderBlock { headers.abandon() }
    tellEvents(about: bytes)
    if code < 0 {
      let error = HTTP2Error(nghttp2: code)
      if case .flood(let reason) = error { throw end(for: reason) }
      failure = error
      throw error
    }
    if let verdict { throw end(for: verdict) }
    if unsafe nghttp2_session_get_outbound_queue_size(handle) > configuration.unreadFramesMax {
      throw end(for: .unreadFrames)
    }
  }

  /// Appends what is to be sent, until there is no more or `writer` holds `bound` bytes.
  package func send(into writer: inout ByteWriter, upTo bound: Int) throws(HTTP2Error) {
    guard !isDetached else { return }
    var code = 0
    while writer.count < bound {
      var chunk: UnsafePointer<UInt8>?
      code = unsafe nghttp2_session_mem_send(handle, &chunk)
      guard code > 0, let start = unsafe chunk else { break }
      unsafe writer.append(copying: UnsafeRawBufferPointer(start: start, count: code))
    }
    tellEvents(about: RawSpan())
    if code < 0 { throw HTTP2Error(nghttp2: code) }
    // Counted while sending: the GOAWAY is the next thing that goes out.
    if let verdict, failure == nil { _ = end(for: verdict) }
  }

  /// Ends the session for a flood, and says so.
  private func end(for reason: FloodReason) -> HTTP2Error {
    let error = HTTP2Error.flood(reason)
    failure = error
    terminate(.enhanceYourCalm, debug: reason.rawValue)
    return error
  }

  /// Whether the session ends once nghttp2 has returned.
  var hasVerdict: Bool { verdict != nil }

  /// Keeps the first verdict for when nghttp2 has returned.
  func note(_ reason: FloodReason?) {
    if verdict == nil { verdict = reason }
  }

  /// What the guard asks for when a bucket is empty.
  func moment() -> FloodGuard.Moment {
    FloodGuard.Moment(
      now: Self.now, streamsOpened: streamsOpened, headersFramesSent: headersFramesSent,
      dataFramesSent: dataFramesSent)
  }

  /// The time as ``FloodGuard`` counts it.
  private static var now: Duration { zero.duration(to: .now) }
  private static let zero = ContinuousClock.now

  private func tellEvents(about input: RawSpan) {
    precondition(!isTelling, "a session can't be fed from one of its events")
    isTelling = true
    defer { isTelling = false }
    var told = 0
    // What is noted meanwhile comes after the rest.
    while told < events.count {
      tell(events[told], about: input)
      told += 1
    }
    events.removeAll(keepingCapacity: events.capacity <= Self.keptEventsMax)
    // Nothing was read to be sent.
    if !input.isEmpty { headers.forgetFinished() }
    streams.forgetEnded()
  }

  private func tell(_ event: HTTP2Event, about input: RawSpan) {
    switch event {
    case .headers(let stream, let range, let endsStream):
      stream.with { tellHeaders($0, range, endsStream: endsStream) }
    case .data(let stream, let offset, let count, let endsStream):
      stream.with { stream in
        guard !stream.isClosed else { return }
        stream.handler?.received(
          data: input.extracting(offset..<(offset + count)), endsStream: endsStream)
      }
    case .end(let stream):
      stream.with { if !$0.isClosed { $0.handler?.receivedEnd() } }
    case .room(let stream):
      stream.with { if !$0.isClosed { $0.handler?.streamHasRoom() } }
    case .closed(let stream, let code):
      stream.with { if !$0.isClosed { close($0, HTTP2ErrorCode(wire: code)) } }
    case .settings:
      delegate?.settingsReceived()
    case .settingsAcknowledged:
      delegate?.settingsAcknowledged()
    case .ping:
      delegate?.pingReceived()
    case .pingAcknowledged:
      delegate?.pingAcknowledged()
    case .goAway:
      let goAway = goAways.removeFirst()
      delegate?.goAwayReceived(
        lastStreamID: goAway.lastStreamID, code: HTTP2ErrorCode(wire: goAway.code),
        debugData: goAway.debugData.withBytes { $0.string() })
    }
  }

  private func tellHeaders(
    _ stream: HTTP2Stream, _ range: HeaderStorage.Range, endsStream: Bool
  ) {
    guard !stream.isClosed else { return }
    if stream.handler == nil, role == .server {
      // Opened and reset in one read: nobody needs to begin anything.
      guard !stream.isForgotten else { return }
      stream.handler = delegate?.makeHandler(for: stream)
    }
    guard let handler = stream.handler else { return }
    headers.withBlock(range) { handler.received(headers: $0, endsStream: endsStream) }
  }

  /// Takes every stream out and tells each that it is closed, as when the connection is gone. The
  /// session is not used any more: nghttp2 still knows streams that are freed by now.
  package func closeAllStreams(_ code: HTTP2ErrorCode) {
    isDetached = true
    headerStream = nil
    while streams.count > 0 {
      for stream in streams.open() {
        streams.end(stream)
        if !stream.isClosed { close(stream, code) }
      }
    }
    // Otherwise an event that is to be told yet may name one.
    if !isTelling { streams.forgetEnded() }
  }

  private func close(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    stream.isClosed = true
    pendingByteCount -= stream.pendingByteCount
    stream.handler.take()?.streamClosed(code)
  }

  /// Calls `body` with each open stream. It may end streams, but not open any.
  package func forEachStream(_ body: (HTTP2Stream) -> Void) {
    for stream in streams.open() { body(stream) }
  }

  /// For codes that only a mistake of ours or the lack of memory can bring about.
  func check(_ code: Int32) {
    precondition(code == 0, "nghttp2: \(unsafe String(cString: nghttp2_strerror(code)))")
  }

  /// The stream that nghttp2 knows as `id`.
  func stream(_ id: Int32) -> StreamReference? {
    guard let data = unsafe nghttp2_session_get_stream_user_data(handle, id) else { return nil }
    return unsafe StreamReference(data)
  }
}
