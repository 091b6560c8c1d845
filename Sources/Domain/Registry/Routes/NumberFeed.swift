internal import Synchronization
package import Telephony

/// Hands changes of numbers to those who watch: one task reads all tenants' changes from the store
/// and keeps the last of them; a watcher takes its own from there, and what is no longer there from
/// the store.
///
/// Nothing waits for a watcher, and nothing is kept for one. Callable from any executor.
package final class NumberFeed: Sendable {
  /// What a watcher gets.
  enum Taken: Sendable {
    /// Its changes after its place, in order, up to `through`; none when nothing changed.
    case events([ChangeEvent], through: FeedPoint)
    /// They are no longer here, or not yet: the store has them.
    case inStore
    /// The store's history is another one than before.
    case isOver
    case shutDown
  }

  private struct Watcher {
    let tenant: TenantID
    var isOver = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private struct State {
    /// nil before the store was asked first.
    var epoch: String?
    /// Changes of numbers after `start`, up to `latest`, by rising sequence.
    var recent: [ChangeEvent] = []
    var start: UInt64 = 0
    var latest = FeedPoint(sequence: 0, time: nil)
    var isAway = false
    var isShutDown = false
    var watchers: [Int: Watcher] = [:]
    var tenants: [TenantID: Set<Int>] = [:]
    var next = 0
  }

  private let store: any DeploymentStore
  private let routes: RouteFeed
  private let time: any TimeSource
  private let state = Mutex(State())

  /// The wait after the store could not be asked.
  private static let retryDelay: Duration = .milliseconds(500)

  package init(store: any DeploymentStore, routes: RouteFeed, time: any TimeSource) {
    self.store = store
    self.routes = routes
    self.time = time
  }

  // MARK: Reading the store

  /// Reads until its task is cancelled. Called once for each process.
  package func run() async {
    while !Task.isCancelled {
      do throws(StoreError) {
        try await readOn()
      } catch {
        state.withLock { $0.isAway = true }
        guard (try? await time.sleep(for: Self.retryDelay)) != nil else { return }
      }
    }
  }

  /// Reads what has come; waits when there is no more.
  private func readOn() async throws(StoreError) {
    let (isFirst, latest) = state.withLock { ($0.epoch == nil, $0.latest) }
    let limit = isFirst ? 1 : RegistryLimits.routePageSizeMax
    let (page, isWhole) = try await page(after: latest.sequence, limit: limit)
    let (waiters, isLevel) = state.withLock { state in
      let waiters = Self.take(page, limit: limit, isWhole: isWhole, &state)
      return (waiters, state.latest.sequence >= page.feed.latest.sequence)
    }
    for waiter in waiters { waiter.resume() }
    guard isLevel else { return }
    // A cancelled task ends its loop.
    try? await routes.waitForChange(after: page.feed.latest.sequence)
  }

  /// The next changes. When one of them can't be read it is none, up to the last: watchers find
  /// them in the store, and only the damaged one's tenant is stopped by it.
  private func page(
    after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> (EventPage, isWhole: Bool) {
    do throws(StoreError) {
      return (try await store.events(after: sequence, limit: limit), true)
    } catch {
      guard case .damaged = error else { throw error }
      return (try await store.events(after: .max, limit: 1), false)
    }
  }

  /// Takes in a page, and gives who is to be woken.
  private static func take(
    _ page: EventPage, limit: Int, isWhole: Bool, _ state: inout State
  ) -> [CheckedContinuation<Void, Never>] {
    state.isAway = false
    let isSame = state.epoch.map { page.feed.agrees(with: state.latest, of: $0) } ?? false
    guard isSame, isWhole, page.feed.prunedThrough <= state.latest.sequence else {
      if state.epoch != nil, !isSame {
        for id in state.watchers.keys { state.watchers[id]?.isOver = true }
      }
      state.epoch = page.feed.epoch
      state.latest = page.feed.latest
      (state.recent, state.start) = ([], state.latest.sequence)
      return wake(Array(state.watchers.keys), &state)
    }
    let events = page.events.filter { $0.kind == .number }
    state.recent += events
    state.latest = page.end(limit: limit)
    let surplus = state.recent.count - RegistryLimits.watchEventsMax
    if surplus > 0 {
      state.start = state.recent[surplus - 1].sequence
      state.recent.removeFirst(surplus)
    }
    let concerned = Set(events.map(\.tenant)).flatMap { state.tenants[$0] ?? [] }
    return wake(concerned, &state)
  }

  private static func wake(
    _ ids: [Int], _ state: inout State
  ) -> [CheckedContinuation<Void, Never>] {
    ids.compactMap { id in
      defer { state.watchers[id]?.waiter = nil }
      return state.watchers[id]?.waiter
    }
  }

  /// Ends every watch: the process stops.
  package func shutDown() {
    let waiters = state.withLock { state in
      state.isShutDown = true
      return Self.wake(Array(state.watchers.keys), &state)
    }
    for waiter in waiters { waiter.resume() }
  }

  // MARK: For watchers

  /// How many watch now.
  package var watcherCount: Int { state.withLock { $0.watchers.count } }

  /// The store could not be asked when it was tried last.
  var isAway: Bool { state.withLock { $0.isAway } }

  /// Nil when there are too many, of the tenant or in all. Ended by `unsubscribe`.
  func subscribe(_ tenant: TenantID) -> Int? {
    state.withLock { state in
      guard state.watchers.count < RegistryLimits.watchersMax,
        state.tenants[tenant, default: []].count < RegistryLimits.tenantWatchersMax
      else { return nil }
      state.next += 1
      state.watchers[state.next] = Watcher(tenant: tenant)
      state.tenants[tenant, default: []].insert(state.next)
      return state.next
    }
  }

  func unsubscribe(_ id: Int) {
    let waiter = state.withLock { state in
      let watcher = state.watchers.removeValue(forKey: id)
      if let tenant = watcher?.tenant {
        state.tenants[tenant]?.remove(id)
        if state.tenants[tenant]?.isEmpty == true { state.tenants[tenant] = nil }
      }
      return watcher?.waiter
    }
    waiter?.resume()
  }

  /// At most `limit` changes after `sequence`.
  func take(_ id: Int, after sequence: UInt64, limit: Int) -> Taken {
    state.withLock { state in
      if state.isShutDown { return .shutDown }
      guard let watcher = state.watchers[id], !watcher.isOver else { return .isOver }
      guard state.epoch != nil, sequence >= state.start else { return .inStore }
      let own = Array(Self.own(watcher.tenant, after: sequence, state).prefix(limit))
      let isCut = own.count == limit
      return .events(own, through: isCut ? own.last?.point ?? state.latest : state.latest)
    }
  }

  private static func own(
    _ tenant: TenantID, after sequence: UInt64, _ state: State
  ) -> some Collection<ChangeEvent> {
    state.recent.lazy.filter { $0.sequence > sequence && $0.tenant == tenant }
  }

  /// Returns when `take` may have something to say, after `bound`, or on cancellation. One waits
  /// for each watcher.
  func wait(_ id: Int, after sequence: UInt64, atMost bound: Duration) async {
    let time = time
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.signalled(id, after: sequence) }
      group.addTask { try? await time.sleep(for: bound) }
      await group.next()
      group.cancelAll()
    }
  }

  private func signalled(_ id: Int, after sequence: UInt64) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let returnsAtOnce = state.withLock { state in
          guard let watcher = state.watchers[id], !watcher.isOver, !state.isShutDown,
            !Task.isCancelled, state.epoch == nil || sequence >= state.start,
            Self.own(watcher.tenant, after: sequence, state).isEmpty
          else { return true }
          state.watchers[id]?.waiter = continuation
          return false
        }
        if returnsAtOnce { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        defer { state.watchers[id]?.waiter = nil }
        return state.watchers[id]?.waiter
      }
      waiter?.resume()
    }
  }
}
