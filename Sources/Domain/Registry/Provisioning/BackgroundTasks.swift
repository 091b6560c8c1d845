internal import Synchronization

/// The one owner of work that outlives the call which began it.
///
/// It has a bound, and a shutdown waits for all of it. Nothing else in the registry starts a task.
package final class BackgroundTasks: Sendable {
  /// Why work was not begun.
  package enum Refusal: Error, Sendable, Hashable {
    /// As many works as allowed go on.
    case full
    /// `drain` was called.
    case draining
  }

  private struct State {
    var next = 0
    var tasks: [Int: Task<Void, Never>] = [:]
    var draining = false
    var drained: [CheckedContinuation<Void, Never>] = []
  }

  private let countMax: Int
  private let state = Mutex(State())

  package init(countMax: Int = RegistryLimits.provisioningCountMax) {
    self.countMax = countMax
  }

  /// How many works go on.
  package var count: Int { state.withLock { $0.tasks.count } }

  /// Whether `drain` was called.
  package var isDraining: Bool { state.withLock { $0.draining } }

  /// Begins `work` and returns at once. A drain cancels it: it then ends at its next safe point.
  package func start(_ work: @escaping @Sendable () async -> Void) throws(Refusal) {
    try state.withLock { state throws(Refusal) in
      guard !state.draining else { throw .draining }
      guard state.tasks.count < countMax else { throw .full }
      state.next += 1
      let id = state.next
      // The one named place of the registry that starts a task: the work has no parent, for it goes
      // on when its caller is cancelled. This object owns it, bounds it and waits for it. Detached,
      // so that the caller's task-local deadline does not end what outlives the caller.
      state.tasks[id] = Task.detached {
        await work()
        self.ended(id)
      }
    }
  }

  /// Takes no more work, cancels what goes on, and returns when all of it has ended.
  package func drain() async {
    let tasks = state.withLock { state in
      state.draining = true
      return Array(state.tasks.values)
    }
    for task in tasks { task.cancel() }
    await idle()
  }

  /// Returns when no work goes on.
  package func idle() async {
    await withCheckedContinuation { continuation in
      let isIdle = state.withLock { state in
        guard !state.tasks.isEmpty else { return true }
        state.drained.append(continuation)
        return false
      }
      if isIdle { continuation.resume() }
    }
  }

  private func ended(_ id: Int) {
    let waiting = state.withLock { state in
      state.tasks[id] = nil
      guard state.tasks.isEmpty else { return [CheckedContinuation<Void, Never>]() }
      defer { state.drained = [] }
      return state.drained
    }
    for continuation in waiting { continuation.resume() }
  }
}
