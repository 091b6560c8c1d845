internal import Synchronization
package import Telephony

/// The feed of routes: pages from the store, and a wake-up when something was published.
///
/// A reader asks for pages until it is level, waits, and asks again. Callable from any executor.
package final class RouteFeed: Sendable {
  private struct State {
    var latest: UInt64 = 0
    var next = 0
    var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
  }

  private let store: any DeploymentStore
  private let time: any TimeSource
  private let state = Mutex(State())

  package init(store: any DeploymentStore, time: any TimeSource) {
    self.store = store
    self.time = time
  }

  /// What changed after `sequence`, at most `limit` (up to `RegistryLimits.routePageSizeMax`)
  /// changes.
  package func page(
    after sequence: UInt64, limit: Int = RegistryLimits.routePageSizeMax
  ) async throws(RegistryError) -> RoutePage {
    let before = state.withLock { $0.latest }
    let page: RoutePage = try await reading { () async throws(StoreError) in
      try await store.routes(
        after: sequence, limit: min(max(limit, 1), RegistryLimits.routePageSizeMax))
    }
    if page.feed.latest.sequence < before {
      // The database went back, to an older copy of itself. What was published is no longer there,
      // and nobody is to be woken for it over and over.
      state.withLock { state in
        if state.latest == before { state.latest = 0 }
      }
    }
    return page
  }

  /// Returns when something after `sequence` was published in this process, and after
  /// `RegistryLimits.routePollInterval` in any case: another process may have published. The reader
  /// asks for a page then, which may be empty.
  package func waitForChange(after sequence: UInt64) async throws(CancellationError) {
    let isBehind = state.withLock { $0.latest > sequence }
    if isBehind { return }
    let time = time
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { await self.signalled(after: sequence) }
      group.addTask {
        try? await time.sleep(for: RegistryLimits.routePollInterval)
        return true
      }
      // One for whom there is no room is not signalled, and looks again when the time has passed.
      if await group.next() == false { _ = await group.next() }
      group.cancelAll()
    }
    if Task.isCancelled { throw CancellationError() }
  }

  /// Tells the readers of this process. A smaller sequence than an earlier one tells nothing.
  package func published(_ sequence: UInt64?) {
    guard let sequence else { return }
    let waiting = state.withLock { state in
      guard sequence > state.latest else { return [CheckedContinuation<Bool, Never>]() }
      state.latest = sequence
      defer { state.waiters = [:] }
      return Array(state.waiters.values)
    }
    for continuation in waiting { continuation.resume(returning: true) }
  }

  /// Wakes the readers of this process: another process may have published. They ask for a page,
  /// which may be empty.
  package func wake() {
    let waiting = state.withLock { state in
      defer { state.waiters = [:] }
      return Array(state.waiters.values)
    }
    for continuation in waiting { continuation.resume(returning: true) }
  }

  /// How many readers wait.
  package var waiterCount: Int { state.withLock { $0.waiters.count } }

  /// Returns true when something was published, and false at once when too many wait.
  private func signalled(after sequence: UInt64) async -> Bool {
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Bool? = state.withLock { state in
          if Task.isCancelled || state.latest > sequence { return true }
          guard state.waiters.count < RegistryLimits.routeWaitersMax else { return false }
          state.waiters[id] = continuation
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
      waiter?.resume(returning: true)
    }
  }
}
