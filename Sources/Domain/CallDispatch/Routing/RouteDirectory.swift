internal import Synchronization
package import Telephony

/// The routes of this process, read by every executor and written by the one task that runs
/// `follow`.
///
/// It goes on answering with what it has while the source is away.
package final class RouteDirectory: Sendable {
  private let table = Mutex(RouteTable())

  package init() {}

  /// A whole snapshot has come.
  package var isReady: Bool { table.withLock { $0.place != nil } }
  package var numberCount: Int { table.withLock { $0.numberCount } }

  package func number(_ id: PhoneNumberID) -> ResolvedNumber? {
    table.withLock { $0.number(id) }
  }

  package func agent(_ id: AgentID, tenant: TenantID) -> AgentRoute? {
    table.withLock { $0.agent(id, tenant: tenant) }
  }

  package func provider(_ id: ProviderID) -> ProviderRoute? {
    table.withLock { $0.provider(id) }
  }

  /// The providers whose calls these regions handle.
  package func providers(of regions: Set<Region>) -> [ProviderID] {
    table.withLock { $0.providers(of: regions) }
  }

  package func apply(_ update: RouteUpdate) {
    table.withLock { $0.apply(update) }
  }

  /// Follows the source until the calling task is cancelled, opening the feed again when it ends:
  /// soon after one that lived, as when its connection reached its age, and ever later while none
  /// does. It goes on after the last change that was taken, so nothing is missed between two.
  package func follow(_ source: any RouteSource, time: any TimeSource) async {
    let backoff = BackOff(first: Limits.routeRetryDelay, longest: Limits.routeRetryDelayMax)
    var failures = 0
    while !Task.isCancelled {
      let before = table.withLock { $0.place }
      var wasHeard = false
      do throws(RouteSourceError) {
        try await source.follow(after: before) { update in
          if case .heard = update { wasHeard = true }
          self.apply(update)
        }
      } catch {
        switch error {
        case .cancelled: return
        case .unavailable: break  // Waits below, as after an end in good order.
        }
      }
      let progressed = wasHeard || table.withLock { $0.place } != before
      failures = progressed ? 1 : failures + 1
      do {
        try await time.sleep(for: backoff.delay(afterFailures: failures))
      } catch {
        return
      }
    }
  }
}
