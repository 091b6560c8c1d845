internal import Synchronization

/// Ends a run of an entry before its time. Callable from any executor.
final class Interruption: Sendable {
  private struct State {
    var isRaised = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  typealias Ended = Result<ProvisioningEnd, ProvisioningStop>

  private let state = Mutex(State())

  init() {}

  var isRaised: Bool { state.withLock { $0.isRaised } }

  func raise() {
    let waiter = state.withLock { state in
      state.isRaised = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// What `body` comes to, which is cancelled when this is raised.
  func end(
    of body: @escaping @Sendable () async throws(ProvisioningStop) -> ProvisioningEnd
  ) async -> Ended {
    await withTaskGroup(of: Ended?.self) { group in
      group.addTask {
        do throws(ProvisioningStop) {
          return .success(try await body())
        } catch {
          return .failure(error)
        }
      }
      group.addTask {
        await self.wait()
        return nil
      }
      var ended = Ended.failure(.stopping)
      for await part in group {
        if let part { ended = part }
        group.cancelAll()
      }
      return ended
    }
  }

  /// Returns when it is raised, or on cancellation.
  private func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.isRaised || Task.isCancelled { return true }
          state.waiter = continuation
          return false
        }
        if isOver { continuation.resume() }
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
