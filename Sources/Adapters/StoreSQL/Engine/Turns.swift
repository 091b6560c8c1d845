internal import Synchronization

/// Lets one task in at a time, in the order of their coming. Callable from any executor.
package final class Turns: Sendable {
  private typealias Waiter = CheckedContinuation<Bool, Never>

  private struct State {
    var isTaken = false
    var waiting: [Waiter] = []
  }

  /// Tasks that wait for their turn; more are refused.
  private static let waitingMax = 4096

  private let state = Mutex(State())

  package init() {}

  /// Waits for the turn; false when too many wait. Who got it calls ``leave()``.
  package func enter() async -> Bool {
    await withCheckedContinuation { (waiter: Waiter) in
      let verdict: Bool? = state.withLock { state in
        guard state.isTaken else {
          state.isTaken = true
          return true
        }
        guard state.waiting.count < Self.waitingMax else { return false }
        state.waiting.append(waiter)
        return nil
      }
      if let verdict { waiter.resume(returning: verdict) }
    }
  }

  /// Hands the turn to the one who waits longest.
  package func leave() {
    let next: Waiter? = state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isTaken = false
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume(returning: true)
  }
}
