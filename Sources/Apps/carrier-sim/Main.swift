internal import CarrierSim
internal import CommandLine
internal import EventLoops
internal import Foundation
internal import Telephony

/// `carrier-sim`: Twilio's side of a call, on this machine.
@main
struct Main {
  typealias Configuration = CarrierSimulator.Configuration

  /// Exit codes: 0 stopped in good order, 64 a command line that is wrong, 70 it could not listen.
  static func main() async {
    let arguments = Array(Swift.CommandLine.arguments.dropFirst())
    do throws(ArgumentError) {
      switch try syntax.parse(arguments, environment: [:]) {
      case .help(let text): print(text, terminator: "")
      case .version: print("carrier-sim 0.1.0")
      case .run(let configuration, _): exit(await serve(configuration))
      }
    } catch {
      write("carrier-sim: \(error)\n\(syntax.hint(for: arguments))", to: .standardError)
      exit(64)
    }
  }

  private static func serve(_ configuration: Configuration) async -> Int32 {
    let loop = EventLoop(name: "carrier-sim")
    defer { loop.stop() }
    let simulator: CarrierSimulator
    do {
      simulator = try CarrierSimulator(loop: loop, configuration: configuration)
    } catch {
      write("carrier-sim: \(error)", to: .standardError)
      return 70
    }
    loop.execute {
      for signal in [SIGTERM, SIGINT] {
        do throws(EventLoopError) {
          _ = try loop.watch(signal: signal) { simulator.quit() }
        } catch {
          preconditionFailure("signal \(signal) can't be watched: \(error)")
        }
      }
    }
    write(simulator.addresses, to: .standardOutput)
    await simulator.run()
    return 0
  }

  private static func write(_ line: String, to file: FileHandle) {
    // Nobody reads it any more: that is no reason to stop.
    try? file.write(contentsOf: Data((line + "\n").utf8))
  }
}

extension Main {
  private static let syntax = CommandSyntax(
    Command<Configuration>.action(
      "carrier-sim",
      "Plays Twilio in three regions, LiveKit, the far ends of calls, and faults on demand.",
      discussion: """
        When all addresses listen, one line of JSON names them. Product paths are as at Twilio, with
        the host's first label in front: /api/2010-04-01/Accounts/AC…, /routes/v2/PhoneNumbers/+1….
        LiveKit's are as at LiveKit: /twirp/livekit.SIP/ListSIPInboundTrunk.

        The control address takes and gives JSON:
          POST /accounts /keys /tokens /numbers /applications /trunks   make what is at the carrier
          POST /livekit/keys /livekit/participants                      and at LiveKit
          POST /far-ends        {"to":"+1…","outcome":"busy"}: how a call to somebody goes
          POST /inbound-calls   {"from":"+1…","to":"+1…"}: somebody calls a number
          GET  /calls, /calls/CA…; POST /calls/CA…/hang-up, /calls/CA…/price
          POST /faults          {"kind":"lost_after","path":"*/Calls.json"}: delay, status,
                                lost_before, lost_after, malformed
          POST /callbacks       {"hold":true,"repeat":1,"order":"reverse",
                                "before_answer":"initiated"}
          POST /callbacks/release, /callbacks/repeat
          POST /settings, /clock, /reset, /quit
          GET  /state, /audit?prefix=http://127.0.0.1:8080, /settings, /faults, /callbacks
        The page of the target CarrierSim lists every member.
        """,
      examples: [
        .init("carrier-sim", "Listens on ports 8700 to 8703, and 8710 for LiveKit."),
        .init(
          "carrier-sim --control :0 --us1 :0 --ie1 :0 --au1 :0 --livekit :0",
          "Listens on free ports."),
      ],
      options: [us1, ie1, au1, livekit, control, callsPerSecond, seed]
    ) { (arguments) throws(ArgumentError) in
      var configuration = Configuration(
        regions: [
          .us1: try arguments.value(us1), .ie1: try arguments.value(ie1),
          .au1: try arguments.value(au1),
        ],
        control: try arguments.value(control), livekit: try arguments.value(livekit),
        seed: try arguments.value(seed).map { UInt64($0) } ?? .random(in: 0 ... .max))
      configuration.settings.callsPerSecond = Double(try arguments.value(callsPerSecond))
      return configuration
    })

  private static let us1 = Option.value(
    "us1", .listenAddress, default: "127.0.0.1:8701", "Where the United States are.")
  private static let ie1 = Option.value(
    "ie1", .listenAddress, default: "127.0.0.1:8702", "Where Ireland is.")
  private static let au1 = Option.value(
    "au1", .listenAddress, default: "127.0.0.1:8703", "Where Australia is.")
  private static let livekit = Option.value(
    "livekit", .listenAddress, default: "127.0.0.1:8710", "Where LiveKit is.")
  private static let control = Option.value(
    "control", .listenAddress, default: "127.0.0.1:8700", "Where the simulator is controlled.")
  private static let callsPerSecond = Option.value(
    "calls-per-second", .integer("COUNT", in: 0...10_000), default: "1",
    "How fast calls leave the queue, per account and region; 0 has no queue.")
  private static let seed = Option.optional(
    "seed", .integer("NUMBER", in: 0...Int.max),
    "The same seed makes the same identifiers and secrets.")
}

extension ArgumentType where Value == CarrierSimulator.Configuration.Address {
  /// `host:port`, or `:port` on 127.0.0.1.
  fileprivate static var listenAddress: Self {
    ArgumentType("HOST:PORT") { (text) throws(ArgumentProblem) in
      let text = text.hasPrefix(":") ? "127.0.0.1" + text : text
      guard let address = HostPort(text) else {
        throw ArgumentProblem("host:port is expected, as in 127.0.0.1:8701; port 0 is a free one.")
      }
      return .init(host: address.host, port: address.port)
    }
  }
}
