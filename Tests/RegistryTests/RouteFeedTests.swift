import Synchronization
import Telephony
import TestKit
import Testing

@testable import Registry

struct RouteFeedTests {
  private let store = MemoryRegistryStore()
  private let time = ManualTime(.hold)
  private let feed: RouteFeed

  init() { feed = RouteFeed(store: store, time: time) }

  private func until(_ condition: () -> Bool) async {
    for _ in 0..<100_000 {
      if condition() { return }
      await Task.yield()
    }
    Issue.record("It never came.")
  }

  @Test func aFeedThatWentBackWakesNobodyForWhatIsGone() async throws {
    try await store.commit(Sample.write([.insertToken(Sample.token(1))]))
    let earlier = store.copy()
    let receipt = try await store.commit(Sample.write([.insertToken(Sample.token(2))]))
    feed.published(receipt.routeSequence)
    store.goBack(to: earlier)
    let sequence = try await feed.page(after: 0).feed.latest.sequence
    try await withThrowingTaskGroup { group in
      group.addTask { try await feed.waitForChange(after: sequence) }
      await until { feed.waiterCount == 1 }
      // What is written from now on has the same numbers again, and is told.
      let receipt = try await store.commit(Sample.write([.insertToken(Sample.token(3))]))
      feed.published(receipt.routeSequence)
      try await group.waitForAll()
    }
  }

  @Test func aReaderForWhomThereIsNoRoomWaitsForTheNextLook() async throws {
    let hasPassed = Shared(false)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<RegistryLimits.routeWaitersMax {
        group.addTask {
          try await feed.waitForChange(after: 0)
          return true
        }
      }
      await until {
        feed.waiterCount == RegistryLimits.routeWaitersMax
          && time.sleeperCount == RegistryLimits.routeWaitersMax
      }
      group.addTask {
        try await feed.waitForChange(after: 0)
        return hasPassed.withLock { $0 }
      }
      await until { time.sleeperCount == RegistryLimits.routeWaitersMax + 1 }
      for _ in 0..<1000 { await Task.yield() }
      hasPassed.withLock { $0 = true }
      time.advance(by: RegistryLimits.routePollInterval)
      for try await waited in group { #expect(waited) }
    }
  }

  @Test func housekeepingResumesThoughNothingCanBeForgotten() async throws {
    let harness = Harness()
    let (provider, store) = (try await harness.link(), harness.store)
    try harness.buy(1)
    // The process dies in the middle of an import.
    let dying = harness.restarted(FaultInjector(failing: 6, .crashBefore))
    await #expect(throws: RegistryError.self) { try await dying.importNumber(1, provider) }
    try #require(try await store.openJournals(after: nil, limit: 9).count == 1)
    let restarted = harness.restarted(FaultInjector(failing: 1))
    await #expect(throws: RegistryError.self) { try await restarted.context.housekeep() }
    #expect(try await store.openJournals(after: nil, limit: 9).isEmpty)
  }
}

/// A value that tasks of a test share.
private final class Shared<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  init(_ value: Value) { self.value = Mutex(value) }

  func withLock<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
    value.withLock { body(&$0) }
  }
}
