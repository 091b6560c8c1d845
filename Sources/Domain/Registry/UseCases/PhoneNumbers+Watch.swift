package import Access
internal import Telephony

// Watching a tenant's numbers.
extension PhoneNumbers {
  /// Begins a watch: with an empty token with a snapshot, else after the token's step.
  package func watch(
    resumeToken: String, by caller: Caller
  ) async throws(RegistryError) -> NumberWatch {
    let tokens = ResumeTokens(tenant: caller.tenant, sealer: context.sealer)
    let resumed = resumeToken.isEmpty ? nil : try tokens.place(in: resumeToken)
    let (feed, store) = (context.numberFeed, context.store(of: caller.tenant))
    guard let subscription = feed.subscribe(caller.tenant) else { throw .tooManyWatchers }
    do throws(RegistryError) {
      // Where the snapshot stands is read before it: what changes meanwhile is told after it.
      let page = try await context.read { () async throws(StoreError) in
        try await store.events(of: .number, after: resumed?.sequence ?? 0, limit: 1)
      }
      if let resumed { try NumberWatch.check(resumed, page) }
      let place =
        resumed
        ?? WatchPlace(history: NumberWatch.history(of: page.epoch), sequence: page.latest)
      return NumberWatch(
        feed: feed, subscription: subscription, store: store, tokens: tokens, time: context.time,
        place: place, isInSnapshot: resumed == nil || resumed?.snapshot != nil)
    } catch {
      feed.unsubscribe(subscription)
      throw error
    }
  }
}
