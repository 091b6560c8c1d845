internal import GRPC
internal import Protobuf
internal import WellKnown

/// What a parsed command of the CLI does.
package struct SessionAction: Sendable {
  let run: @Sendable (Session) async throws(CommandFailure) -> Void

  init(_ run: @escaping @Sendable (Session) async throws(CommandFailure) -> Void) {
    self.run = run
  }
}

/// One run of the CLI: the server, where to print, and how patient to be.
package struct Session: Sendable {
  /// How often a request that is safe to repeat is sent when the server is not available.
  static let attemptsMax = 3
  /// The first wait between two attempts; doubles each time.
  static let delayFirst: Duration = .milliseconds(200)
  /// The longest wait, whatever the server asks for.
  static let delayMax: Duration = .seconds(5)

  let channel: any Channel
  /// Goes with each call; nil: none.
  let token: String?
  let console: Console
  let output: OutputFormat
  /// For the whole command, attempts and waits included; nil: as long as it takes.
  let timeout: Duration?
  /// The process's environment, for secrets.
  let environment: [String: String]
  let makeRequestID: @Sendable () -> String
  /// The wall clock, in seconds since 1970.
  let now: @Sendable () -> Int64
  let pause: @Sendable (Duration) async -> Void

  /// How often a request may be sent.
  enum Repeating {
    /// It may have an effect each time.
    case never
    /// It has none, or a request id.
    case whenUnavailable(requestID: String?)
  }

  /// Sends a request, again if it is safe and the server is not available.
  func call<Response>(
    _ repeating: Repeating,
    _ body: (CallOptions) async throws(RPCError) -> Response
  ) async throws(CommandFailure) -> Response {
    let attemptsMax: Int
    let requestID: String?
    switch repeating {
    case .never: (attemptsMax, requestID) = (1, nil)
    case .whenUnavailable(let id): (attemptsMax, requestID) = (Self.attemptsMax, id)
    }
    let deadline = timeout.map { ContinuousClock.now.advanced(by: $0) }
    var delay = Self.delayFirst
    var attempt = 1
    while true {
      let left = deadline.map { max(.milliseconds(1), ContinuousClock.now.duration(to: $0)) }
      do throws(RPCError) {
        return try await body(CallOptions(metadata: metadata, timeout: left))
      } catch {
        let wait = min(max(ErrorDetails(error).retryDelay ?? .zero, delay), Self.delayMax)
        guard error.code == .unavailable, attempt < attemptsMax, left ?? wait >= wait else {
          throw .call(error, requestID: requestID)
        }
        await pause(wait)
        delay *= 2
        attempt += 1
      }
    }
  }

  /// What goes with each call.
  var metadata: Metadata { token.map { ["authorization": .text("Bearer \($0)")] } ?? [:] }

  /// All pages, until there are `limit` items; and the token for those that follow.
  func pages<Item>(
    limit: Int,
    _ page: (_ size: Int32, _ token: String) async throws(CommandFailure) -> ([Item], String)
  ) async throws(CommandFailure) -> (items: [Item], nextToken: String) {
    var items: [Item] = []
    var token = ""
    repeat {
      let size = Int32(clamping: min(limit - items.count, Self.pageSizeMax))
      let (more, next) = try await page(size, token)
      items += more
      token = next
    } while !token.isEmpty && items.count < limit
    if !token.isEmpty {
      console.printError("There are more than \(items.count); --limit shows more.\n")
    }
    return (items, token)
  }

  /// The most of one page; the server takes greater sizes as its own limit.
  static let pageSizeMax = 200

  /// Prints an answer: as JSON, or as the text that `table` makes of it.
  func show<Answer: GeneratedMessage>(
    _ answer: Answer, _ table: (Answer) -> String
  ) throws(CommandFailure) {
    switch output {
    case .table: console.print(table(answer))
    case .json:
      do throws(JSONError) {
        console.print(try answer.json(JSONOptions(types: ErrorDetails.types)) + "\n")
      } catch {
        throw .unprintable
      }
    }
  }

  /// The secret that a `…-file` option names, or that `variable` holds; nil when neither is there.
  ///
  /// One line end after it is cut off.
  func secret(file: String?, variable: String) throws(CommandFailure) -> String? {
    guard let file else {
      return environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }
    do throws(ConsoleError) {
      var text = try console.read(file, Console.secretSizeMax)
      if text.last?.isNewline == true { text.removeLast() }
      guard !text.isEmpty else { throw .empty(path: file) }
      return text
    } catch {
      throw .secret(error)
    }
  }
}
