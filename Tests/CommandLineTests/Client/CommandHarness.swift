import API
import CommandLine
import GRPC
import GRPCInProcess
import Protobuf
import Synchronization
import WellKnown

/// Runs command lines of `trunkline` against fake services in this process.
final class CommandHarness: Sendable {
  struct Outcome: Sendable, Equatable {
    var status: ExitCode
    var output: String
    var errors: String
  }

  private struct State {
    var output = ""
    var errors = ""
    var pauses: [Duration] = []
    var requestIDs = 0
    var connection: Connection?
  }

  private let state = Mutex(State())
  private let environment: [String: String]
  private let files: [String: String]
  private let isErrorTerminal: Bool
  let router: Router

  /// `files` can be read, `-` is the standard input; `register` adds what the server answers.
  init(
    environment: [String: String] = [:], files: [String: String] = [:],
    isErrorTerminal: Bool = false,
    _ register: (inout Router) -> Void = { _ in }
  ) {
    self.environment = environment
    self.files = files
    self.isErrorTerminal = isErrorTerminal
    var router = Router()
    register(&router)
    self.router = router
  }

  /// How the last line reached the server.
  var connection: Connection? { state.withLock(\.connection) }

  var pauses: [Duration] { state.withLock(\.pauses) }

  /// Runs one line, split at spaces.
  func run(_ line: String) async -> Outcome {
    state.withLock { ($0.output, $0.errors) = ("", "") }
    let arguments = line.split(separator: " ").map(String.init)
    let status = await TrunklineCommands.run(arguments, version: "1.2.3", in: world)
    return state.withLock { Outcome(status: status, output: $0.output, errors: $0.errors) }
  }

  private var world: CommandWorld {
    let console = Console(
      print: { text in self.state.withLock { $0.output += text } },
      printError: { text in self.state.withLock { $0.errors += text } },
      isErrorTerminal: isErrorTerminal,
      read: { (path, _) throws(ConsoleError) in
        guard let text = self.files[path] else { throw .unreadable(path: path) }
        return text
      })
    return CommandWorld(
      console: console, environment: environment,
      makeRequestID: {
        self.state.withLock { state in
          state.requestIDs += 1
          return "request-\(state.requestIDs)"
        }
      },
      now: { 1_800_000_000 },
      pause: { duration in self.state.withLock { $0.pauses.append(duration) } },
      withChannel: { (connection, body) async throws(RPCError) in
        guard connection.server.host != "down" else {
          throw RPCError(.unavailable, "No connection to \(connection.server).")
        }
        self.state.withLock { $0.connection = connection }
        return await body(InProcessChannel(router: self.router))
      })
  }
}

/// The requests that a fake method got, in order.
final class Requests<Request: Message>: Sendable {
  private let state = Mutex<[Request]>([])

  var all: [Request] { state.withLock { $0 } }
  var last: Request? { all.last }

  func append(_ request: Request) -> Int {
    state.withLock {
      $0.append(request)
      return $0.count
    }
  }
}

extension Router {
  /// Answers a unary method; `body` gets the request and how many came, this one included.
  mutating func answer<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ requests: Requests<Request>,
    _ body: @escaping @Sendable (Request, Int) throws(RPCError) -> Response
  ) {
    unary(method, Request.self, Response.self) { (request, _) async throws(RPCError) in
      try body(request, requests.append(request))
    }
  }
}

extension RPCError {
  /// An error as the server makes it.
  init(
    _ code: StatusCode, _ message: String, reason: String, _ metadata: [String: String] = [:],
    more: [any GeneratedMessage] = []
  ) {
    let info = Google.Rpc.ErrorInfo(reason: reason, domain: "trunkline.dev", metadata: metadata)
    let details = ([info] + more).map { detail in
      Google.Protobuf.`Any`(
        typeURL: "type.googleapis.com/\(type(of: detail).fullName)", value: detail.serialized())
    }
    self.init(code, message, details: details)
  }
}
