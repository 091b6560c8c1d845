internal import Synchronization

/// Ends a run of an entry before its time. Callable from any executor.
final class Interruption: Sendable {
  private struct State {
    var isRaised = false
    /// Requests on their way that change something.
    var writeCount = 0
    var waiter: CheckedContinuation<Void, Never>?
  }

  typealias Ended = Result<ProvisioningEnd, ProvisioningStop>

  private let state = Mutex(State())

  init() {}

  var isRaised: Bool { state.withLock { $0.isRaised } }

  /// The one of the present run; nil outside of a run.
  @TaskLocal static var current: Interruption?

  func raise() {
    let waiter = state.withLock { state in
      state.isRaised = true
      return Self.takeWaiter(&state)
    }
    waiter?.resume()
  }

  /// What `body` sends is not cut off by this: it might have its effect after the look that is to
  /// undo it.
  func keeping<Value: Sendable>(
    _ body: () async throws(CarrierError) -> Value
  ) async throws(CarrierError) -> Value {
    state.withLock { state in state.writeCount += 1 }
    defer {
      let waiter = state.withLock { state in
        state.writeCount -= 1
        return state.isRaised ? Self.takeWaiter(&state) : nil
      }
      waiter?.resume()
    }
    return try await body()
  }

  private static func takeWaiter(_ state: inout State) -> CheckedContinuation<Void, Never>? {
    guard state.writeCount == 0 else { return nil }
    defer { state.waiter = nil }
    return state.waiter
  }

  /// What `body` comes to, which is cancelled when this is raised and nothing is being written.
  func end(
    of body: @escaping @Sendable () async throws(ProvisioningStop) -> ProvisioningEnd
  ) async -> Ended {
    await Self.$current.withValue(self) { await run(body) }
  }

  private func run(
    _ body: @escaping @Sendable () async throws(ProvisioningStop) -> ProvisioningEnd
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
          if (state.isRaised && state.writeCount == 0) || Task.isCancelled { return true }
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
