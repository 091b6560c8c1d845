import Buffers
import EventLoops
import GRPC
import Synchronization
import TestKit
import Testing

/// Where one call's answer goes.
private final class Answer: UnaryReply {
  private struct State {
    var task: CallTask?
    var result: Result<[UInt8], RPCError>?
    var wasOnLoop = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let loop: EventLoop
  private let isOver: Bool
  private let state = Mutex(State())

  /// `isOver`: the call has ended before its handler could begin.
  init(on loop: EventLoop, isOver: Bool = false) {
    self.loop = loop
    self.isOver = isOver
  }

  func began(_ task: CallTask) -> Bool {
    state.withLock { $0.task = task }
    return !isOver
  }

  func succeed(_ serialize: (inout ByteWriter) -> Void) {
    var writer = ByteWriter()
    serialize(&writer)
    end(.success(writer.array()))
  }

  func fail(_ error: RPCError) { end(.failure(error)) }

  private func end(_ result: Result<[UInt8], RPCError>) {
    let waiter = state.withLock { state in
      state.result = result
      state.wasOnLoop = loop.isCurrent
      state.task = nil
      return state.waiter.take()
    }
    waiter?.resume()
  }

  var wasOnLoop: Bool { state.withLock { $0.wasOnLoop } }

  /// Cancels the handler, on the loop as a transport does.
  func cancel() { loop.execute { self.state.withLock { $0.task }?.cancel() } }

  func value() async throws -> [UInt8]? {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.result == nil { state.waiter = continuation }
        return state.result != nil
      }
      if isThere { continuation.resume() }
    }
    return try state.withLock { $0.result }?.get()
  }
}

/// Lives on a thread of its own.
private actor Elsewhere {
  let loop: EventLoop

  init(_ loop: EventLoop) { self.loop = loop }

  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

  func isAtHome() -> Bool { loop.isCurrent }
}

/// Handlers that do what their request says, and what runs them.
private struct Harness: Sendable {
  enum Deed: UInt8 {
    case answer
    /// Waits for ``Harness/gate``, or for the call's cancellation.
    case wait
    /// Goes to another thread and comes back.
    case travel
  }

  static let method = MethodDescriptor(service: "trunkline.testing.S", method: "M", kind: .unary)

  let loop = EventLoop(name: "workers")
  let otherLoop = EventLoop(name: "elsewhere")
  let workers: CallWorkers
  let handler: any MethodHandler
  let gate = AsyncStream.makeStream(of: Void.self)
  let begun = AsyncStream.makeStream(of: Deed.self)

  init() throws {
    workers = CallWorkers(executor: loop)
    var router = Router()
    let (gate, begun, loop, elsewhere) = (gate, begun, loop, Elsewhere(otherLoop))
    router.unary(Self.method, BytesMessage.self, BytesMessage.self) {
      (request, _) async throws(RPCError) in
      guard let deed = request.bytes.first.flatMap({ Deed(rawValue: $0) }) else {
        throw RPCError(.invalidArgument, "No deed.")
      }
      begun.continuation.yield(deed)
      var wasAway = true
      switch deed {
      case .answer: break
      case .wait: for await _ in gate.stream { break }
      case .travel: wasAway = await elsewhere.isAtHome()
      }
      return BytesMessage(bytes: [
        Task.isCancelled ? 1 : 0, loop.isCurrent ? 1 : 0, wasAway ? 1 : 0,
      ])
    }
    handler = try #require(router.handler(for: Self.method.path))
  }

  /// Starts calls, all in one callback of the loop.
  func start(_ calls: [(Deed, Answer)]) {
    loop.execute {
      for (deed, answer) in calls {
        [deed.rawValue].withBytes { request in
          handler.startUnary(request, ServerContext(method: Self.method), in: workers, answer)
        }
      }
    }
  }

  func start(_ deed: Deed, isOver: Bool = false) -> Answer {
    let answer = Answer(on: loop, isOver: isOver)
    start([(deed, answer)])
    return answer
  }

  func stop() {
    loop.execute { workers.stop() }
    loop.stop()
    otherLoop.stop()
  }
}

/// What a handler answers that was not cancelled, on the loop.
private let well: [UInt8] = [0, 1, 1]

@Suite(.timeLimit(.minutes(1))) struct CallWorkersTests {
  @Test func callsAreAnsweredOnTheLoopOneAfterAnother() async throws {
    let harness = try Harness()
    let answers = (0..<200).map { _ in Answer(on: harness.loop) }
    harness.start(answers.map { (.answer, $0) })
    for answer in answers {
      #expect(try await answer.value() == well)
      #expect(answer.wasOnLoop)
    }
    harness.stop()
  }

  @Test func aHandlerThatSuspendsKeepsNobodyWaiting() async throws {
    let harness = try Harness()
    let answers = (0..<200).map { _ in Answer(on: harness.loop) }
    harness.start(answers.enumerated().map { ($0.offset % 2 == 0 ? .wait : .answer, $0.element) })
    for index in stride(from: 1, to: 200, by: 2) {
      #expect(try await answers[index].value() == well)
    }
    harness.gate.continuation.finish()
    for answer in answers {
      #expect(try await answer.value() == well)
      #expect(answer.wasOnLoop)
    }
    harness.stop()
  }

  @Test func aHandlerComesBackToTheLoop() async throws {
    let harness = try Harness()
    for _ in 0..<3 {
      let answer = harness.start(.travel)
      #expect(try await answer.value() == well)
      #expect(answer.wasOnLoop)
    }
    harness.stop()
  }

  @Test func aTaskThatWasCancelledRunsNoOtherCall() async throws {
    let harness = try Harness()
    var begun = harness.begun.stream.makeAsyncIterator()
    let cancelled = harness.start(.wait)
    let first = await begun.next()
    #expect(first == .wait)
    cancelled.cancel()
    #expect(try await cancelled.value() == [1, 1, 1])
    #expect(try await harness.start(.answer).value() == well)
    #expect(try await harness.start(.answer).value() == well)
    harness.stop()
  }

  @Test func aCallThatIsOverDoesNotBegin() async throws {
    let harness = try Harness()
    let (over, next) = (Answer(on: harness.loop, isOver: true), Answer(on: harness.loop))
    harness.start([(.wait, over), (.answer, next)])
    #expect(try await next.value() == well)
    harness.begun.continuation.finish()
    var deeds: [Harness.Deed] = []
    for await deed in harness.begun.stream { deeds.append(deed) }
    #expect(deeds == [.answer])
    harness.stop()
  }

  @Test func aStopEndsTheTasks() async throws {
    weak var workers: CallWorkers?
    do {
      let harness = try Harness()
      workers = harness.workers
      #expect(try await harness.start(.answer).value() == well)
      #expect(workers != nil)
      harness.stop()
    }
    #expect(workers == nil)
  }

  @Test func aRequestThatCanNotBeReadNeedsNoTask() async throws {
    let harness = try Harness()
    let answer = Answer(on: harness.loop)
    let (handler, workers) = (harness.handler, harness.workers)
    harness.loop.execute {
      ([0xff] as [UInt8]).withBytes { request in
        handler.startUnary(request, ServerContext(method: Harness.method), in: workers, answer)
      }
    }
    await #expect(throws: RPCError.self) { try await answer.value() }
    harness.stop()
  }
}
