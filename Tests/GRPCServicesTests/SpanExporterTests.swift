import GRPC
import GRPCInProcess
import GRPCServices
import Synchronization
import Telemetry
import Testing
import WellKnown

private typealias Collector = Opentelemetry.Proto.Collector.Trace.V1

/// Keeps what it is sent; refuses as long as it is told to.
private final class FakeCollector: Collector.TraceServiceProtocol {
  struct State {
    var requests: [Collector.ExportTraceServiceRequest] = []
    var refusal: RPCError?
    var rejected: Int64 = 0
  }

  let state = Mutex(State())

  func export(
    _ request: Collector.ExportTraceServiceRequest, context: ServerContext
  ) async throws(RPCError) -> Collector.ExportTraceServiceResponse {
    let (refusal, rejected) = state.withLock { state in
      if state.refusal == nil { state.requests.append(request) }
      return (state.refusal, state.rejected)
    }
    if let refusal { throw refusal }
    guard rejected > 0 else { return Collector.ExportTraceServiceResponse() }
    return Collector.ExportTraceServiceResponse(
      partialSuccess: Collector.ExportTracePartialSuccess(rejectedSpans: rejected))
  }
}

struct SpanExporterTests {
  private let collector = FakeCollector()

  private func exporter(queueMax: Int = 2048, batchMax: Int = 512) -> SpanExporter {
    var configuration = SpanExporter.Configuration(serviceName: "test")
    configuration.queueMax = queueMax
    configuration.batchMax = batchMax
    return SpanExporter(
      channel: InProcessChannel(router: Router(services: [collector])),
      configuration: configuration, sleep: { _ in }, report: { _ in })
  }

  private func span(_ number: UInt64, isError: Bool = false) -> Span {
    Span(
      context: TraceContext(traceHigh: 1, traceLow: 2, span: number, isSampled: true, state: "a=1"),
      parent: number > 1 ? number - 1 : nil, name: "Recv.s.M", kind: .server, startedAt: 5,
      endedAt: 9, attributes: [("rpc.method", .text("s/M")), ("n", .integer(3))], isError: isError)
  }

  @Test func aSpanArrivesWhole() async throws {
    let exporter = exporter()
    exporter.record(span(7, isError: true))
    try await exporter.flush()
    let request = try #require(collector.state.withLock { $0.requests.first })
    let resource = try #require(request.resourceSpans.first)
    #expect(resource.resource?.attributes.first?.key == "service.name")
    let sent = try #require(resource.scopeSpans.first?.spans.first)
    #expect(sent.traceID == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2])
    #expect(sent.spanID == [0, 0, 0, 0, 0, 0, 0, 7])
    #expect(sent.parentSpanID == [0, 0, 0, 0, 0, 0, 0, 6])
    #expect(sent.traceState == "a=1")
    #expect(sent.kind == .server)
    #expect(sent.startTimeUnixNano == 5 && sent.endTimeUnixNano == 9)
    #expect(sent.attributes.map(\.key) == ["rpc.method", "n"])
    #expect(sent.status?.code == .error)
    #expect(exporter.counts == .init(exported: 1, dropped: 0))
  }

  @Test func batchesAreBounded() async throws {
    let exporter = exporter(batchMax: 2)
    for number in 1...5 { exporter.record(span(UInt64(number))) }
    try await exporter.flush()
    let sizes = collector.state.withLock { state in
      state.requests.map { $0.resourceSpans[0].scopeSpans[0].spans.count }
    }
    #expect(sizes == [2, 2, 1])
  }

  @Test func aFullQueueDropsAndCounts() async throws {
    let exporter = exporter(queueMax: 3)
    for number in 1...5 { exporter.record(span(UInt64(number))) }
    try await exporter.flush()
    #expect(exporter.counts == .init(exported: 3, dropped: 2))
  }

  @Test func spansWaitForACollectorThatIsAway() async throws {
    let exporter = exporter()
    collector.state.withLock { $0.refusal = RPCError(.unavailable, "away") }
    exporter.record(span(1))
    await #expect(throws: RPCError.self) { try await exporter.flush() }
    collector.state.withLock { $0.refusal = nil }
    try await exporter.flush()
    #expect(exporter.counts == .init(exported: 1, dropped: 0))
  }

  @Test func spansThatAreRefusedForGoodAreDropped() async throws {
    let exporter = exporter()
    collector.state.withLock { $0.refusal = RPCError(.invalidArgument, "no") }
    exporter.record(span(1))
    await #expect(throws: RPCError.self) { try await exporter.flush() }
    #expect(exporter.counts == .init(exported: 0, dropped: 1))
    collector.state.withLock {
      $0.refusal = nil
      $0.rejected = 1
    }
    exporter.record(span(2))
    exporter.record(span(3))
    try await exporter.flush()
    #expect(exporter.counts == .init(exported: 1, dropped: 2))
  }
}
