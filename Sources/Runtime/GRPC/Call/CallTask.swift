/// The task that runs one call's handler.
///
/// This is the only place where a task is started outside a scope: a call begins in a callback of
/// its loop, where no scope is. Whoever starts it keeps count, and a shutdown waits for all.
@usableFromInline
package struct CallTask: Sendable {
  @usableFromInline
  package let task: Task<Void, Never>

  @inlinable
  package init(_ task: Task<Void, Never>) { self.task = task }

  /// Starts `body` at once on the calling thread, which is `executor`'s; it goes on there after
  /// each suspension.
  @inlinable
  package static func start(
    on executor: any TaskExecutor, _ body: sending @escaping @isolated(any) () async -> Void
  ) -> CallTask {
    CallTask(Task.immediate(executorPreference: executor, operation: body))
  }

  /// Cancels the handler.
  package func cancel() { task.cancel() }
}
