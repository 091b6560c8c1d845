internal import Synchronization
internal import Telephony

/// Hands every committed call to those who watch, in the order of commits; each has a bounded
/// buffer.
///
/// A watcher whose buffer is full is cut off and told so; nobody waits for it. Where other
/// processes write to the same store, their commits come between ours: then a watcher is only told
/// to look at the store, which knows the order.
final class CallFeed: Sendable {
  /// Which commits a subscriber gets.
  enum Interest: Sendable {
    case filter(CallFilter)
    case calls(Set<CallID>)

    /// Whose watch it is; nil of our own.
    var tenant: TenantID? {
      if case .filter(let filter) = self { filter.tenant } else { nil }
    }

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
    /// The store may have what the watcher has not.
    case look
    /// More came than the buffer holds; what was in it is lost.
    case overflowed
    case shutDown
  }

  private struct Subscriber {
    let interest: Interest
    var buffer: [Call] = []
    /// The store is to be looked at.
    var isBehind = false
    var isOverflowed = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private struct State {
    var subscribers: [Int: Subscriber] = [:]
    var next = 0
    var isShutDown = false
  }

  private let isShared: Bool
  private let state = Mutex(State())

  /// - Parameter isShared: other processes write to the same store.
  init(isShared: Bool) {
    self.isShared = isShared
  }

  /// The store's sink: takes a lock for a moment and wakes whom it concerns.
  func committed(_ call: Call) {
    let waiters = state.withLock { state in
      var waiters: [CheckedContinuation<Void, Never>] = []
      let concerned = state.subscribers.filter { $0.value.interest.covers(call) }.keys
      for id in concerned {
        let waiter =
          isShared
          ? Self.fallBehind(&state.subscribers[id]) : Self.add(call, to: &state.subscribers[id])
        if let waiter { waiters.append(waiter) }
      }
      return waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Somebody else has written to the store: every watcher is to look.
  func changedElsewhere() {
    let waiters = state.withLock { state in
      state.subscribers.keys.compactMap { Self.fallBehind(&state.subscribers[$0]) }
    }
    for waiter in waiters { waiter.resume() }
  }

  var hasSubscribers: Bool { state.withLock { !$0.subscribers.isEmpty } }

  private static func fallBehind(
    _ subscriber: inout Subscriber?
  ) -> CheckedContinuation<Void, Never>? {
    subscriber?.isBehind = true
    defer { subscriber?.waiter = nil }
    return subscriber?.waiter
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

  /// Nil when there are too many, in all or of one tenant. Ended by `unsubscribe`.
  func subscribe(_ interest: Interest) -> Int? {
    state.withLock { state in
      guard state.subscribers.count < Limits.watchersMax else { return nil }
      if let tenant = interest.tenant {
        let count = state.subscribers.values.count { $0.interest.tenant == tenant }
        guard count < Limits.tenantWatchersMax else { return nil }
      }
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
      state.subscribers[id]?.isBehind = false
      return subscriber.isBehind ? .look : .calls(subscriber.buffer)
    }
  }

  /// Returns when `take` has something to say, or on cancellation. One waits per subscriber.
  func wait(_ id: Int) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumeNow = state.withLock { state in
          guard let subscriber = state.subscribers[id], subscriber.buffer.isEmpty,
            !subscriber.isBehind, !subscriber.isOverflowed, !state.isShutDown, !Task.isCancelled
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
