internal import EventLoops
internal import GRPC
internal import GRPCServices
internal import GRPCTransport
internal import HTTPServer
internal import Telemetry
internal import TestAPI

/// `Bench serve --listen 127.0.0.1:PORT --loops N`: a server for benchmarks and black-box tests.
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
    guard command == "serve" else { return usage() }
    var listen = "127.0.0.1:0"
    var options = ServeOptions()
    while let flag = arguments.popFirst() {
      guard let value = arguments.popFirst() else { return usage() }
      switch flag {
      case "--listen": listen = value
      case "--loops": options.loopCount = Int(value) ?? 1
      case "--admin": options.admin = value
      case "--access-log":
        guard let selection = AccessLogConfiguration.Selection(rawValue: value) else {
          return usage()
        }
        options.accessLog = selection
      case "--busy-poll": options.busyPoll = .microseconds(Int(value) ?? 0)
      case "--cors-origin": options.configuration.corsOrigins.append(value)
      default: return usage()
      }
    }
    guard let (host, port) = SocketAddress.split(listen),
      let address = SocketAddress(literal: host, port: port), options.loopCount > 0
    else { return usage() }
    await serve(at: address, options)
  }

  /// What the command line may change.
  private struct ServeOptions {
    var loopCount = 1
    var busyPoll = Duration.zero
    var configuration = ServerConfiguration.defaults
    var admin: String?
    var accessLog = AccessLogConfiguration.Selection.off
  }

  private static func usage() {
    print(
      "usage: Bench serve [--listen 127.0.0.1:PORT] [--loops N] [--busy-poll MICROSECONDS] "
        + "[--admin 127.0.0.1:PORT] [--access-log off|errors|all] "
        + "[--cors-origin ORIGIN]...")
  }

  private static func serve(at address: SocketAddress, _ options: ServeOptions) async {
    let group = EventLoopGroup(
      name: "bench", count: options.loopCount, busyPoll: options.busyPoll)
    let health = HealthService(serving: [EchoService.name])
    let registry = IntrospectionRegistry()
    let logger = Logger(
      level: .info, now: { WallClock.microseconds() }, write: { StandardError.write(line: $0) })
    let server = GRPCServer(
      router: .standard(
        services: [EchoService(loop: group.loops[0])], health: health, introspection: registry),
      configuration: options.configuration, loops: group.loops,
      observation: ServerObservation(
        accessLog: AccessLogConfiguration(logger: logger, selection: options.accessLog)))
    registry.add(server)
    do {
      let bound = try await server.listen(at: address)
      print("listening on \(bound.host):\(bound.port)")
    } catch {
      print(error)
      return group.stop()
    }
    let metrics = options.admin.flatMap { serveMetrics(of: server, at: $0, on: group.loops[0]) }
    await untilSignal(on: group.loops[0])
    health.shutDown()
    await server.shutdown(within: .seconds(5))
    _ = await metrics?.stop()
    group.stop()
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

  /// Waits for SIGTERM or SIGINT.
  private static func untilSignal(on loop: EventLoop) async {
    await withCheckedContinuation { continuation in
      loop.execute {
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
