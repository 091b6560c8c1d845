internal import EventLoops
internal import GRPC
package import Telemetry

/// Which calls of a server become spans, and where these go.
package struct TracingConfiguration: Sendable {
  package var sink: any SpanSink
  /// The share of calls that is recorded of those that come without a trace; a call that belongs
  /// to one is recorded when the trace is. 1 records all.
  package var rootRatio: Double

  package init(sink: any SpanSink, rootRatio: Double = 1) {
    self.sink = sink
    self.rootRatio = rootRatio
  }
}

extension LoopObserver {
  /// Where a call with `metadata` stands in its trace: below the operation that caused it when it
  /// is recorded here, else in that operation's own place, which calls made meanwhile hand on.
  func trace(_ metadata: Metadata) -> CallTrace? {
    let parent = TraceContext(metadata)
    guard let tracing else {
      return parent.map { CallTrace(context: $0, parent: nil, isRecorded: false) }
    }
    if let parent {
      guard parent.isSampled else {
        return CallTrace(context: parent, parent: nil, isRecorded: false)
      }
      return CallTrace(context: parent.child(), parent: parent.span, isRecorded: true)
    }
    let isSampled = tracing.rootRatio >= 1 || Double.random(in: 0..<1) < tracing.rootRatio
    return CallTrace(context: .root(isSampled: isSampled), parent: nil, isRecorded: isSampled)
  }

  /// A recorded call is over: its span goes out (gRFC A72; the attributes are those of
  /// OpenTelemetry's conventions for RPC).
  func recordSpan(
    _ trace: CallTrace, _ record: borrowing CallRecord, method: MethodDescriptor,
    _ code: StatusCode, peer: String, duration: UInt64
  ) {
    guard trace.isRecorded, let tracing else { return }
    let endedAt = UInt64(WallClock.microseconds()) * 1000
    let attributes: [(name: String, value: Span.Value)] = [
      ("rpc.system.name", .text("grpc")),
      ("rpc.method", .text("\(method.service)/\(method.method)")),
      ("rpc.response.status_code", .text(code.description)),
      ("client.address", .text(peer)),
      ("rpc.server.request.size", .integer(Int64(clamping: record.received.byteCount))),
      ("rpc.server.response.size", .integer(Int64(clamping: record.sent.byteCount))),
    ]
    tracing.sink.record(
      Span(
        context: trace.context, parent: trace.parent,
        name: "Recv.\(method.service).\(method.method)", kind: .server,
        startedAt: endedAt > duration ? endedAt - duration : 0, endedAt: endedAt,
        attributes: attributes, isError: code.isServerError))
  }
}
