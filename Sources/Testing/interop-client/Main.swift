internal import EventLoops
internal import GRPC
internal import GRPCTransport
internal import Glibc
internal import Interop

/// `interop-client --server_port=PORT --test_case=NAME`: plays one of gRPC's interop cases.
@main
struct Main {
  /// Exit codes: 0 the case passed, 1 it failed, 64 a command line that is wrong.
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard !arguments.contains("--help") else { return print(ClientFlags.usage) }
    do throws(Flags.Mistake) {
      exit(await play(try ClientFlags(arguments)))
    } catch {
      StandardError.write(line: "interop-client: \(error)\n\(ClientFlags.usage)")
      exit(64)
    }
  }

  private static func play(_ flags: ClientFlags) async -> Int32 {
    let loop = EventLoop(name: "interop-client")
    defer { loop.stop() }
    let channel = makeChannel(flags, loop)
    let client = InteropClient(
      channel: channel,
      withChannel: { (body) async throws(RPCError) in
        let own = makeChannel(flags, loop)
        do throws(RPCError) {
          try await body(own)
        } catch {
          await own.close()
          throw error
        }
        await own.close()
      }, loop: loop, metadata: flags.metadata, soak: flags.soak,
      concurrentCalls: flags.concurrentCalls)
    let report = await client.play(flags.testCase)
    await channel.close()
    for note in report.notes { print(note) }
    for failure in report.failures {
      StandardError.write(line: "\(flags.testCase.rawValue): \(failure)")
    }
    print("\(flags.testCase.rawValue): \(report.failures.isEmpty ? "passed" : "FAILED")")
    return report.failures.isEmpty ? 0 : 1
  }

  private static func makeChannel(_ flags: ClientFlags, _ loop: EventLoop) -> GRPCChannel {
    var configuration = ClientConfiguration.defaults
    configuration.connectionsPerAddressMax = flags.connectionsMax
    configuration.authority = flags.hostOverride
    configuration.tls = flags.tls
    return GRPCChannel(
      host: flags.host, port: flags.port, loop: loop, configuration: configuration)
  }
}
