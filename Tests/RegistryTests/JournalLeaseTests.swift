import Telephony
import TestKit
import Testing

@testable import Registry

/// The lease of a journal entry, as lists of events and what they say.
struct LeaseRuleTests {
  private let own = RegistryProcessID(bits: 1)
  private let other = RegistryProcessID(bits: 2)

  private func journal(_ owner: RegistryProcessID?, revision: UInt64 = 1) throws
    -> ProvisioningJournal
  {
    var journal = ProvisioningJournal.importing(
      try Sample.number(1, provider: Sample.provider(1)), ours: VoiceSettings(),
      id: Sample.operationID(1), time: Sample.start, owner: owner)
    journal.revision = revision
    return journal
  }

  @Test func whoHasAnEntryRenewsItAndStopsInTime() {
    var hold = LeaseHold(writeBegun: .seconds(100))
    #expect(hold.advice(at: .seconds(100)) == .rest(.seconds(5)))
    #expect(hold.advice(at: .seconds(103)) == .rest(.seconds(2)))
    #expect(hold.advice(at: .seconds(105)) == .renew)
    #expect(hold.advice(at: .seconds(114)) == .renew)
    #expect(hold.advice(at: .seconds(115)) == .stop)
    hold.written(begun: .seconds(107))
    #expect(hold.advice(at: .seconds(115)) == .renew)
    #expect(hold.end == .seconds(122))
    // A write of before that is told late makes it no shorter.
    hold.written(begun: .seconds(104))
    #expect(hold.end == .seconds(122))
  }

  @Test func anothersEntryIsFreeWhenItWasSeenUnchangedForLong() throws {
    var watch = LeaseWatch()
    #expect(watch.saw(try journal(other), by: own, at: .seconds(1)) == .wait(.seconds(20)))
    #expect(watch.saw(try journal(other), by: own, at: .seconds(11)) == .wait(.seconds(10)))
    // It was written to: from the beginning.
    let renewed = try journal(other, revision: 2)
    #expect(watch.saw(renewed, by: own, at: .seconds(20)) == .wait(.seconds(20)))
    #expect(watch.saw(renewed, by: own, at: .seconds(39)) == .wait(.seconds(1)))
    #expect(watch.saw(renewed, by: own, at: .seconds(40)) == .free)
    watch.keep([])
    #expect(watch.saw(renewed, by: own, at: .seconds(41)) == .wait(.seconds(20)))
  }

  @Test func whatIsNobodysOrOursIsFreeAtOnce() throws {
    var watch = LeaseWatch()
    #expect(watch.saw(try journal(nil), by: own, at: .zero) == .free)
    #expect(watch.saw(try journal(own), by: own, at: .zero) == .free)
    // A store that is this process's alone: whoever had it is no more.
    #expect(watch.saw(try journal(other), by: nil, at: .zero) == .free)
  }

  /// Whoever takes over waits longer than whoever has it goes on, by whatever clock a third slower.
  @Test func theRulesLeaveRoomBetweenThem() {
    #expect(RegistryLimits.leaseTakeOverDelay * 3 >= RegistryLimits.leasePeriod * 4)
    #expect(RegistryLimits.leaseRenewalInterval * 3 <= RegistryLimits.leasePeriod)
  }
}

/// Two registries on one store and one carrier, each with a clock of its own.
struct SharedJournalTests {
  private let outage = CarrierError(.unavailable, effect: .unknown)
  private let firstTime = ManualTime(.hold)
  /// Its wall clock is a day ahead: that says nothing.
  private let secondTime = ManualTime(
    .hold, now: Timestamp(milliseconds: 1_700_000_000_000).advanced(by: .seconds(86_400)))

  private struct Scene {
    let first: Harness
    let second: Harness
    let provider: Provider
  }

  /// Both registries, and a number that can be imported.
  private func scene(_ faults: FaultInjector? = nil) async throws -> Scene {
    let base = Harness()
    let provider = try await base.link(.ie1)
    try base.buy(1)
    return Scene(
      first: base.sharing(1, firstTime, faults), second: base.sharing(2, secondTime),
      provider: provider)
  }

  /// Lets others run until `condition` holds, without time passing.
  private func until(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<100_000 {
      if try await condition() { return }
      await Task.yield()
    }
    Issue.record("It never came.")
  }

  private func settle() async { for _ in 0..<200 { await Task.yield() } }

  /// Lets time pass by these clocks, in steps that renewals and looks fit between.
  private func pass(
    _ duration: Duration, _ clocks: [ManualTime], _ each: () async throws -> Void = {}
  ) async throws {
    var rest = duration
    while rest > .zero {
      for clock in clocks { clock.advance(by: .milliseconds(500)) }
      rest -= .milliseconds(500)
      await settle()
      try await each()
    }
  }

  private func entry(_ scene: Scene) async throws -> ProvisioningJournal? {
    try await scene.first.store.openJournals(after: nil, limit: 9).first
  }

  /// An import at the first registry stands still at the carrier; `body` runs meanwhile.
  private func stalled(
    _ scene: Scene, _ body: () async throws -> Void
  ) async throws -> Result<PhoneNumber, any Error> {
    scene.first.carrier.setOutage(outage, after: 1)
    return try await withThrowingTaskGroup(of: Result<PhoneNumber, any Error>.self) { group in
      group.addTask {
        do {
          return .success(
            try await scene.first.importNumber(1, scene.provider, requestID: "r1"))
        } catch {
          return .failure(error)
        }
      }
      // The pause after a failed step, the renewal, the lease's end.
      try await until { firstTime.sleeperCount == 3 }
      try await body()
      return try #require(try await group.next())
    }
  }

  @Test(.timeLimit(.minutes(1))) func anEntryIsKeptAsLongAsItsRegistryLives() async throws {
    let scene = try await scene()
    let result = try await stalled(scene) {
      let owner = try await entry(scene)?.owner
      #expect(owner == scene.first.context.runner.process)
      try await pass(.seconds(90), [firstTime, secondTime]) {
        try await scene.second.context.resume()
        #expect(try await entry(scene)?.owner == owner)
      }
      #expect(scene.second.context.background.count == 0)
      scene.first.carrier.setOutage(nil)
      try await pass(.seconds(30), [firstTime])
    }
    #expect(try result.get().state == .active)
  }

  @Test(.timeLimit(.minutes(1))) func aCallerElsewhereIsToldTheEnd() async throws {
    let scene = try await scene()
    let second = scene.second
    let result = try await stalled(scene) {
      let requests = scene.first.carrier.requestCount
      try await withThrowingTaskGroup(of: PhoneNumber.self) { group in
        group.addTask { try await second.importNumber(1, scene.provider, requestID: "r1") }
        try await pass(.seconds(5), [secondTime])
        // It looks at the entry and leaves the carrier alone.
        #expect(scene.first.carrier.requestCount == requests)
        scene.first.carrier.setOutage(nil)
        try await pass(.seconds(10), [firstTime, secondTime])
        let number = try #require(try await group.next())
        #expect(number.state == .active)
      }
    }
    #expect(try result.get().state == .active)
    #expect(scene.first.carrier.writes.count == 2)
  }

  /// The first registry is stopped by its machine in the midst of a step, and goes on much later.
  @Test(.timeLimit(.minutes(1))) func whatWasLeftAloneIsTakenUpAndItsFirstHolderLetsGo()
    async throws
  {
    let scene = try await scene()
    let result = try await stalled(scene) {
      scene.first.carrier.setOutage(nil)
      try await pass(.seconds(19), [secondTime]) { try await scene.second.context.resume() }
      #expect(try await entry(scene)?.owner == scene.first.context.runner.process)
      try await pass(.seconds(2), [secondTime]) { try await scene.second.context.resume() }
      await scene.second.context.background.idle()
      #expect(try await entry(scene) == nil)
      let writes = scene.first.carrier.writes
      try await pass(.seconds(60), [firstTime])
      #expect(scene.first.carrier.writes == writes)
    }
    // Its caller is told how the other one ended it.
    #expect(try result.get().state == .active)
  }

  /// The first one's store is gone: it can't renew, and stops before the other begins.
  @Test(.timeLimit(.minutes(1))) func whoCannotRenewStopsAtTheCarrierInTime() async throws {
    let faults = FaultInjector()
    let scene = try await scene(faults)
    let result = try await stalled(scene) {
      faults.cutOff()
      try await pass(RegistryLimits.leasePeriod, [firstTime])
      let requests = scene.first.carrier.requestCount
      try await pass(.seconds(60), [firstTime])
      #expect(scene.first.carrier.requestCount == requests)
      scene.first.carrier.setOutage(nil)
      try await pass(.seconds(21), [secondTime]) { try await scene.second.context.resume() }
      await scene.second.context.background.idle()
      try await pass(.seconds(60), [firstTime])
    }
    #expect(throws: RegistryError.storeUnavailable(cause: "injected")) { try result.get() }
    let numbers = try await scene.second.numbers.list(
      ListPhoneNumbers(), by: .of(Harness.tenant))
    #expect(numbers.elements.map(\.state) == [.active])
  }

  @Test(.timeLimit(.minutes(1))) func whoEndsInOrderGivesItsEntriesBack() async throws {
    let scene = try await scene()
    let result = try await stalled(scene) {
      await scene.first.context.drain()
      scene.first.carrier.setOutage(nil)
      #expect(try await entry(scene)?.owner == nil)
      try await scene.second.context.resume()
      await scene.second.context.background.idle()
      #expect(try await entry(scene) == nil)
    }
    #expect(throws: RegistryError.shuttingDown) { try result.get() }
  }
}
