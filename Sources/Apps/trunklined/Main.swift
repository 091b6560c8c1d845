internal import CommandLine
internal import Crypto
internal import EventLoops
internal import FoundationEssentials
internal import Glibc

/// `trunklined`: the server. Reads the command line and the environment, and serves.
@main
struct Main {
  /// Exit codes: 0 stopped in good order, 64 a command line that is wrong, 70 it could not serve.
  static func main() async {
    // Keys first: no copy of the environment shall hold them, and no core dump.
    CoreDumps.switchOff()
    _ = KeyringPlace.taken
    let arguments = Array(Swift.CommandLine.arguments.dropFirst())
    do throws(ArgumentError) {
      let parsed = try syntax.parse(arguments, environment: ProcessInfo.processInfo.environment)
      switch parsed {
      case .help(let text): print(text, terminator: "")
      case .version: print("trunklined \(version)")
      case .run(let task, _): exit(await task.run())
      }
    } catch {
      StandardError.write(line: "trunklined: \(error)\n\(syntax.hint(for: arguments))")
      exit(64)
    }
  }

  private static let syntax = CommandSyntax(
    Command<ServerTask>.group(
      "trunklined", "Connects phone numbers to voice agents: registry and call dispatch.",
      [serve] + StoreCommands.all + [KeyCommands.keys]),
    environmentPrefix: "TRUNKLINE_")

  private static let serve = Command<ServerTask>.action(
    "serve", "Serves until SIGTERM or SIGINT, then lets calls at hand end.",
    examples: [
      .init(
        "trunklined serve --public-url us1=https://voice.example.com",
        "Registry and dispatch in one process, on SQLite."),
      .init(
        "trunklined serve --roles dispatch --region ie1 --registry registry:50051 …",
        "A dispatch of its own, for one region."),
    ],
    options: ServeOptions.all
  ) { (arguments) throws(ArgumentError) in
    let configuration = try ServeConfiguration(arguments)
    return ServerTask { await ServerProcess.run(configuration) }
  }
}

/// What a command line asks for; answers the exit code.
struct ServerTask: Sendable {
  let run: @Sendable () async -> Int32
}

/// What `--version` prints.
let version = "0.1.0"
