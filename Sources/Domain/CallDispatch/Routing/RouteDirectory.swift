package import Access
internal import Synchronization
package import Telephony

/// The routes of this process, read by every executor and written by the one task that runs
/// `follow`.
///
/// It goes on answering with what it has while the source is away.
package final class RouteDirectory: Sendable {
  private let table = Mutex(RouteTable())
  private let tokens: TokenDirectory?
  /// The tokens of the snapshot that is coming; nil outside of one.
  private let coming = Mutex<[TokenGrant]?>(nil)

  /// `tokens` is kept as the feed tells it; nil where somebody else keeps it.
  package init(tokens: TokenDirectory? = nil) { self.tokens = tokens }

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
    if let tokens { tell(update, to: tokens) }
  }

  /// Takes changes that name no place of the feed, all at once.
  package func apply(_ changes: [RouteChange]) {
    table.withLock { table in
      for change in changes { table.apply(.changed(change, at: nil)) }
    }
    guard let tokens else { return }
    for change in changes { tell(.changed(change, at: nil), to: tokens) }
  }

  /// Puts `next` in the place of `agent`, which is the same agent, unless another has come since.
  package func replace(_ agent: AgentRoute, with next: AgentRoute) {
    table.withLock { table in
      guard table.agent(agent.id, tenant: agent.tenant) == agent else { return }
      table.apply(.changed(.setAgent(next), at: nil))
    }
  }

  /// A token is good as soon as it has come. What a snapshot did not name goes at its end.
  private func tell(_ update: RouteUpdate, to tokens: TokenDirectory) {
    switch update {
    case .snapshotBegan: coming.withLock { $0 = [] }
    case .snapshotEnded:
      let all = coming.withLock { coming in
        defer { coming = nil }
        return coming
      }
      tokens.replaceAll(all ?? [])
    case .changed(.setToken(let grant), _):
      coming.withLock { $0?.append(grant) }
      tokens.put(grant)
    case .changed(.removeToken(let id), _): tokens.remove(id)
    case .changed, .heard: break
    }
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
