internal import Synchronization
internal import Telephony

/// Hands every committed call to those who watch, in the order of commits; each has a bounded
/// buffer.
///
/// A watcher whose buffer is full is cut off and told so; nobody waits for it.
final class CallFeed: Sendable {
  /// Which commits a subscriber gets.
  enum Interest: Sendable {
    case filter(CallFilter)
    case calls(Set<CallID>)

    func covers(_ call: Call) -> Bool {
      switch self {
      case .filter(let filter): filter.matches(call)
      case .calls(let ids): ids.contains(call.id)
      }
    }
  }

  enum Taken: Sendable {
    /// In the order of commits; empty when nothing has come.
    case calls([Call])
    /// More came than the buffer holds; what was in it is lost.
    case overflowed
    case shutDown
  }

  private struct Subscriber {
    let interest: Interest
    var buffer: [Call] = []
    var isOverflowed = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private struct State {
    var subscribers: [Int: Subscriber] = [:]
    var next = 0
    var isShutDown = false
  }

  private let state = Mutex(State())

  /// The store's sink: takes a lock for a moment and wakes whom it concerns.
  func committed(_ call: Call) {
    let waiters = state.withLock { state in
      var waiters: [CheckedContinuation<Void, Never>] = []
      let concerned = state.subscribers.filter { $0.value.interest.covers(call) }.keys
      for id in concerned {
        if let waiter = Self.add(call, to: &state.subscribers[id]) { waiters.append(waiter) }
      }
      return waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  private static func add(
    _ call: Call, to subscriber: inout Subscriber?
  ) -> CheckedContinuation<Void, Never>? {
    if (subscriber?.buffer.count ?? 0) < Limits.watcherBufferMax {
      subscriber?.buffer.append(call)
    } else {
      subscriber?.buffer = []
      subscriber?.isOverflowed = true
    }
    defer { subscriber?.waiter = nil }
    return subscriber?.waiter
  }

  /// Nil when there are too many. Ended by `unsubscribe`.
  func subscribe(_ interest: Interest) -> Int? {
    state.withLock { state in
      guard state.subscribers.count < Limits.watchersMax else { return nil }
      state.next += 1
      state.subscribers[state.next] = Subscriber(interest: interest)
      return state.next
    }
  }

  func unsubscribe(_ id: Int) {
    let waiter = state.withLock { $0.subscribers.removeValue(forKey: id)?.waiter }
    waiter?.resume()
  }

  func take(_ id: Int) -> Taken {
    state.withLock { state in
      if state.isShutDown { return .shutDown }
      guard let subscriber = state.subscribers[id], !subscriber.isOverflowed else {
        return .overflowed
      }
      state.subscribers[id]?.buffer = []
      return .calls(subscriber.buffer)
    }
  }

  /// Returns when `take` has something to say, or on cancellation. One waits per subscriber.
  func wait(_ id: Int) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumeNow = state.withLock { state in
          guard let subscriber = state.subscribers[id], subscriber.buffer.isEmpty,
            !subscriber.isOverflowed, !state.isShutDown, !Task.isCancelled
          else { return true }
          state.subscribers[id]?.waiter = continuation
          return false
        }
        if resumeNow { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        defer { state.subscribers[id]?.waiter = nil }
        return state.subscribers[id]?.waiter
      }
      waiter?.resume()
    }
  }

  /// Ends every watch.
  func shutDown() {
    let waiters = state.withLock { state in
      state.isShutDown = true
      let waiters = state.subscribers.values.compactMap(\.waiter)
      for id in state.subscribers.keys { state.subscribers[id]?.waiter = nil }
      return waiters
    }
    for waiter in waiters { waiter.resume() }
  }
}
