internal import EventLoops
internal import GRPC
internal import GRPCServices
internal import GRPCTransport
internal import HTTPServer
internal import Telemetry
internal import TestAPI

/// `Bench serve`: a server for benchmarks and black-box tests.
///
/// `--admin` serves `/metrics` over HTTP/1.1, `--access-log` (off, errors, all) writes to standard
/// error; channelz is served always.
@main
struct Bench {
  static func main() async {
    var arguments = CommandLine.arguments.dropFirst()
    let command = arguments.popFirst()
    if command == "call" {
      guard let call = CallCommand(arguments) else { return print("usage: \(CallCommand.usage)") }
      return await call.run()
    }
    if command == "look-up" {
      guard let lookUp = LookUpCommand(arguments) else {
        return print("usage: \(LookUpCommand.usage)")
      }
      return await lookUp.run()
    }
    if command == "settings" { return print(ServerSetting.page, terminator: "") }
    guard command == "serve", let serve = ServeArguments(arguments) else {
      return print(ServeArguments.usage)
    }
    let group = EventLoopGroup(name: "bench", count: serve.loopCount, busyPoll: serve.busyPoll)
    do {
      // A loop whose thread a handler keeps can't be waited for: the process's end ends it.
      guard try await run(serve, group).mayStopLoops else { return }
    } catch {
      print(error)
    }
    group.stop()
  }

  private static func run(
    _ arguments: ServeArguments, _ group: EventLoopGroup
  ) async throws -> ShutdownOutcome {
    let tls = try arguments.tlsFiles.map { try TLSContextSource($0) }
    let health = HealthService(serving: [EchoService.name])
    let registry = IntrospectionRegistry()
    let logger = Logger(
      level: .info, now: { WallClock.microseconds() }, write: { StandardError.write(line: $0) })
    let tracing = arguments.collector.map { Tracing(to: $0, on: group.loops[0], logger) }
    let server = GRPCServer(
      router: .standard(
        services: [EchoService(loop: group.loops[0], isPlain: arguments.isPlain)], health: health,
        introspection: registry),
      configuration: arguments.configuration, loops: group.loops,
      observation: ServerObservation(
        accessLog: AccessLogConfiguration(logger: logger, selection: arguments.accessLog),
        tracing: tracing.map { TracingConfiguration(sink: $0.exporter) }, logger: logger))
    registry.add(server)
    for target in arguments.listen {
      StandardError.write(line: "listening on \(try await listen(server, target, tls))")
    }
    let metrics = arguments.admin.flatMap { serveMetrics(of: server, at: $0, on: group.loops[0]) }
    let loop = group.loops[0]
    await withTaskGroup(of: Void.self) { tasks in
      if let tracing { tasks.addTask { await tracing.exporter.run() } }
      await untilSignal(on: loop) {
        guard let files = arguments.tlsFiles, let tls else { return }
        _ = CertificateWatch(files, tls, loop: loop, interval: arguments.reloadInterval) {
          StandardError.write(line: "certificate \($0)")
        }
      }
      tasks.cancelAll()
    }
    health.shutDown()
    let outcome = await server.shutdown(within: arguments.drain)
    await tracing?.stop()
    if outcome.mayStopLoops { _ = await metrics?.stop() }
    return outcome
  }

  private static func listen(
    _ server: GRPCServer, _ target: String, _ tls: TLSContextSource?
  ) async throws -> String {
    if target.hasPrefix("fd:"), let descriptor = Int32(target.dropFirst(3)) {
      return try await server.listen(onBoundDescriptor: descriptor, tls: tls).description
    }
    guard let address = SocketAddress(target: target) else {
      return "nothing: \(target) is no address"
    }
    let bound = try await server.listen(at: address, tls: tls)
    return bound.isUnix ? bound.description : "\(bound.host):\(bound.port)"
  }

  private static func serveMetrics(
    of server: GRPCServer, at address: String, on loop: EventLoop
  ) -> WebServer? {
    guard let (host, port) = SocketAddress.split(address) else { return nil }
    let registry = MetricRegistry()
    registry.add { await server.metrics() }
    registry.add { ProcessMetrics.read() }
    do {
      return try WebServer(loop: loop, host: host, port: port) { _ in
        HTTPServerResponse(
          status: 200, contentType: PrometheusText.contentType,
          body: PrometheusText.render(await registry.scrape()))
      }
    } catch {
      print(error)
      return nil
    }
  }

  /// Calls `begin` on `loop`, and waits for SIGTERM or SIGINT.
  private static func untilSignal(
    on loop: EventLoop, _ begin: @escaping @Sendable () -> Void
  ) async {
    await withCheckedContinuation { continuation in
      loop.execute {
        begin()
        var waiter: CheckedContinuation<Void, Never>? = continuation
        for signal in [2, 15] as [Int32] {
          _ = try? loop.watch(signal: signal) {
            waiter?.resume()
            waiter = nil
          }
        }
      }
    }
  }
}
