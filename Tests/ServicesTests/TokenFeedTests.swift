import Access
import CallDispatch
import GRPC
import Registry
import Telephony
import TestKit
import Testing
import WellKnown

@testable import Services

/// What becomes of a registry's tokens in memory while it follows the feed.
struct TokenFeedTests {
  private let store = MemoryRegistryStore()
  private let directory = TokenDirectory()
  private let time = ManualTime(.hold)

  private func until(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<100_000 {
      if try await condition() { return }
      await Task.yield()
    }
    Issue.record("It never came.")
  }

  private func insert(_ number: Int, at time: Timestamp = Sample.start) async throws {
    try await store.commit(Sample.write([.insertToken(Sample.token(number))], at: time))
  }

  /// Lets a registry follow `store` while `body` runs.
  private func following(
    _ injector: FaultInjector = FaultInjector(), _ body: (RouteFeed) async throws -> Void
  ) async throws {
    let feed = RouteFeed(store: FaultyRegistryStore(store, injector), time: time)
    try await withThrowingTaskGroup { group in
      group.addTask { await TokenFeed(feed, directory, time: time).run() }
      try await until { feed.waiterCount == 1 }
      try await body(feed)
      group.cancelAll()
    }
  }

  @Test func tokensStayInMemoryWhileTheStoreIsAway() async throws {
    try await insert(1)
    try await insert(2)
    // Two pages are read at the start; the third fails.
    let injector = FaultInjector(failing: 3)
    try await following(injector) { feed in
      for number in 1...2 { directory.put(try #require(Sample.token(number).grant)) }
      let revocation = RegistryChange.revokeToken(Sample.tokenID(2), at: Sample.time(9))
      try await store.commit(Sample.write([revocation]))
      feed.wake()
      try await until { injector.count == 3 && time.sleeperCount == 1 && feed.waiterCount == 0 }
      #expect(directory.count == 2)
      time.advance(by: .seconds(1))
      try await until { injector.count >= 5 && feed.waiterCount == 1 }
      #expect(directory.grant(Sample.tokenID(1)) != nil)
      #expect(directory.grant(Sample.tokenID(2)) == nil)
    }
  }

  /// Also when it grew again before anybody looked, beyond the end that it had.
  @Test(arguments: [0, 1, 4])
  func tokensAreForgottenWhenTheDatabaseWentBack(grownBy growth: Int) async throws {
    try await insert(1)
    let earlier = store.copy()
    try await insert(2)
    let injector = FaultInjector()
    try await following(injector) { feed in
      for number in 1...2 { directory.put(try #require(Sample.token(number).grant)) }
      store.goBack(to: earlier)
      for number in 0..<growth { try await insert(11 + number, at: Sample.time(5)) }
      let count = injector.count
      feed.wake()
      try await until { injector.count > count && feed.waiterCount == 1 }
      #expect(directory.count == 0)
      // What comes now has the numbers of what is gone.
      try await insert(3)
      feed.wake()
      try await until { directory.grant(Sample.tokenID(3)) != nil }
    }
  }

  @Test(arguments: [0, 1, 4])
  func aDispatchBeginsAnewWhenTheDatabaseWentBack(grownBy growth: Int) async throws {
    let services = RegistryServices()
    try await services.store.commit(Sample.write([.insertAgent(try Sample.agent(1))]))
    let earlier = services.store.copy()
    try await services.store.commit(Sample.write([.insertAgent(try Sample.agent(2))]))
    let source = RegistryRouteSource(
      channel: services.channel, regions: [.us1],
      credentials: RegistryCredentialSource(
        channel: services.channel, regions: [.us1], sealer: FakeSealer(), time: ManualTime()),
      sealer: FakeSealer())
    let places = Shared<[RoutePlace]>([])
    // It ends by itself, and the next time gets all that there is.
    await #expect(throws: RouteSourceError.self) {
      try await source.follow(after: nil) { update in
        guard case .snapshotEnded(let place) = update else { return }
        places.withLock { $0.append(place) }
        services.store.goBack(to: earlier)
        for number in 0..<growth {
          _ = try? await services.store.commit(
            Sample.write([.insertToken(Sample.token(number))], at: Sample.time(5)))
        }
      }
    }
    let place = try #require(places.withLock { $0.first })
    #expect(place.revision == 2)
    services.context.feed.published(1)
    await withTaskGroup { group in
      group.addTask {
        try? await source.follow(after: place) { update in
          guard case .snapshotEnded(let place) = update else { return }
          places.withLock { $0.append(place) }
        }
      }
      try? await until { places.withLock { $0.count } == 2 }
      group.cancelAll()
    }
    #expect(places.withLock { $0.last?.revision } == UInt64(1 + growth))
  }

  @Test func aSnapshotIsWholeThoughTheLastChangeWasARemovalThatIsForgotten() async throws {
    let services = RegistryServices()
    for number in 1...2 {
      try await services.store.commit(Sample.write([.insertToken(Sample.token(number))]))
    }
    let revocation = RegistryChange.revokeToken(Sample.tokenID(2), at: Sample.time(9))
    try await services.store.commit(Sample.write([revocation], at: Sample.time(9)))
    try await services.store.prune(
      requestsBefore: Sample.time(10), historyBefore: Sample.time(10), limit: 9)
    let page = try await services.store.routes(after: 0, limit: 9)
    #expect(page.feed.latest.sequence == 3 && page.feed.prunedThrough == 3)
    #expect(page.changes.count == 1)
    let source = RegistryRouteSource(
      channel: services.channel, regions: [.us1],
      credentials: RegistryCredentialSource(
        channel: services.channel, regions: [.us1], sealer: FakeSealer(), time: ManualTime()),
      sealer: FakeSealer())
    let heard = Shared(false)
    await withTaskGroup { group in
      group.addTask {
        try? await source.follow(after: nil) { update in
          if case .heard = update { heard.withLock { $0 = true } }
        }
      }
      try? await until { heard.withLock { $0 } }
      group.cancelAll()
    }
    #expect(heard.withLock { $0 })
  }
}
