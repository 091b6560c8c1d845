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
    let (numberFeed, store) = (context.numberFeed, context.store(of: caller.tenant))
    guard let subscription = numberFeed.subscribe(caller.tenant) else { throw .tooManyWatchers }
    do throws(RegistryError) {
      // Where the snapshot stands is read before it: what changes meanwhile is told after it.
      let feed = try await reading { () async throws(StoreError) in
        try await store.events(of: .number, after: resumed?.known.sequence ?? 0, limit: 0)
      }.feed
      if let resumed { try NumberWatch.check(resumed, feed) }
      let place =
        resumed
        ?? WatchPlace(
          history: NumberWatch.history(of: feed.epoch), sequence: feed.latest.sequence,
          known: feed.latest)
      return NumberWatch(
        feed: numberFeed, subscription: subscription, store: store, tokens: tokens,
        time: context.time, place: place, isInSnapshot: resumed == nil || resumed?.snapshot != nil)
    } catch {
      numberFeed.unsubscribe(subscription)
      throw error
    }
  }
}
