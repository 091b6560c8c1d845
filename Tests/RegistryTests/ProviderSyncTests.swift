import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// SyncProvider: the operation, and what it leaves alone.
struct ProviderSyncTests {
  private let harness = Harness()

  private func sync(
    _ provider: Provider, isDryRun: Bool = false, requestID: String = "",
    on other: Harness? = nil
  ) async throws -> Registry.Operation {
    try await (other ?? harness).providers.sync(
      SyncProvider(id: provider.id.description, isDryRun: isDryRun, requestID: requestID),
      by: .of(Harness.tenant))
  }

  /// The operation at its end. Time that jumps would end a wait at once.
  private func ended(
    _ operation: Registry.Operation, on other: Harness? = nil
  ) async throws -> Registry.Operation {
    let context = (other ?? harness).context
    let journal = try await context.store(of: Harness.tenant).journal(operation.id)
    return Registry.Operation(try await context.runner.join(try #require(journal)).journal)
  }

  /// Lets time pass until the operation is over.
  private func passed(
    _ operation: Registry.Operation, on harness: Harness, _ time: ManualTime
  ) async throws -> Registry.Operation {
    while true {
      let present = try await Operations(harness.context).get(
        operation.id.description, by: .of(Harness.tenant))
      guard present.state == .running else { return present }
      time.advance(by: .milliseconds(100))
      await Task.yield()
    }
  }

  private func stored(_ number: PhoneNumber) async throws -> PhoneNumber {
    try await harness.context.number(number.id, tenant: Harness.tenant)
  }

  @Test func aDryRunTellsAndChangesNothing() async throws {
    let provider = try await harness.link()
    for number in 1...3 { try harness.buy(number) }
    let drifted = try await harness.importNumber(1, provider)
    let fine = try await harness.importNumber(2, provider)
    harness.carrier.overwrite(Sample.sid(1), region: .us1, with: VoiceSettings())
    harness.carrier.change(Sample.sid(2), friendlyName: "Front desk")
    let writes = harness.carrier.writes

    let begun = try await sync(provider, isDryRun: true)
    #expect((begun.kind, begun.subject) == (.syncProvider, .provider(provider.id)))
    let operation = try await ended(begun)
    #expect((operation.id, operation.state) == (begun.id, .succeeded))
    let found = try #require(operation.sync)
    #expect(found.isDryRun)
    #expect((found.comparedCount, found.driftedCount, found.markedCount) == (2, 1, 1))
    #expect(found.unimportedCount == 1)
    #expect(found.rows.map(\.numberID) == [drifted.id])
    #expect(found.rows.first?.change == .marked)
    #expect(found.rows.first?.conditions.first?.reason == "WEBHOOK_REMOVED")
    #expect(
      found.otherLabels == [DriftReport.OtherLabel(numberID: fine.id, label: "Front desk")])
    #expect(try await stored(drifted) == drifted)
    #expect(try await stored(fine) == fine)
    #expect(harness.carrier.writes == writes)
    let kept = try await harness.context.provider(provider.id, tenant: Harness.tenant).provider
    #expect(kept == provider)
  }

  @Test func itMarksAndHeals() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let ours = try #require(harness.carrier.voice(Sample.sid(1), region: .us1))
    harness.carrier.overwrite(Sample.sid(1), region: .us1, with: VoiceSettings())
    let writes = harness.carrier.writes
    let marking = try await ended(try await sync(provider))
    #expect(marking.sync?.markedCount == 1)
    #expect(try await stored(number).state == .degraded)
    let again = try await ended(try await sync(provider))
    #expect((again.sync?.markedCount, again.sync?.driftedCount) == (0, 1))
    #expect(again.id != marking.id)
    harness.carrier.overwrite(Sample.sid(1), region: .us1, with: ours)
    let healing = try await ended(try await sync(provider))
    #expect(healing.sync?.healedCount == 1)
    #expect(healing.sync?.rows.map(\.change) == [.healed])
    #expect(try await stored(number).state == .active)
    #expect(harness.carrier.writes == writes)
  }

  @Test func aRequestIDGivesTheSameOperation() async throws {
    let provider = try await harness.link()
    let first = try await ended(try await sync(provider, requestID: "r1"))
    let again = try await sync(provider, requestID: "r1")
    #expect(again == first)
    let other = await failure { try await sync(provider, isDryRun: true, requestID: "r1") }
    #expect(fields(other) == ["request_id": .requestIDReused])
  }

  @Test func oneGoesOnAtATime() async throws {
    let time = ManualTime(.hold)
    let harness = Harness(time: time)
    let provider = try await harness.link()
    harness.carrier.setOutage(CarrierError(.limited, effect: .refused))
    let first = try await sync(provider, isDryRun: true, on: harness)
    let second = try await sync(provider, isDryRun: true, on: harness)
    #expect(second.id == first.id)
    let other = await failure { try await sync(provider, on: harness) }
    #expect(other == .providerBusy(provider.id, first.id))
    harness.carrier.setOutage(nil)
    let done = try await passed(first, on: harness, time)
    #expect(done.state == .succeeded)
  }

  @Test func whatIsRefusedSaysWhy() async throws {
    let nobody = await failure { try await sync(Sample.provider(9)) }
    #expect(nobody == .notFound(.provider(Sample.providerID(9))))
    let provider = try await harness.link()
    let foreign = await failure {
      try await harness.providers.sync(
        SyncProvider(id: provider.id.description), by: .of(Sample.otherTenant))
    }
    #expect(foreign == .notFound(.provider(provider.id)))
    let bad = await failure {
      try await harness.providers.sync(
        SyncProvider(id: "x", requestID: "with space"), by: .of(Harness.tenant))
    }
    #expect(Set(fields(bad).keys) == ["id", "request_id"])
  }

  @Test(arguments: [true, false])
  func aCarrierThatRefusesFailsTheOperation(isDryRun: Bool) async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    harness.carrier.suspend(Harness.account)
    let operation = try await ended(try await sync(provider, isDryRun: isDryRun))
    #expect(operation.state == .failed)
    #expect(operation.failure?.cause == .accountInactive)
    #expect(try await stored(number) == number)
    let kept = try await harness.context.provider(provider.id, tenant: Harness.tenant).provider
    #expect((kept == provider) == isDryRun)
  }

  /// The process dies in the middle; the next start does it anew.
  @Test func aSyncThatWasLeftGoesOn() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    harness.carrier.overwrite(Sample.sid(1), region: .us1, with: VoiceSettings())
    let journal = ProvisioningJournal.syncing(
      provider, isDryRun: false, id: Sample.operationID(1), time: harness.time.now())
    try await harness.store.commit(Sample.write([.insertJournal(journal)]))
    let next = harness.restarted()
    try await next.context.resume()
    let done = try await Operations(next.context).get(
      journal.id.description, by: .of(Harness.tenant))
    #expect((done.state, done.sync?.markedCount) == (.succeeded, 1))
    #expect(try await stored(number).state == .degraded)
  }

  /// The store fails at each of its steps in turn; in the end the work is done, once.
  @Test(arguments: FaultInjector.Fault.allCases)
  func aStoreThatFailsAtAnyStepOnlyDelaysIt(_ fault: FaultInjector.Fault) async throws {
    for step in 1...100 {
      let harness = Harness()
      let provider = try await harness.link()
      try harness.buy(1)
      let number = try await harness.importNumber(1, provider)
      harness.carrier.overwrite(Sample.sid(1), region: .us1, with: VoiceSettings())
      let injector = FaultInjector(failing: step, fault)
      let faulty = harness.restarted(injector)
      let begun = try? await sync(provider, requestID: "r", on: faulty)
      if let begun { _ = try? await ended(begun, on: faulty) }
      await faulty.context.drain()
      let next = harness.restarted()
      try await next.context.resume()
      let done = try await ended(try await sync(provider, requestID: "r", on: next), on: next)
      #expect(done.state == .succeeded || done.failure?.cause == .unavailable, "step \(step)")
      if done.state == .succeeded {
        let found = try await next.context.number(number.id, tenant: Harness.tenant)
        #expect(found.state == .degraded, "step \(step)")
      }
      if injector.count < step {
        #expect(step > 8, "each step of the store's was made to fail")
        return
      }
    }
    Issue.record("a sync has no end of steps")
  }

  @Test func itIsAudited() async throws {
    let provider = try await harness.link()
    _ = try await ended(try await sync(provider, isDryRun: true))
    let entries = try await harness.context.store(of: Harness.tenant).auditEvents(
      AuditFilter(action: .sync), after: nil, limit: 9)
    #expect(entries.map(\.resource.id) == [provider.id.description])
    #expect(entries.first?.changes == [AuditChange("dry_run", old: "", new: "true")])
  }

  /// Another registry on the same store takes up a sync whose own is gone.
  @Test func anotherRegistryTakesItUp() async throws {
    let time = ManualTime(.hold)
    let second = harness.sharing(2, time)
    let provider = try await harness.link()
    let journal = ProvisioningJournal.syncing(
      provider, isDryRun: true, id: Sample.operationID(1), time: harness.time.now(),
      owner: RegistryProcessID(bits: 1))
    try await harness.store.commit(Sample.write([.insertJournal(journal)]))
    try await second.context.takeUp()
    let seen = try await Operations(second.context).get(
      journal.id.description, by: .of(Harness.tenant))
    #expect(seen.state == .running, "what another works on is only looked at")
    time.advance(by: RegistryLimits.leaseTakeOverDelay)
    try await second.context.takeUp()
    let done = try await passed(Registry.Operation(journal), on: second, time)
    #expect(done.state == .succeeded)
  }
}
