internal import EventLoops
internal import GRPC
internal import GRPCServices
internal import GRPCTransport
internal import TestAPI

/// `Bench serve --listen 127.0.0.1:PORT --loops N`: a server for benchmarks and black-box tests.
@main
struct Bench {
  static func main() async {
    var arguments = CommandLine.arguments.dropFirst()
    guard arguments.popFirst() == "serve" else { return usage() }
    var listen = "127.0.0.1:0"
    var loopCount = 1
    var busyPoll = Duration.zero
    while let flag = arguments.popFirst() {
      guard let value = arguments.popFirst() else { return usage() }
      switch flag {
      case "--listen": listen = value
      case "--loops": loopCount = Int(value) ?? 1
      case "--busy-poll": busyPoll = .microseconds(Int(value) ?? 0)
      default: return usage()
      }
    }
    guard let (host, port) = SocketAddress.split(listen),
      let address = SocketAddress(literal: host, port: port), loopCount > 0
    else { return usage() }
    await serve(at: address, loopCount: loopCount, busyPoll: busyPoll)
  }

  private static func usage() {
    print("usage: Bench serve [--listen 127.0.0.1:PORT] [--loops N] [--busy-poll MICROSECONDS]")
  }

  private static func serve(
    at address: SocketAddress, loopCount: Int, busyPoll: Duration
  ) async {
    let group = EventLoopGroup(name: "bench", count: loopCount, busyPoll: busyPoll)
    let health = HealthService(serving: [EchoService.name])
    let server = GRPCServer(
      router: .standard(services: [EchoService(loop: group.loops[0])], health: health),
      loops: group.loops)
    do {
      let bound = try await server.listen(at: address)
      print("listening on \(bound.host):\(bound.port)")
    } catch {
      print(error)
      return group.stop()
    }
    await untilSignal(on: group.loops[0])
    health.shutDown()
    await server.shutdown(within: .seconds(5))
    group.stop()
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
