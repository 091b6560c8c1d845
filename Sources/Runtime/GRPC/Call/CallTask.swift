/// The task that runs one call's handler.
///
/// This is the only place in gRPC where a task is started outside a scope: a call begins in a
/// callback of its loop, where no scope is. Whoever starts it keeps count, and a shutdown waits for
/// all.
@usableFromInline
package struct CallTask: Sendable {
  private enum Kind {
    case own(Task<Void, Never>)
    /// One that runs other calls too, one after another.
    case shared(CallWorker)
  }

  private let kind: Kind

  init(_ worker: CallWorker) { kind = .shared(worker) }

  private init(_ task: Task<Void, Never>) { kind = .own(task) }

  /// Starts `body` at once on the calling thread, which is `executor`'s; it goes on there after
  /// each suspension.
  package static func start(
    on executor: any TaskExecutor, _ body: sending @escaping @isolated(any) () async -> Void
  ) -> CallTask {
    CallTask(Task.immediate(executorPreference: executor, operation: body))
  }

  /// Cancels the handler. Of a task that runs other calls too only while it runs this one: not
  /// after ``UnaryReply/succeed(_:)`` or ``UnaryReply/fail(_:)``.
  package func cancel() {
    switch kind {
    case .own(let task): task.cancel()
    case .shared(let worker): worker.cancel()
    }
  }
}
