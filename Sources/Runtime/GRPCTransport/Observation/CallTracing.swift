internal import EventLoops
internal import GRPC
package import Telemetry

/// Which calls of a server become spans, and where these go.
package struct TracingConfiguration: Sendable {
  package var sink: any SpanSink
  /// The share of calls that is recorded of those that come without a trace, and of those whose
  /// parent is not trusted. 1 records all.
  package var rootRatio: Double
  package var parentTrust: ParentTrust

  package init(
    sink: any SpanSink, rootRatio: Double = 1, parentTrust: ParentTrust = .defaults
  ) {
    self.sink = sink
    self.rootRatio = rootRatio
    self.parentTrust = parentTrust
  }
}

/// Whether a call that belongs to a trace is recorded because its caller says that the trace is:
/// the flag `sampled` of its traceparent.
package enum ParentTrust: Hashable, Sendable {
  /// What the caller says counts for nothing: ``TracingConfiguration/rootRatio`` decides.
  case none
  /// So many calls per second of the server are recorded for the caller's sake, and as many at
  /// once; what comes beyond is treated as if it came without a trace.
  case upTo(Int)
  /// As in OpenTelemetry's ParentBased sampler, for callers that the operator runs.
  case all

  /// Calls per second of a server that are recorded because their callers say so.
  package static let callsPerSecondMax = 100

  package static let defaults = ParentTrust.upTo(callsPerSecondMax)
}

/// The trace that a request's metadata names. A box, which the calls of one client share: to hand
/// on that there is none costs nothing.
final class RequestTrace: Sendable {
  let context: TraceContext

  /// `nil` when the metadata names none, or two.
  init?(_ metadata: Metadata) {
    guard let context = TraceContext(metadata) else { return nil }
    self.context = context
  }
}

extension LoopObserver {
  /// Where a call stands in its trace: below `request`, the operation that caused it, when it
  /// is recorded here, else in that operation's own place, which calls made meanwhile hand on.
  func trace(below request: RequestTrace?, at now: UInt64) -> CallTrace? {
    if request == nil, !isTracing { return nil }
    let parent = request?.context
    guard isTracing else {
      return parent.map { CallTrace(context: $0, parent: nil, isRecorded: false) }
    }
    let isRecorded = sampler?.records(parent: parent, at: now) { .random(in: 0..<1) } ?? false
    guard let parent else {
      return CallTrace(context: .root(isSampled: isRecorded), parent: nil, isRecorded: isRecorded)
    }
    guard isRecorded else { return CallTrace(context: parent, parent: nil, isRecorded: false) }
    return CallTrace(
      context: parent.child(isSampled: true), parent: parent.span, isRecorded: true)
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
