/// The tasks that run the unary handlers of one executor, one call after another.
///
/// To make a task and end it costs more than to decode and answer a small call. So the task that
/// has answered a call goes on with the next one that waits. A handler that suspends keeps its
/// task until it ends, and another task goes on meanwhile:
///
/// ```
/// parked ──a call waits──▶ running ──answered, another waits──▶ running
///    ▲                        ├──none waits──▶ parked, or over if enough are
///    └────────────────────────┘ └──cancelled meanwhile, answered──▶ over
/// ```
///
/// Used on the executor's thread only; ``stop()`` ends the tasks that are parked.
package final class CallWorkers: @unchecked Sendable {
  // @unchecked: all state is used on the executor's thread. Tasks prefer it, and each reads or
  // changes state only before its handler begins and after that has come back to it.

  /// Runs a handler and answers its call.
  package typealias Body = nonisolated(nonsending) @Sendable () async -> Void

  /// Does work that would hold up the executor, and waits for nothing, elsewhere. A call that is
  /// over by then may find it undone.
  package typealias Aside =
    nonisolated(nonsending) @Sendable (
      ServerContext, _ work: @escaping @Sendable () -> Void
    ) async -> Void

  private struct Waiting {
    let reply: any UnaryReply
    let body: Body
  }

  /// How many tasks are kept without a call: two do for handlers that do not suspend.
  private static let parkedMax = 64
  /// Room is kept for so many calls that wait.
  private static let keptWaitingMax = 1024

  private let executor: any TaskExecutor
  let aside: Aside
  /// Calls that wait for a task, from ``nextIndex`` on; they are started before the tick ends, and
  /// whoever puts them in bounds how many handlers run.
  private var waiting: [Waiting?] = []
  private var nextIndex = 0
  private var parked: [CallWorker] = []
  /// Whether a task was woken and has not looked for calls yet.
  private var isWaking = false
  private var isStopped = false

  /// Without `aside` everything is done on the executor.
  package init(executor: any TaskExecutor, aside: @escaping Aside = { _, work in work() }) {
    self.executor = executor
    self.aside = aside
  }

  /// Has `body` run in a task when the executor comes to it, unless `reply` declines by then.
  func add(_ reply: any UnaryReply, _ body: @escaping Body) {
    waiting.append(Waiting(reply: reply, body: body))
    wake()
  }

  /// Ends parked tasks now, and others once their handlers have ended. To be called once no more
  /// calls come.
  package func stop() {
    isStopped = true
    let workers = parked
    parked = []
    for worker in workers { worker.resume() }
  }

  private func wake() {
    guard !isWaking else { return }
    isWaking = true
    let worker = parked.popLast() ?? makeParked()
    worker.resume()
  }

  private func makeParked() -> CallWorker {
    let worker = CallWorker()
    worker.task = CallTask.start(on: executor) {
      await worker.park()
      await self.run(worker)
    }
    return worker
  }

  /// What a task does from its first call on.
  private func run(_ worker: CallWorker) async {
    while true {
      isWaking = false
      while let call = next() {
        if call.reply.began(CallTask(worker)) { await call.body() }
        if worker.isCancelled { return }
      }
      guard !isStopped, parked.count < Self.parkedMax else { return }
      parked.append(worker)
      await worker.park()
    }
  }

  /// The call that waits longest. If more do, a second task is woken: the first may suspend.
  private func next() -> Waiting? {
    guard nextIndex < waiting.count else { return nil }
    let call = waiting[nextIndex].take()
    nextIndex += 1
    if nextIndex < waiting.count {
      wake()
    } else {
      waiting.removeAll(keepingCapacity: waiting.capacity <= Self.keptWaitingMax)
      nextIndex = 0
    }
    return call
  }
}

/// One task of ``CallWorkers``, used on their executor's thread.
@usableFromInline
final class CallWorker: @unchecked Sendable {
  // @unchecked: as CallWorkers.

  fileprivate var task: CallTask?
  /// Whether the call that it runs was cancelled: the task is over with that call, since a task
  /// can't be made uncancelled.
  fileprivate private(set) var isCancelled = false
  private var continuation: CheckedContinuation<Void, Never>?

  fileprivate init() {}

  /// Waits for ``resume()``.
  fileprivate func park() async {
    await withCheckedContinuation { continuation = $0 }
  }

  fileprivate func resume() {
    continuation.take()?.resume()
  }

  func cancel() {
    isCancelled = true
    task?.cancel()
  }
}
