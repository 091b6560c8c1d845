import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// A sweep over a fake carrier whose numbers somebody else changes.
struct DriftSweepTests {
  private let harness = Harness()

  /// One look at all providers; nothing but the carrier may fail.
  @discardableResult
  private func swept(_ harness: Harness? = nil) async -> DriftSweep.Counts {
    let sweep = DriftSweep((harness ?? self.harness).context, interval: .seconds(3600))
    await sweep.sweep { provider, error in
      Issue.record("\(provider?.description ?? ""): \(error)")
    }
    return sweep.counts
  }

  private func stored(_ number: PhoneNumber) async throws -> PhoneNumber {
    try await harness.context.number(number.id, tenant: Harness.tenant)
  }

  private func reasons(_ number: PhoneNumber) async throws -> [String] {
    try await stored(number).conditions.filter { !$0.holds }.map(\.reason)
  }

  @Test func nothingChangedIsNothingStored() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    try harness.buy(2)
    try harness.buy(3)
    let numbers = [
      try await harness.importNumber(1, provider),
      try await harness.importNumber(2, provider, inbound: false),
    ]
    let writes = harness.carrier.writes
    let before = harness.carrier.requestCount
    let counts = await swept()
    // The list, and the region of the one that takes calls.
    #expect(harness.carrier.requestCount - before == 2)
    #expect((counts.doneCount, counts.comparedCount, counts.markedCount) == (1, 2, 0))
    #expect(harness.carrier.writes == writes)
    for number in numbers { #expect(try await stored(number) == number) }
    let kept = try await harness.context.provider(provider.id, tenant: Harness.tenant).provider
    #expect(kept == provider)
  }

  @Test func whatChangedIsMarkedOnceAndHealed() async throws {
    let provider = try await harness.link(.ie1)
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let ours = try #require(harness.carrier.voice(Sample.sid(1), region: .ie1))
    harness.carrier.overwrite(
      Sample.sid(1), region: .ie1, with: VoiceSettings(voiceURL: "https://thief.test/a"))
    harness.carrier.overwriteProcessingRegion(.us1, of: number.e164)
    harness.carrier.change(Sample.sid(1), hasVoice: false)

    let counts = await swept()
    #expect((counts.markedCount, counts.healedCount) == (1, 0))
    #expect(counts.findingCounts["PROCESSING_REGION_MOVED"] == 1)
    let marked = try await stored(number)
    #expect(marked.state == .degraded)
    #expect(
      try await reasons(number) == [
        "VOICE_CAPABILITY_LOST", "WEBHOOK_REPLACED", "FALLBACK_WEBHOOK_REPLACED",
        "STATUS_CALLBACK_REPLACED", "PROCESSING_REGION_MOVED",
      ])
    #expect(marked.revision.version == number.revision.version + 1)
    await swept()
    #expect(try await stored(number) == marked)

    harness.carrier.overwrite(Sample.sid(1), region: .ie1, with: ours)
    harness.carrier.overwriteProcessingRegion(.ie1, of: number.e164)
    harness.carrier.change(Sample.sid(1), hasVoice: true)
    #expect(await swept().healedCount == 1)
    let healed = try await stored(number)
    #expect(healed.state == .active)
    #expect(healed.conditions.map(\.reason) == ["CONFIGURED"])
  }

  @Test func aRegionAloneIsSeen() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    harness.carrier.overwriteProcessingRegion(.au1, of: number.e164)
    await swept()
    #expect(try await reasons(number) == ["PROCESSING_REGION_MOVED"])
    harness.carrier.overwriteProcessingRegion(.us1, of: number.e164)
    await swept()
    #expect(try await stored(number).state == .active)
  }

  @Test func aReleasedNumberVanishedAndComesBack() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let ours = try #require(harness.carrier.voice(Sample.sid(1), region: .us1))
    harness.carrier.removeNumber(Sample.sid(1))
    await swept()
    #expect(try await reasons(number) == ["NUMBER_VANISHED"])
    let audited = try await harness.context.store(of: Harness.tenant).auditEvents(
      AuditFilter(resourceID: number.id.description), after: nil, limit: 1)
    #expect(audited.first?.principal == .system)
    #expect(
      audited.first?.changes == [
        AuditChange("state", old: "active", new: "degraded"),
        AuditChange("conditions", old: "", new: "NUMBER_VANISHED"),
      ])
    harness.carrier.addNumber(
      Sample.sid(1), number.e164, account: Harness.account, voice: [.us1: ours])
    await swept()
    #expect(try await stored(number).state == .active)
  }

  /// A list is not read at one moment: what it lacks is asked for before it counts as gone.
  @Test func whatTheListLacksIsAskedFor() async throws {
    let provider = try await harness.link()
    let carrier = ShortList(harness.carrier)
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let through = Harness(
      store: harness.store, carrier: harness.carrier, port: carrier, storePort: harness.store,
      time: harness.time, ids: harness.ids)
    let counts = await swept(through)
    #expect((counts.comparedCount, counts.markedCount) == (1, 0))
    #expect(try await stored(number) == number)
  }

  @Test(arguments: [PhoneNumberState.provisioning, .deleting, .corrupted])
  func aNumberWithWorkUnderWayIsLeftAlone(_ state: PhoneNumberState) async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    var number = try await harness.importNumber(1, provider)
    number.state = state
    number.revision = number.revision.sampleNext
    try await harness.store.commit(
      Sample.write([.updateNumber(number, from: number.revision.version - 1)]))
    harness.carrier.removeNumber(Sample.sid(1))
    #expect(await swept().comparedCount == 0)
    #expect(try await stored(number) == number)
  }

  @Test func anOpenEntryKeepsTheSweepAway() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let journal = ProvisioningJournal.importing(
      number, ours: VoiceSettings(), id: Sample.operationID(1), time: Sample.start)
    try await harness.store.commit(Sample.write([.insertJournal(journal)]))
    harness.carrier.removeNumber(Sample.sid(1))
    #expect(await swept().comparedCount == 0)
    #expect(try await stored(number) == number)
  }

  /// Somebody changes the number between the look and the write: theirs stays.
  @Test func aChangeMeanwhileWins() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    harness.carrier.removeNumber(Sample.sid(1))
    let carrier = Meddling(harness.carrier) {
      var renamed = number
      renamed.label = "renamed"
      renamed.revision = number.revision.sampleNext
      _ = try? await harness.store.commit(
        Sample.write([.updateNumber(renamed, from: number.revision.version)]))
    }
    let through = Harness(
      store: harness.store, carrier: harness.carrier, port: carrier, storePort: harness.store,
      time: harness.time, ids: harness.ids)
    #expect(await swept(through).markedCount == 0)
    let kept = try await stored(number)
    #expect((kept.label, kept.state) == ("renamed", .active))
    await swept()
    #expect(try await stored(number).state == .degraded)
  }

  @Test func otherTenantsAndRegionsAreSweptByThemselves() async throws {
    let us = try await harness.link(.us1)
    let ie = try await harness.link(.ie1)
    try harness.buy(1)
    try harness.buy(2)
    let first = try await harness.importNumber(1, us)
    let second = try await harness.importNumber(2, ie)
    harness.carrier.overwrite(Sample.sid(2), region: .ie1, with: VoiceSettings())
    let counts = await swept()
    #expect((counts.doneCount, counts.comparedCount) == (2, 2))
    #expect(try await stored(first).state == .active)
    #expect(try await stored(second).state == .degraded)
  }

  // MARK: The provider

  @Test(arguments: [
    (CarrierError.Kind.unavailable, Condition.Kind.carrierReachable, "CARRIER_UNAVAILABLE"),
    (.credentialsRefused, .credentials, "CARRIER_REFUSED_CREDENTIALS"),
    (.accountInactive, .credentials, "CARRIER_ACCOUNT_INACTIVE"),
  ])
  func aCarrierThatRefusesMarksTheProviderAlone(
    _ refusal: CarrierError.Kind, _ kind: Condition.Kind, _ reason: String
  ) async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    harness.carrier.setOutage(CarrierError(refusal, effect: .refused))
    for _ in 0..<2 {
      #expect(await swept().failureCounts == ["carrier": 1])
      let marked = try await harness.context.provider(provider.id, tenant: Harness.tenant).provider
      #expect(marked.conditions.filter { !$0.holds }.map(\.kind) == [kind])
      #expect(marked.conditions.filter { !$0.holds }.map(\.reason) == [reason])
      #expect(marked.revision.version == provider.revision.version + 1)
    }
    #expect(try await stored(number) == number)
    harness.carrier.setOutage(nil)
    await swept()
    let healed = try await harness.context.provider(provider.id, tenant: Harness.tenant).provider
    #expect(healed.conditions.map(\.reason) == ["ACCEPTED"])
  }

  @Test func aCarrierThatIsAskedTooOftenIsAskedAgainLater() async throws {
    let provider = try await harness.link()
    harness.carrier.setOutage(CarrierError(.limited, effect: .refused))
    let before = harness.carrier.requestCount
    #expect(await swept().failureCounts == ["carrier": 1])
    #expect(harness.carrier.requestCount - before == RegistryLimits.driftAttemptsMax)
    let kept = try await harness.context.provider(provider.id, tenant: Harness.tenant).provider
    #expect(kept == provider)
  }

  // MARK: Pace

  @Test func regionsAreAskedForSlowly() async throws {
    let provider = try await harness.link()
    for number in 1...10 {
      try harness.buy(number)
      _ = try await harness.importNumber(number, provider)
    }
    let before = harness.time.slept
    await swept()
    #expect(harness.time.slept - before == RegistryLimits.sweepRequestInterval * 10)
  }

  @Test func waitsLieWithinTheirBounds() {
    let hour = Duration.seconds(3600)
    for random in [0, 1, 511, 1023, UInt64.max] {
      #expect((.zero..<hour).contains(DriftSweep.part(of: hour, random: random)))
      #expect(
        (hour * 9 / 10...hour * 11 / 10).contains(DriftSweep.about(hour, random: random)))
    }
  }

  @Test func itSweepsUntilItIsCancelled() async throws {
    let time = ManualTime(.hold)
    let harness = Harness(time: time)
    _ = try await harness.link()
    let sweep = DriftSweep(harness.context, interval: .seconds(3600))
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await sweep.run { _, error in Issue.record("\(error)") } }
      while sweep.counts.doneCount < 2 {
        time.advance(by: .seconds(60))
        await Task.yield()
      }
      group.cancelAll()
    }
    #expect(time.sleeperCount == 0)
  }

  /// Two registries that sweep at the same time store what they found once.
  @Test func twoAtOnceDoNoHarm() async throws {
    let provider = try await harness.link()
    for number in 1...20 {
      try harness.buy(number)
      _ = try await harness.importNumber(number, provider)
      harness.carrier.overwrite(Sample.sid(number), region: .us1, with: VoiceSettings())
    }
    let other = harness.sharing(2, ManualTime())
    async let first = swept()
    async let second = swept(other)
    let marked = await first.markedCount + second.markedCount
    #expect(marked == 20)
    let numbers = try await harness.context.store(of: Harness.tenant).numbers(
      PhoneNumberFilter(state: .degraded), after: nil, limit: 100)
    #expect(numbers.count == 20)
    #expect(numbers.allSatisfy { $0.revision.version == 3 })
  }
}

/// A carrier whose list is empty.
private struct ShortList: CarrierWrapper {
  let base: any Carrier

  init(_ base: any Carrier) { self.base = base }

  func listNumbers(
    from token: String?, size: Int, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumberPage {
    CarrierNumberPage(numbers: [], next: nil)
  }
}

/// A carrier that lets something happen while a number is fetched.
private struct Meddling: CarrierWrapper {
  let base: any Carrier
  let meddle: @Sendable () async -> Void

  init(_ base: any Carrier, _ meddle: @escaping @Sendable () async -> Void) {
    self.base = base
    self.meddle = meddle
  }

  func fetchNumber(
    _ sid: CarrierNumberSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    await meddle()
    return try await base.fetchNumber(sid, access)
  }
}

/// A carrier that hands on what it does not change.
private protocol CarrierWrapper: Carrier {
  var base: any Carrier { get }
}

extension CarrierWrapper {
  func probe(_ access: CarrierAccess) async throws(CarrierError) -> AccountSID {
    try await base.probe(access)
  }
  func owner(_ access: CarrierAccess) async throws(CarrierError) -> AccountSID {
    try await base.owner(access)
  }
  func listNumbers(
    from token: String?, size: Int, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumberPage {
    try await base.listNumbers(from: token, size: size, access)
  }
  func findNumber(
    _ e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber? {
    try await base.findNumber(e164, access)
  }
  func fetchNumber(
    _ sid: CarrierNumberSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    try await base.fetchNumber(sid, access)
  }
  func configureNumber(
    _ sid: CarrierNumberSID, voice: VoiceSettings, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    try await base.configureNumber(sid, voice: voice, access)
  }
  func processingRegion(
    of e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) -> Region? {
    try await base.processingRegion(of: e164, access)
  }
  func setProcessingRegion(
    _ region: Region, of e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await base.setProcessingRegion(region, of: e164, access)
  }
}
