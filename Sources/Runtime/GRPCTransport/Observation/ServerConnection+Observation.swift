internal import EventLoops
internal import GRPC
internal import HTTP2
internal import TLS
internal import Telemetry

/// What whoever runs a call on this connection tells about it.
extension ServerConnection {
  /// A call's headers are read: it counts as started, whatever becomes of it. `method` is its place
  /// in ``PathTable/names``.
  func callStarted(_ method: Int) -> CallRecord {
    let now = MonotonicTime.nanoseconds()
    owner.observer.calls.noteStart(method: method, at: now)
    traffic.streamsStarted &+= 1
    traffic.lastStreamAt = now
    return CallRecord(method: method, startedAt: now)
  }

  /// The call has its status. To be told once for each ``callStarted(_:)``; `error` is for the log.
  func callEnded(
    _ record: borrowing CallRecord, _ code: StatusCode, _ error: RPCError?,
    _ context: ServerContext?
  ) {
    let now = MonotonicTime.nanoseconds()
    let duration = now &- record.startedAt
    let observer = owner.observer
    observer.calls.noteEnd(record, code, duration: duration)
    // A lock is taken to ask for the cause: not for a call that is well.
    var cause: CancellationCause?
    if case .ok = code {} else { cause = context?.cancellationCause }
    traffic.noteEnd(record, isFailed: cause?.isClientsEnd ?? false)
    if let context, let trace = context.trace, trace.isRecorded {
      observer.recordSpan(
        trace, record, method: context.method, code, peer: peer, duration: duration)
    }
    guard let log = observer.accessLog,
      log.wants(code, context?.method.kind, duration: duration)
    else { return }
    log.write(
      AccessLog.Call(
        method: owner.table.names[record.method], code: code, error: error, cause: cause,
        peer: peer, userAgent: (context?.metadata ?? requestMetadata)["user-agent"],
        traceID: context?.trace?.context.traceID, record: copy record, duration: duration),
      now: now)
  }
}

/// What the connection tells of itself when it is asked.
extension ServerConnection {
  var reference: SocketReference { SocketReference(id: id, name: peer) }

  func report() -> SocketReport {
    var all = traffic
    session.forEachStream { stream in
      if let record = (stream.handler as? any RecordedCall)?.record { all.noteMessages(record) }
    }
    var report = SocketReport(id: id, name: peer)
    report.localAddress = stream.localAddress?.description
    report.remoteAddress = peer
    report.security = stream.security.map { SocketReport.Security($0) }
    report.traffic = SocketReport.Traffic(all, session)
    return report
  }
}

extension SocketReport.Security {
  init(_ security: ConnectionSecurity) {
    self.init(cipherSuite: security.cipherSuite, protocolVersion: security.version)
  }
}

extension SocketReport.Traffic {
  /// For the server's end of a session: its streams are the peer's.
  init(_ traffic: ConnectionTraffic, _ session: HTTP2Session) {
    self.init()
    let clock = ReportClock()
    streamsStarted = Int64(clamping: traffic.streamsStarted)
    streamsSucceeded = Int64(clamping: traffic.streamsEnded - traffic.streamsFailed)
    streamsFailed = Int64(clamping: traffic.streamsFailed)
    messagesSent = Int64(clamping: traffic.messagesSent)
    messagesReceived = Int64(clamping: traffic.messagesReceived)
    keepalivesSent = Int64(clamping: traffic.keepalivesSent)
    switch session.role {
    case .server: lastRemoteStreamAt = clock.wallTime(of: traffic.lastStreamAt)
    case .client: lastLocalStreamAt = clock.wallTime(of: traffic.lastStreamAt)
    }
    lastMessageSentAt = clock.wallTime(of: traffic.lastSentAt)
    lastMessageReceivedAt = clock.wallTime(of: traffic.lastReceivedAt)
    sendWindow = Int64(session.sendWindow)
    receiveWindow = Int64(session.receiveWindow)
    receivedGoAway = traffic.receivedGoAway
    peerStreamsMax = session.peerStreamsMax
  }
}

/// Both clocks read together, to tell when something measured was.
struct ReportClock {
  private let wall = WallClock.microseconds()
  private let monotonic = MonotonicTime.nanoseconds()

  /// Microseconds since 1970; `nil` for 0, which is never.
  func wallTime(of time: UInt64) -> Int64? {
    guard time > 0 else { return nil }
    return wall - Int64(clamping: monotonic > time ? (monotonic - time) / 1000 : 0)
  }
}
