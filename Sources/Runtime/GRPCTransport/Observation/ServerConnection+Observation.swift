internal import EventLoops
internal import GRPC
internal import Telemetry

/// What whoever runs a call on this connection tells about it.
extension ServerConnection {
  /// A call's headers are read: it counts as started, whatever becomes of it. `method` is its place
  /// in ``PathTable/names``.
  func callStarted(_ method: Int) -> CallRecord {
    let now = MonotonicTime.nanoseconds()
    owner.observer.calls.noteStart(method: method, at: now)
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
    guard let log = observer.accessLog,
      log.wants(code, context?.method.kind, duration: duration)
    else { return }
    observer.accessLog?.write(
      AccessLog.Call(
        method: owner.table.names[record.method], code: code, error: error,
        cause: context?.cancellationCause, peer: peer,
        userAgent: (context?.metadata ?? requestMetadata)["user-agent"], record: copy record,
        duration: duration),
      now: now)
  }
}
