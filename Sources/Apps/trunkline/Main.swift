internal import CommandLine
internal import EventLoops
internal import FoundationEssentials
internal import GRPC
internal import GRPCTransport
internal import Glibc

/// The CLI: hands the process's arguments, environment and streams to the commands.
@main struct Main {
  static let version = "0.1.0"

  static func main() async {
    let console = Console(
      print: { text in
        // Nobody reads any more; like a program that a broken pipe ends.
        if !StandardOutput.write(text) { exit(ExitCode.fault.rawValue) }
      },
      printError: { StandardError.write($0) },
      isErrorTerminal: isatty(STDERR_FILENO) == 1, read: read)
    let world = CommandWorld(
      console: console, environment: ProcessInfo.processInfo.environment,
      makeRequestID: { UUID().uuidString.lowercased() },
      now: { Int64(Date().timeIntervalSince1970) },
      // A pause that is cut short by a cancellation is no error: what follows sees it, too.
      pause: { try? await ContinuousClock().sleep(for: $0) },
      withChannel: withChannel)
    let code = await TrunklineCommands.run(
      Array(Swift.CommandLine.arguments.dropFirst()), version: version, in: world)
    exit(code.rawValue)
  }

  @Sendable private static func withChannel(
    _ connection: Connection, _ body: @Sendable (any Channel) async -> ExitCode
  ) async throws(RPCError) -> ExitCode {
    let server = connection.server
    let loop = EventLoop(name: "client")
    // Requests are sent again by the session, which knows which ones may be: after 200 ms at first.
    var configuration = ClientConfiguration.defaults
    configuration.backOff.initial = .milliseconds(100)
    configuration.backOff.max = .seconds(1)
    if let tls = connection.tls {
      let files = TLSClientFiles(
        authorities: tls.authorities, certificate: tls.certificate, key: tls.key)
      do throws(TLSFileError) {
        configuration.tls = try files.load()
      } catch {
        throw RPCError(.invalidArgument, "TLS can't be spoken: \(error)")
      }
    }
    let channel = GRPCChannel(
      host: server.host, port: server.port, loop: loop, configuration: configuration)
    let code = await body(channel)
    await channel.close()
    loop.stop()
    return code
  }

  @Sendable private static func read(
    _ path: String, _ limit: Int
  ) throws(ConsoleError) -> String {
    let bytes =
      path == "-"
      ? SmallFile.readStandardInput(byteCountMax: limit)
      : SmallFile.read(path: path, byteCountMax: limit)
    guard let bytes else { throw .unreadable(path: path) }
    guard bytes.count <= limit else { throw .tooLong(path: path, byteCountMax: limit) }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText(path: path) }
    return text
  }
}
