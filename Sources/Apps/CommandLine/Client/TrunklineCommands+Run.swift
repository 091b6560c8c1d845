package import GRPC

/// What the CLI needs of the process that it runs in.
package struct CommandWorld: Sendable {
  package let console: Console
  package let environment: [String: String]
  /// A fresh random id, at most 128 printable ASCII characters.
  package let makeRequestID: @Sendable () -> String
  /// The wall clock, in seconds since 1970.
  package let now: @Sendable () -> Int64
  /// Waits; returns early when the task is cancelled.
  package let pause: @Sendable (Duration) async -> Void
  /// Runs a body with a channel to the server. It need not be reachable yet: calls say so.
  package let withChannel:
    @Sendable (Connection, @Sendable (any Channel) async -> ExitCode) async throws(RPCError) ->
      ExitCode

  package init(
    console: Console, environment: [String: String],
    makeRequestID: @escaping @Sendable () -> String,
    now: @escaping @Sendable () -> Int64,
    pause: @escaping @Sendable (Duration) async -> Void,
    withChannel:
      @escaping @Sendable (
        Connection, @Sendable (any Channel) async -> ExitCode
      ) async throws(RPCError) -> ExitCode
  ) {
    self.console = console
    self.environment = environment
    self.makeRequestID = makeRequestID
    self.now = now
    self.pause = pause
    self.withChannel = withChannel
  }
}

extension TrunklineCommands {
  /// Runs one command line of `trunkline`, and says what to end with.
  package static func run(
    _ arguments: [String], version: String, in world: CommandWorld
  ) async -> ExitCode {
    let console = world.console
    var output = OutputFormat.table
    var server = HostPort(host: "127.0.0.1", port: 50051)
    do throws(ArgumentError) {
      switch try syntax.parse(arguments, environment: world.environment) {
      case .help(let text):
        console.print(text)
        return .success
      case .version:
        console.print("trunkline \(version)\n")
        return .success
      case .run(let action, let values):
        output = try values.value(Global.output)
        server = try values.value(Global.server)
        let timeout = try values.value(Global.timeout)
        return await perform(action, values, server, output, timeout, in: world)
      }
    } catch {
      let report = ErrorReport(.usage(error), server: server)
      console.printError(report.text + "  \(syntax.hint(for: arguments))\n")
      return .usage
    }
  }

  private static func perform(
    _ action: SessionAction, _ values: Arguments, _ server: HostPort, _ output: OutputFormat,
    _ timeout: Duration?, in world: CommandWorld
  ) async -> ExitCode {
    @Sendable func failed(_ failure: CommandFailure) -> ExitCode {
      let report = ErrorReport(failure, server: server)
      world.console.printError(output == .json ? report.json : report.text)
      return failure.exitCode
    }
    let connection: Connection
    do throws(CommandFailure) {
      connection = try Connection(values, world.console)
    } catch {
      return failed(error)
    }
    do throws(RPCError) {
      return try await world.withChannel(connection) { channel in
        let session = Session(
          channel: channel, token: connection.token, console: world.console, output: output,
          timeout: timeout,
          environment: world.environment, makeRequestID: world.makeRequestID,
          now: world.now, pause: world.pause)
        do throws(CommandFailure) {
          try await action.run(session)
          return .success
        } catch {
          return failed(error)
        }
      }
    } catch {
      return failed(.call(error, requestID: nil))
    }
  }
}
