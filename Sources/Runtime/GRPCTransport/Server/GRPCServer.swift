package import EventLoops
package import GRPC
internal import Synchronization
internal import Telemetry

/// A gRPC server on loops that the caller owns, over TCP or unix sockets, in TLS or in plaintext.
/// Callable from any executor.
///
/// It may listen at several addresses. Every loop has a listener of its own; a connection stays on
/// the loop that accepted it, and a call's handler runs there.
package final class GRPCServer: Sendable {
  package let id = EntityID.next()
  /// Microseconds since 1970.
  let createdAt = WallClock.microseconds()
  let loops: [ServerLoop]
  let budget: MemoryBudget
  private let logger: Logger

  private let handlerEndWait: Duration
  /// How much later than asked a loop may answer before it counts as blocked.
  private static let answerWait = Duration.seconds(2)

  package init(
    router: Router, configuration: ServerConfiguration = .defaults, loops: [EventLoop],
    observation: ServerObservation = .defaults
  ) {
    precondition(!loops.isEmpty, "a server needs a loop")
    let table = PathTable(router)
    let admission = ConnectionAdmission(
      configuration, descriptorsMax: FileDescriptors.countMax)
    budget = MemoryBudget(
      limit: MemoryBudget.limit(
        configured: configuration.bufferedBytesMax, memoryMax: ProcessMemory.byteCountMax),
      loopCount: loops.count)
    logger = observation.logger
    handlerEndWait = configuration.handlerEndWait
    self.loops = loops.map { [budget] in
      ServerLoop(
        loop: $0, table: table, configuration: configuration, observation: observation,
        admission: admission, budget: budget, loopCount: loops.count)
    }
    if admission.connectionsMax < configuration.connectionsMax {
      logger.info(
        "fewer connections than configured",
        [
          "connections": .integer(Int64(admission.connectionsMax)),
          "configured": .integer(Int64(configuration.connectionsMax)),
          "descriptors": .integer(Int64(FileDescriptors.countMax)),
          "remedy": "a higher ulimit -n, or a lower max-connections",
        ])
    }
  }

  /// Begins to accept calls at `address`, over TLS if `tls` is given. Port 0 leaves the choice to
  /// the system; the address that comes back has it.
  package func listen(
    at address: SocketAddress, tls: TLSContextSource? = nil
  ) async throws(EventLoopError) -> SocketAddress {
    let first = try ListeningSocket(at: address)
    for (index, loop) in loops.enumerated() {
      // The kernel spreads TCP connections over the sockets of one address; a unix socket is one.
      let socket =
        index == 0 || address.isUnix ? first : try ListeningSocket(at: first.address)
      try await listen(on: socket, tls, loop)
    }
    return first.address
  }

  /// Begins to accept calls on a stream socket that someone else bound, as systemd does, and that
  /// belongs to the server from now on.
  package func listen(
    onBoundDescriptor descriptor: Int32, tls: TLSContextSource? = nil
  ) async throws(EventLoopError) -> SocketAddress {
    let socket = try ListeningSocket(takingOwnershipOf: descriptor)
    for loop in loops { try await listen(on: socket, tls, loop) }
    return socket.address
  }

  private func listen(
    on socket: ListeningSocket, _ tls: TLSContextSource?, _ loop: ServerLoop
  ) async throws(EventLoopError) {
    try await Self.run(on: loop) { loop throws(EventLoopError) in
      try loop.listen(on: socket, tls: tls)
    }
  }

  /// Accepts nothing more and asks every client for no more calls; open calls go on.
  ///
  /// Health is to say so before, so that clients look for another server first.
  package func beginGracefulShutdown() {
    for loop in loops {
      loop.loop.execute { loop.beginGracefulShutdown() }
    }
  }

  /// Shuts down: lets open calls end for at most `bound`, then ends them with UNAVAILABLE, and
  /// waits ``ServerConfiguration/handlerEndWait`` for their handlers. A cancelled caller skips the
  /// wait for open calls.
  ///
  /// It ends in bounded time whatever handlers do; what it gives back says whether the loops may be
  /// stopped.
  @discardableResult
  package func shutdown(within bound: Duration) async -> ShutdownOutcome {
    beginGracefulShutdown()
    // A handler that keeps its loop's thread keeps that loop's timers too.
    let watch = EventLoop(name: "shutdown")
    let outcome = await withTaskGroup(of: ShutdownOutcome.self) { group in
      for loop in loops {
        group.addTask { await self.shutdown(loop, within: bound, watch) }
      }
      var outcome = ShutdownOutcome()
      for await one in group {
        outcome.abandonedHandlerCount += one.abandonedHandlerCount
        outcome.blockedLoops += one.blockedLoops
      }
      return outcome
    }
    watch.stop()
    return outcome
  }

  private func shutdown(
    _ loop: ServerLoop, within bound: Duration, _ watch: EventLoop
  ) async -> ShutdownOutcome {
    let bound = Task.isCancelled ? .zero : bound
    var methods: [String]?
    if await Self.waitUntilIdle(loop, within: bound, watch) {
      methods = await Self.ask(loop, watch, within: Self.answerWait) { $0.abort() }
    }
    guard let methods else { return blocked(loop) }
    guard await Self.waitUntilIdle(loop, within: handlerEndWait, watch),
      let count = await Self.ask(loop, watch, within: Self.answerWait, { $0.abandon() })
    else { return blocked(loop) }
    if count > 0 {
      logger.error(
        "handlers ignored their cancellation and were given up",
        [
          "count": .integer(Int64(count)), "loop": .text(loop.loop.name),
          "methods": .text(Set(methods).sorted().joined(separator: ", ")),
        ])
    }
    var outcome = ShutdownOutcome()
    outcome.abandonedHandlerCount = count
    return outcome
  }

  private func blocked(_ loop: ServerLoop) -> ShutdownOutcome {
    logger.error(
      "an event loop does not answer: a handler keeps its thread",
      ["loop": .text(loop.loop.name)])
    var outcome = ShutdownOutcome()
    outcome.blockedLoops = [loop.loop.name]
    return outcome
  }

  /// Whether the loop answered, which it does when it is idle or after `bound`.
  private static func waitUntilIdle(
    _ loop: ServerLoop, within bound: Duration, _ watch: EventLoop
  ) async -> Bool {
    let answer: Bool? = await firstAnswer(watch, within: bound + answerWait) { answer in
      loop.loop.execute { loop.whenIdle(within: bound) { answer.give(true) } }
    }
    return answer ?? false
  }

  /// What `body` gives on the loop; `nil` when the loop does not run it in time.
  private static func ask<Value: Sendable>(
    _ loop: ServerLoop, _ watch: EventLoop, within bound: Duration,
    _ body: @escaping @Sendable (ServerLoop) -> Value
  ) async -> Value? {
    await firstAnswer(watch, within: bound) { answer in
      loop.loop.execute { answer.give(body(loop)) }
    }
  }

  private static func firstAnswer<Value: Sendable>(
    _ watch: EventLoop, within bound: Duration, _ begin: (FirstAnswer<Value>) -> Void
  ) async -> Value? {
    await withCheckedContinuation { continuation in
      let answer = FirstAnswer(continuation)
      watch.execute { watch.schedule(after: bound) { answer.give(nil) } }
      begin(answer)
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

/// Several may answer; the first is heard. Callable from any executor.
private final class FirstAnswer<Value: Sendable>: Sendable {
  private let continuation: Mutex<CheckedContinuation<Value?, Never>?>

  init(_ continuation: CheckedContinuation<Value?, Never>) {
    self.continuation = Mutex(continuation)
  }

  func give(_ value: Value?) {
    let waiting = continuation.withLock { continuation in
      defer { continuation = nil }
      return continuation
    }
    waiting?.resume(returning: value)
  }
}
