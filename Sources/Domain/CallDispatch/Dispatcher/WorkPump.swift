internal import Synchronization
internal import Telephony

/// Wakes the worker, and counts what it is doing.
///
/// A wake-up that comes while nobody waits is kept: the next wait returns at once.
final class WorkPump: Sendable {
  private struct State {
    var isAwake = false
    var isStopping = false
    var waiter: CheckedContinuation<Void, Never>?
    var inFlight: Set<CallID> = []
  }

  private let state = Mutex(State())

  func wake() {
    let waiter = state.withLock { state in
      state.isAwake = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// No new work is taken; what is in flight goes on.
  func stop() {
    state.withLock { $0.isStopping = true }
    wake()
  }

  var isStopping: Bool { state.withLock { $0.isStopping } }

  var inFlightCount: Int { state.withLock { $0.inFlight.count } }

  /// False when the call is being worked on already.
  func begin(_ id: CallID) -> Bool {
    state.withLock { !$0.isStopping && $0.inFlight.insert(id).inserted }
  }

  func end(_ id: CallID) {
    _ = state.withLock { $0.inFlight.remove(id) }
    wake()
  }

  /// Returns at the next wake-up, or when `duration` has passed, or on cancellation. One waits.
  func wait(for duration: Duration, time: any TimeSource) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.woken() }
      group.addTask { try? await time.sleep(for: duration) }
      await group.next()
      group.cancelAll()
    }
    state.withLock { $0.isAwake = false }
  }

  private func woken() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumeNow = state.withLock { state in
          if Task.isCancelled || state.isAwake { return true }
          state.waiter = continuation
          return false
        }
        if resumeNow { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }
  }
}
