/// The task that runs one call's handler.
///
/// This is the only place where a task is started outside a scope: a call begins in a callback of
/// its loop, where no scope is. Whoever starts it keeps count, and a shutdown waits for all.
package struct CallTask: Sendable {
  private let task: Task<Void, Never>

  /// Starts `body` at once on the calling thread, which is `executor`'s; it goes on there after
  /// each suspension.
  package static func start(
    on executor: any TaskExecutor, _ body: sending @escaping @isolated(any) () async -> Void
  ) -> CallTask {
    CallTask(task: Task.immediate(executorPreference: executor, operation: body))
  }

  /// Cancels the handler.
  package func cancel() { task.cancel() }
}
