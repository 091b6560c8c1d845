internal import EventLoops
internal import GRPC
internal import GRPCServices
internal import GRPCTransport
internal import Telemetry

/// Spans of the benchmark's server on their way to a collector.
struct Tracing: Sendable {
  let exporter: SpanExporter
  private let channel: GRPCChannel

  init(to collector: (host: String, port: UInt16), on loop: EventLoop, _ logger: Logger) {
    channel = GRPCChannel(host: collector.host, port: collector.port, loop: loop)
    exporter = SpanExporter(
      channel: channel, configuration: .init(serviceName: "bench"),
      sleep: { (time) throws(CancellationError) in try await loop.sleep(for: time) },
      report: { logger.warning("spans can't be exported", ["error": .text($0.description)]) })
  }

  /// Sends what waits, and closes.
  func stop() async {
    try? await exporter.flush()
    await channel.close()
  }
}
