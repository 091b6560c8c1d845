import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// Watches of numbers on the memory store: what they tell, and from where they go on.
struct NumberWatchTests {
  private let harness = Harness(time: ManualTime(.hold))
  private let caller = Caller.of(Sample.tenant)
  private let provider = Sample.provider()

  private var feed: NumberFeed { harness.context.numberFeed }

  // MARK: Changes

  private func write(_ changes: RegistryChange..., tenant: TenantID = Sample.tenant) async throws {
    let sample = Sample.write(changes, tenant: tenant, at: harness.time.now())
    harness.context.feed.published(try await harness.store.commit(sample).routeSequence)
  }

  private func insert(_ numbers: ClosedRange<Int>) async throws {
    for number in numbers {
      try await write(
        .insertNumber(try Sample.number(number, provider: provider), providerVersion: 1))
    }
  }

  /// The number's version after one more change.
  @discardableResult
  private func change(_ number: Int) async throws -> Version {
    let store = harness.store.tenant(Sample.tenant)
    var changed = try #require(try await store.number(Sample.numberID(number)))
    let before = changed.revision.version
    changed.label += "'"
    changed.revision = changed.revision.sampleNext
    try await write(.updateNumber(changed, from: before))
    return changed.revision.version
  }

  private func prune() async throws {
    try await harness.store.prune(
      requestsBefore: Sample.start, historyBefore: harness.time.now().advanced(by: .seconds(1)),
      limit: 10_000)
  }

  // MARK: Steps

  /// What a step tells, without its token.
  private struct Told: Hashable {
    var kind: String
    var number: Int?
    var version: Version?
  }

  private static let indexes = Dictionary(
    uniqueKeysWithValues: (1...200).map { (Sample.numberID($0).description, $0) })

  private func told(_ step: NumberStep) -> Told {
    func index(_ id: String) -> Int? { Self.indexes[id] }
    switch step.kind {
    case .snapshot(let number):
      return Told(
        kind: "snapshot", number: index(number.id.description), version: number.revision.version)
    case .snapshotEnd: return Told(kind: "end")
    case .changed(let event):
      return Told(
        kind: event.change.rawValue, number: index(event.resourceID), version: event.version)
    case .heartbeat: return Told(kind: "heartbeat")
    }
  }

  private func watch(_ token: String = "") async throws -> NumberWatch {
    try await harness.numbers.watch(resumeToken: token, by: caller)
  }

  private func steps(_ watch: NumberWatch, _ count: Int) async throws -> [NumberStep] {
    var steps: [NumberStep] = []
    for _ in 0..<count { steps.append(try await watch.next()) }
    return steps
  }

  /// A watch that has told its snapshot, and the token after it.
  private func levelWatch() async throws -> (NumberWatch, String) {
    let watch = try await watch()
    while true {
      let step = try await watch.next()
      if step.kind == .snapshotEnd { return (watch, step.resumeToken) }
    }
  }

  /// Runs `body` while the feed reads.
  private func withFeed(_ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await feed.run() }
      defer { group.cancelAll() }
      try await body()
    }
  }

  // MARK: Tests

  @Test func aWatchBeginsWithASnapshotAndGoesOnWithChanges() async throws {
    try await write(.insertProvider(provider))
    try await insert(1...120)
    try await withFeed {
      let watch = try await watch()
      var all = try await steps(watch, 60)
      // What changes meanwhile is told after the snapshot, whether or not it is in it.
      try await change(3)
      try await change(110)
      try await write(.deleteNumber(Sample.numberID(5), from: 1))
      try await insert(121...121)
      all += try await steps(watch, 59 + 1 + 4)
      let found = all.map(told)
      #expect(found.prefix(60).map(\.number) == (61...120).reversed().map { $0 })
      #expect(found[60..<119].compactMap(\.number) == (1...60).reversed().filter { $0 != 5 })
      #expect(found[119] == Told(kind: "end"))
      #expect(
        Array(found[120...]) == [
          Told(kind: "updated", number: 3, version: 2),
          Told(kind: "updated", number: 110, version: 2),
          Told(kind: "deleted", number: 5, version: 1),
          Told(kind: "created", number: 121, version: 1),
        ])
      #expect(try await change(1) == 2)
      #expect(told(try await watch.next()) == Told(kind: "updated", number: 1, version: 2))
    }
  }

  @Test(arguments: [true, false])
  func everyTokenGoesOnAfterItsStep(withFeed hasFeed: Bool) async throws {
    try await write(.insertProvider(provider))
    try await insert(1...55)
    let body = { () async throws in
      let (watch, _) = try await levelWatch()
      for number in [1, 1, 7] { try await change(number) }
      let changes = try await steps(watch, 3)
      let again = try await self.watch()
      let snapshot = try await steps(again, 56)
      for (index, step) in snapshot.enumerated() {
        let rest = try await steps(try await self.watch(step.resumeToken), 55 - index)
        #expect(rest.map(told) == snapshot[(index + 1)...].map(told))
      }
      for (index, step) in changes.enumerated() {
        let rest = try await steps(try await self.watch(step.resumeToken), 2 - index)
        #expect(rest.map(told) == changes[(index + 1)...].map(told))
        #expect(rest.map(\.resumeToken) == changes[(index + 1)...].map(\.resumeToken))
      }
    }
    if hasFeed { try await withFeed(body) } else { try await body() }
  }

  @Test func aTokenWhoseChangesAreForgottenHasExpired() async throws {
    try await write(.insertProvider(provider))
    try await insert(1...2)
    let (_, token) = try await levelWatch()
    try await change(1)
    let (_, later) = try await levelWatch()
    try await prune()
    #expect(await failure { try await self.watch(token) } == .resumeTokenExpired)
    // Nothing was forgotten after this one.
    _ = try await watch(later)
    _ = try await levelWatch()
    #expect(feed.watcherCount == 0)
  }

  /// The database went back to an older copy of itself, and grew beyond its end before anybody
  /// looked.
  @Test(arguments: [true, false])
  func aDatabaseThatWentBackAndGrewIsNoticed(withFeed hasFeed: Bool) async throws {
    try await write(.insertProvider(provider))
    try await insert(1...3)
    let body = { () async throws in
      let (_, before) = try await levelWatch()
      let copy = harness.store.copy()
      harness.time.advance(by: .seconds(1))
      for _ in 1...3 { try await change(1) }
      let (watch, lost) = try await levelWatch()
      harness.store.goBack(to: copy)
      harness.time.advance(by: .seconds(1))
      for _ in 1...9 { try await change(2) }
      // What a stream had that is still there, and one that comes back with its token.
      #expect(await failure { try await watch.next() } == .resumeTokenExpired)
      #expect(await failure { try await self.watch(lost) } == .resumeTokenExpired)
      // What is the same in both histories goes on.
      let steps = try await steps(try await self.watch(before), 9)
      #expect(steps.map { told($0).number } == Array(repeating: 2, count: 9))
    }
    if hasFeed { try await withFeed(body) } else { try await body() }
  }

  /// A snapshot shows what was changed since it began, which is lost with the rest.
  @Test func aSnapshotOfWhatIsLostIsNotGoneOnWith() async throws {
    try await write(.insertProvider(provider))
    try await insert(1...120)
    let watch = try await watch()
    _ = try await steps(watch, 10)
    let copy = harness.store.copy()
    harness.time.advance(by: .seconds(1))
    try await change(60)
    let steps = try await steps(watch, 60)
    #expect(steps.map { told($0) }.contains(Told(kind: "snapshot", number: 60, version: 2)))
    let token = try #require(steps.last).resumeToken
    harness.store.goBack(to: copy)
    harness.time.advance(by: .seconds(1))
    for _ in 1...5 { try await change(70) }
    #expect(await failure { try await self.watch(token) } == .resumeTokenExpired)
  }

  @Test func tokensAreOfOneTenantAndOneDeployment() async throws {
    let (_, token) = try await levelWatch()
    let other = Caller.of(Sample.otherTenant)
    #expect(
      await failure { try await harness.numbers.watch(resumeToken: token, by: other) }
        == .resumeTokenExpired)
    let (store, carrier) = (MemoryRegistryStore(epoch: "another"), FakeCarrier())
    let elsewhere = Harness(
      store: store, carrier: carrier, port: carrier, storePort: store, time: harness.time,
      ids: CountingIDs())
    #expect(
      await failure { try await elsewhere.numbers.watch(resumeToken: token, by: caller) }
        == .resumeTokenExpired)
    var changed = Array(token)
    changed[40] = changed[40] == "0" ? "1" : "0"
    #expect(await failure { try await self.watch(String(changed)) } == .resumeTokenExpired)
    for text in ["x", "abc", "zz" + token.dropFirst(2), token + "00", token.uppercased() + "G"] {
      #expect(fields(await failure { try await self.watch(text) }) == ["resume_token": .malformed])
    }
  }

  @Test func anotherTenantsChangesAreNotTold() async throws {
    let theirs = Sample.provider(2, account: 2, tenant: Sample.otherTenant)
    try await write(.insertProvider(provider))
    try await withFeed {
      let (watch, _) = try await levelWatch()
      try await write(.insertProvider(theirs), tenant: Sample.otherTenant)
      try await write(
        .insertNumber(try Sample.number(9, provider: theirs), providerVersion: 1),
        tenant: Sample.otherTenant)
      try await insert(1...1)
      #expect(told(try await watch.next()) == Told(kind: "created", number: 1, version: 1))
      let (_, next) = try await levelWatch()
      #expect(!next.isEmpty)
    }
  }

  /// A reader that nothing is told to keeps a token that does not grow old.
  @Test func aHeartbeatMovesTheToken() async throws {
    try await write(.insertProvider(provider))
    let harness = harness
    let (_, old) = try await levelWatch()
    let fresh = try await withThrowingTaskGroup(of: String.self) { group in
      group.addTask {
        await self.feed.run()
        return ""
      }
      group.addTask {
        let (watch, _) = try await self.levelWatch()
        try await self.write(.insertAgent(try Sample.agent()))
        while true {
          let step = try await watch.next()
          #expect(step.kind == .heartbeat)
          if step.resumeToken != old { return step.resumeToken }
        }
      }
      group.addTask {
        // Time passes, for as long as nobody has said anything.
        while !Task.isCancelled {
          harness.time.advance(by: .milliseconds(100))
          await Task.yield()
        }
        return ""
      }
      defer { group.cancelAll() }
      for try await token in group where !token.isEmpty { return token }
      return ""
    }
    try await prune()
    #expect(await failure { try await self.watch(old) } == .resumeTokenExpired)
    _ = try await watch(fresh)
  }

  /// Another process's change, of which no notice came.
  @Test func aLostNoticeIsMadeUpForByPolling() async throws {
    try await write(.insertProvider(provider))
    let harness = harness
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.feed.run() }
      group.addTask {
        while !Task.isCancelled {
          harness.time.advance(by: .milliseconds(10))
          await Task.yield()
        }
      }
      defer { group.cancelAll() }
      let (watch, _) = try await levelWatch()
      try await harness.store.commit(
        Sample.write(
          [.insertNumber(try Sample.number(1, provider: provider), providerVersion: 1)]))
      var step = try await watch.next()
      while step.kind == .heartbeat { step = try await watch.next() }
      #expect(told(step) == Told(kind: "created", number: 1, version: 1))
    }
  }

  @Test func aSlowReaderIsToldFromTheStore() async throws {
    try await write(.insertProvider(provider))
    try await insert(1...1)
    try await withFeed {
      let (watch, _) = try await levelWatch()
      let count = RegistryLimits.watchEventsMax + 100
      for _ in 0..<count { try await change(1) }
      // The feed has let go of what the reader did not take.
      let id = try #require(feed.subscribe(Sample.tenant))
      while true {
        if case .inStore = feed.take(id, after: 3, limit: 1) { break }
        await Task.yield()
      }
      feed.unsubscribe(id)
      let versions = try await steps(watch, count).map { told($0).version }
      #expect(versions == (2..<UInt64(count + 2)).map { $0 })
    }
  }

  @Test func watchersOfATenantAreBounded() async throws {
    var watches: [NumberWatch] = []
    for _ in 0..<RegistryLimits.tenantWatchersMax { watches.append(try await watch()) }
    #expect(await failure { try await self.watch() } == .tooManyWatchers)
    _ = try await harness.numbers.watch(resumeToken: "", by: .of(Sample.otherTenant))
    watches.removeLast()
    _ = try await watch()
    withExtendedLifetime(watches) {}
  }

  @Test func aStopEndsWatchesThatWait() async throws {
    let error = await withTaskGroup(of: RegistryError?.self) { group in
      group.addTask {
        await failure {
          let (watch, _) = try await self.levelWatch()
          self.feed.shutDown()
          return try await watch.next()
        }
      }
      return await group.next() ?? nil
    }
    #expect(error == .shuttingDown)
  }
}
