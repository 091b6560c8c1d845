package import Telemetry

/// Where a server's call stands in its trace.
package struct CallTrace: Hashable, Sendable {
  /// The call itself when it is recorded, else the operation that caused it: what calls made
  /// meanwhile name as theirs.
  package let context: TraceContext
  /// The operation that caused a recorded call, if another process told.
  package let parent: UInt64?
  /// Whether the call becomes a span.
  package let isRecorded: Bool

  package init(context: TraceContext, parent: UInt64?, isRecorded: Bool) {
    self.context = context
    self.parent = parent
    self.isRecorded = isRecorded
  }
}

extension TraceContext {
  /// The trace that a request's metadata names; `nil` if it names none, or two.
  package init?(_ metadata: Metadata) {
    guard !metadata.isEmpty, metadata["traceparent"] != nil else { return nil }
    let parents = metadata.texts("traceparent")
    guard parents.count == 1, let parent = parents.first else { return nil }
    // Several tracestate fields are one list (section 3.3.1.1).
    let state = metadata.texts("tracestate").joined(separator: ",")
    self.init(traceparent: parent, tracestate: state)
  }
}

extension CallOptions {
  /// What goes with the request: the options' metadata, and the trace of the call that the caller
  /// answers, unless the options name one.
  package var requestMetadata: Metadata {
    guard let trace = ServerContext.current?.trace?.context, metadata["traceparent"] == nil
    else { return metadata }
    var all = metadata
    all.append(trace.traceparent, for: "traceparent")
    if !trace.state.isEmpty, Metadata.isValid(text: trace.state) {
      all.append(trace.state, for: "tracestate")
    }
    return all
  }
}
