internal import EventLoops
internal import GRPC
internal import GRPCServices
internal import GRPCTransport
internal import Glibc
internal import HTTP2
internal import Interop

/// `interop-server --port=PORT`: the server of gRPC's interop tests.
@main
struct Main {
  private static let usage = """
    usage: interop-server [--port=PORT | --listen=ADDRESS:PORT] [--loops=N]

    Serves grpc.testing.TestService, load reports, health and reflection until SIGTERM.
      --port=PORT       listens on 127.0.0.1 at this port; 0, the default, is a free one
      --listen=...      listens at this address, as in 127.0.0.1:0 or [::1]:8080
      --loops=N         how many event loops serve; 1 without it
      --use_tls         speaks TLS; with --tls_cert=FILE and --tls_key=FILE, in PEM
      --tls_client_ca=FILE         whose clients are let in; without it nobody is asked
      --max_concurrent_streams=N   how many calls one connection may have open
      --setting=NAME=VALUE         a bound of the server, as in docs/grpc-settings.md; repeatable
    """

  /// Exit codes: 0 stopped in good order, 64 a command line that is wrong, 70 it could not listen,
  /// or a handler keeps a loop's thread.
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard !arguments.contains("--help") else { return print(usage) }
    do throws(Flags.Mistake) {
      let flags = try Flags(
        arguments,
        names: [
          "port", "listen", "loops", "max_concurrent_streams", "tls_cert", "tls_key",
          "tls_client_ca", "setting",
        ], switches: ["use_tls"])
      let address = try address(flags)
      let loops = try flags.integer("loops", default: 1, in: 1...64)
      var configuration = ServerConfiguration.defaults
      configuration.http2.concurrentStreamsMax = UInt32(
        try flags.integer(
          "max_concurrent_streams", default: Int(configuration.http2.concurrentStreamsMax),
          in: 1...1_000_000))
      try apply(flags.all("setting"), to: &configuration)
      exit(await serve(at: address, try tls(flags), configuration, loopCount: loops))
    } catch {
      StandardError.write(line: "interop-server: \(error)\n\(usage)")
      exit(64)
    }
  }

  private static func apply(
    _ settings: [String], to configuration: inout ServerConfiguration
  ) throws(Flags.Mistake) {
    for setting in settings {
      do throws(ServerSettingError) {
        try ServerSetting.apply(setting, to: &configuration)
      } catch {
        throw Flags.Mistake("--setting \(setting): \(error)")
      }
    }
  }

  private static func address(_ flags: Flags) throws(Flags.Mistake) -> SocketAddress {
    let port = try flags.integer("port", default: 0, in: 0...65_535)
    let text = flags["listen"] ?? "127.0.0.1:\(port)"
    guard let (host, port) = SocketAddress.split(text),
      let address = SocketAddress(literal: host, port: port)
    else { throw Flags.Mistake("--listen is \(text); it is ADDRESS:PORT.") }
    return address
  }

  private static func tls(_ flags: Flags) throws(Flags.Mistake) -> TLSContextSource? {
    guard try flags.isOn("use_tls") else { return nil }
    guard let certificate = flags["tls_cert"], let key = flags["tls_key"] else {
      throw Flags.Mistake("--use_tls needs --tls_cert and --tls_key.")
    }
    let files = TLSFiles(
      certificate: certificate, key: key, clientAuthorities: flags["tls_client_ca"])
    do {
      return try TLSContextSource(files)
    } catch {
      throw Flags.Mistake("\(error)")
    }
  }

  private static func serve(
    at address: SocketAddress, _ tls: TLSContextSource?, _ configuration: ServerConfiguration,
    loopCount: Int
  ) async -> Int32 {
    let group = EventLoopGroup(name: "interop", count: loopCount)
    // Before anybody can connect: whoever can, may also send a signal.
    let stop = Pipe<Void>(costMax: 1)
    await watchSignals(on: group.loops[0], stop)
    let reports = LoadReports()
    let id = String(UInt64.random(in: .min ... .max), radix: 16)
    let services: [any Service] = [
      InteropService(id: id, reports: reports, loop: group.loops[0]),
      OpenRcaService(reports, loop: group.loops[0]),
    ]
    let health = HealthService(serving: services.map { type(of: $0).name })
    let server = GRPCServer(
      router: .standard(services: services, health: health), configuration: configuration,
      loops: group.loops)
    do {
      let bound = try await server.listen(at: address, tls: tls)
      // At once: who started the server waits for the line.
      _ = StandardOutput.write("listening on \(bound)\n")
    } catch {
      StandardError.write(line: "interop-server: \(error)")
      group.stop()
      return 70
    }
    _ = await stop.receive()
    health.shutDown()
    let outcome = await server.shutdown(within: .seconds(5))
    guard outcome.mayStopLoops else {
      // Waiting for such a loop's thread would be waiting for ever.
      StandardError.write(line: "interop-server: kept by \(outcome.blockedLoops)")
      return 70
    }
    group.stop()
    return 0
  }

  /// Has SIGTERM and SIGINT end `stop` from now on.
  private static func watchSignals(on loop: EventLoop, _ stop: Pipe<Void>) async {
    await withCheckedContinuation { continuation in
      loop.execute {
        for signal in [SIGTERM, SIGINT] {
          do throws(EventLoopError) {
            _ = try loop.watch(signal: signal) { stop.end() }
          } catch {
            preconditionFailure("signal \(signal) can't be watched: \(error)")
          }
        }
        continuation.resume()
      }
    }
  }
}
