internal import CommandLine
internal import EventLoops
internal import GRPC
internal import GRPCServices
internal import GRPCTransport
internal import Telemetry

/// The server's spans on their way to an OpenTelemetry collector.
struct SpanExport: Sendable {
  private let exporter: SpanExporter
  let channel: GRPCChannel

  init(to collector: HostPort, on loop: EventLoop, _ log: Logger) {
    channel = GRPCChannel(host: collector.host, port: collector.port, loop: loop)
    exporter = SpanExporter(
      channel: channel, configuration: .init(serviceName: "trunklined"),
      sleep: { (time) throws(CancellationError) in try await loop.sleep(for: time) },
      report: { log.warning("spans can't be exported", ["error": .text($0.description)]) })
  }

  /// What the server records for it.
  func tracing(_ configuration: ServeConfiguration) -> TracingConfiguration {
    TracingConfiguration(
      sink: exporter, rootRatio: configuration.traceRatio,
      parentTrust: configuration.traceParents)
  }

  /// Sends spans until the task is cancelled.
  func run() async { await exporter.run() }

  /// Sends what waits, once, and closes.
  func stop() async {
    try? await exporter.flush()
    await channel.close()
  }
}
