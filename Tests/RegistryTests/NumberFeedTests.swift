import Access
import Synchronization
import Telephony
import TestKit
import Testing

@testable import Registry

/// A memory store of whose events some can't be read, or that is away.
private final class BrokenEvents: DeploymentStore {
  let base = MemoryRegistryStore()
  /// What reading from before this sequence throws.
  let fault = Mutex<(before: UInt64, StoreError)?>(nil)

  func events(after sequence: UInt64, limit: Int) async throws(StoreError) -> EventPage {
    if let fault = fault.withLock({ $0 }), sequence < fault.before { throw fault.1 }
    return try await base.events(after: sequence, limit: limit)
  }

  func openJournals(
    after id: OperationID?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal] {
    try await base.openJournals(after: id, limit: limit)
  }
  func routes(after sequence: UInt64, limit: Int) async throws(StoreError) -> RoutePage {
    try await base.routes(after: sequence, limit: limit)
  }
  func token(_ id: APITokenID) async throws(StoreError) -> APIToken? { try await base.token(id) }
  func tenants(after id: TenantID?, limit: Int) async throws(StoreError) -> [Tenant] {
    try await base.tenants(after: id, limit: limit)
  }
  func providers(after id: ProviderID?, limit: Int) async throws(StoreError) -> [Provider] {
    try await base.providers(after: id, limit: limit)
  }
  func providers(
    notSealedUnder key: String, after id: ProviderID?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    try await base.providers(notSealedUnder: key, after: id, limit: limit)
  }
  func agents(
    notSealedUnder key: String, after place: (tenant: TenantID, id: AgentID)?, limit: Int
  ) async throws(StoreError) -> [Agent] {
    try await base.agents(notSealedUnder: key, after: place, limit: limit)
  }
  func sealCounts() async throws(StoreError) -> [SealCount] { try await base.sealCounts() }
  func providers(sealed seals: [Seal], limit: Int) async throws(StoreError) -> [Provider] {
    try await base.providers(sealed: seals, limit: limit)
  }
  func agents(sealed seals: [Seal], limit: Int) async throws(StoreError) -> [Agent] {
    try await base.agents(sealed: seals, limit: limit)
  }
  func provider(_ id: ProviderID) async throws(StoreError) -> Provider? {
    try await base.provider(id)
  }
  func pruneAudit(before time: Timestamp, limit: Int) async throws(StoreError) -> Int {
    try await base.pruneAudit(before: time, limit: limit)
  }
  func record(_ entries: [AuditEntry]) async throws(StoreError) {
    try await base.record(entries)
  }
  func prune(
    requestsBefore: Timestamp, historyBefore: Timestamp, limit: Int
  ) async throws(StoreError) -> Int {
    try await base.prune(
      requestsBefore: requestsBefore, historyBefore: historyBefore, limit: limit)
  }
}

/// What one process reads for all of its watchers.
struct NumberFeedTests {
  private let store = BrokenEvents()
  private let routes: RouteFeed
  private let feed: NumberFeed

  init() {
    let time = ManualTime(.hold)
    routes = RouteFeed(store: store, time: time)
    feed = NumberFeed(store: store, routes: routes, time: time)
  }

  private func write(_ changes: RegistryChange...) async throws {
    routes.published(try await store.base.commit(Sample.write(changes)).routeSequence)
  }

  /// Waits until what the feed gives is as it should be.
  private func taken(
    _ id: Int, after sequence: UInt64, _ isGood: (NumberFeed.Taken) -> Bool
  ) async {
    while !isGood(feed.take(id, after: sequence, limit: 10)) { await Task.yield() }
  }

  /// One row that can't be read does not end what the other tenants are told.
  @Test func aDamagedEventIsLeftToTheStore() async throws {
    let provider = Sample.provider()
    try await write(.insertProvider(provider))
    let id = try #require(feed.subscribe(Sample.tenant))
    await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await feed.run() }
      defer { group.cancelAll() }
      await taken(id, after: 1) { taken in
        guard case .events([], let through) = taken else { return false }
        return through.sequence == 1
      }
      store.fault.withLock { $0 = (before: 2, .damaged(cause: "a test")) }
      do {
        try await write(
          .insertNumber(try Sample.number(1, provider: provider), providerVersion: 1))
        await taken(id, after: 1) { if case .inStore = $0 { true } else { false } }
        try await write(
          .insertNumber(try Sample.number(2, provider: provider), providerVersion: 1))
        await taken(id, after: 2) { taken in
          guard case .events(let events, let through) = taken, through.sequence == 3 else {
            return false
          }
          return events.map(\.resourceID) == [Sample.numberID(2).description]
        }
      } catch {
        Issue.record(error)
      }
      #expect(!feed.isAway)
    }
    feed.unsubscribe(id)
  }

  @Test func aStoreThatIsAwayIsNoticed() async throws {
    store.fault.withLock { $0 = (before: .max, .unavailable(cause: "a test")) }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await feed.run() }
      while !feed.isAway { await Task.yield() }
      group.cancelAll()
    }
  }
}
