internal import Telemetry
internal import WellKnown

/// Spans as OTLP carries them. Pure.
enum OTLPSpans {
  private typealias Common = Opentelemetry.Proto.Common.V1
  private typealias Trace = Opentelemetry.Proto.Trace.V1

  static func request(
    _ spans: [Span], serviceName: String
  ) -> Opentelemetry.Proto.Collector.Trace.V1.ExportTraceServiceRequest {
    var scope = Trace.ScopeSpans()
    scope.scope = Common.InstrumentationScope(name: "trunkline.grpc")
    scope.spans = spans.map(message)
    var resource = Trace.ResourceSpans()
    resource.resource = Opentelemetry.Proto.Resource.V1.Resource(
      attributes: [attribute("service.name", .text(serviceName))])
    resource.scopeSpans = [scope]
    return .init(resourceSpans: [resource])
  }

  private static func message(_ span: Span) -> Trace.Span {
    var message = Trace.Span()
    message.traceID = bytes(span.context.traceHigh) + bytes(span.context.traceLow)
    message.spanID = bytes(span.context.span)
    message.parentSpanID = span.parent.map(bytes) ?? []
    message.traceState = span.context.state
    message.name = span.name
    message.kind = span.kind == .server ? .server : .client
    message.startTimeUnixNano = span.startedAt
    message.endTimeUnixNano = span.endedAt
    message.attributes = span.attributes.map { attribute($0.name, $0.value) }
    message.flags = span.context.isSampled ? 1 : 0
    // A span that is well leaves the status unset, as the conventions for RPC ask.
    if span.isError { message.status = Trace.Status(code: .error) }
    return message
  }

  private static func attribute(_ name: String, _ value: Span.Value) -> Common.KeyValue {
    var any = Common.AnyValue()
    switch value {
    case .text(let text): any.value = .stringValue(NumberMask.masked(text))
    case .integer(let number): any.value = .intValue(number)
    }
    return Common.KeyValue(key: name, value: any)
  }

  private static func bytes(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - $0 * 8)) }
  }
}
