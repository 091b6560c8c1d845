package import EventLoops
package import GRPC

/// A gRPC server over TCP, on loops that the caller owns. Callable from any executor.
///
/// Every loop has a listener of its own at the same address; a connection stays on the loop that
/// accepted it, and a call's handler runs there.
package final class GRPCServer: Sendable {
  package let id = EntityID.next()
  /// Microseconds since 1970.
  let createdAt = WallClock.microseconds()
  let loops: [ServerLoop]

  /// How long handlers that were cancelled at the end of a shutdown may take to end.
  private static let abortWait = Duration.seconds(5)

  package init(
    router: Router, configuration: ServerConfiguration = .defaults, loops: [EventLoop],
    observation: ServerObservation = .defaults
  ) {
    precondition(!loops.isEmpty, "a server needs a loop")
    let table = PathTable(router)
    self.loops = loops.map {
      ServerLoop(
        loop: $0, table: table, configuration: configuration, observation: observation)
    }
  }

  /// Begins to accept calls at `address`. Port 0 leaves the choice to the system; the address that
  /// comes back has it.
  package func listen(
    at address: SocketAddress
  ) async throws(EventLoopError) -> SocketAddress {
    var address = address
    for loop in loops {
      let wanted = address
      address = try await Self.run(on: loop) { loop throws(EventLoopError) in
        try loop.listen(at: wanted)
      }
    }
    return address
  }

  /// Accepts nothing more and asks every client for no more calls; open calls go on.
  package func beginGracefulShutdown() {
    for loop in loops {
      loop.loop.execute { loop.beginGracefulShutdown() }
    }
  }

  /// Shuts down: lets open calls end for at most `bound`, then ends them with UNAVAILABLE, and
  /// waits for their handlers. A cancelled caller skips the wait for open calls.
  package func shutdown(within bound: Duration) async {
    beginGracefulShutdown()
    await withTaskGroup(of: Void.self) { group in
      for loop in loops {
        group.addTask {
          await Self.waitUntilIdle(loop, within: Task.isCancelled ? .zero : bound)
          loop.loop.execute { loop.abort() }
          await Self.waitUntilIdle(loop, within: Self.abortWait)
        }
      }
    }
  }

  private static func waitUntilIdle(_ loop: ServerLoop, within bound: Duration) async {
    await withCheckedContinuation { continuation in
      loop.loop.execute { loop.whenIdle(within: bound) { continuation.resume() } }
    }
  }

  private static func run<Value: Sendable>(
    on loop: ServerLoop,
    _ body: @escaping @Sendable (ServerLoop) throws(EventLoopError) -> Value
  ) async throws(EventLoopError) -> Value {
    let result: Result<Value, EventLoopError> = await withCheckedContinuation { continuation in
      loop.loop.execute {
        do throws(EventLoopError) {
          continuation.resume(returning: .success(try body(loop)))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }
}
