import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// A number goes from one region of its account to another.
struct MoveTests {
  let caller = Caller.of(Harness.tenant)
  let overlap = RegistryLimits.moveOverlap

  /// A number in us1, and the provider of ie1 that it is to go to.
  func scene() async throws -> (Harness, PhoneNumber, Provider) {
    let harness = Harness()
    let home = try await harness.link(.us1)
    let target = try await harness.link(.ie1)
    try harness.buy(1)
    return (harness, try await harness.importNumber(1, home), target)
  }

  func begin(
    _ harness: Harness, _ number: PhoneNumber, _ target: Provider, requestID: String = ""
  ) async throws -> Registry.Operation? {
    try await harness.numbers.move(
      MovePhoneNumber(
        id: number.id.description, providerID: target.id.description, requestID: requestID),
      by: caller)
  }

  func number(_ harness: Harness, _ id: PhoneNumberID) async throws -> PhoneNumber {
    try await harness.numbers.get(id.description, by: caller)
  }

  /// What is at the carrier is what the number says, and nothing else.
  func check(
    _ harness: Harness, _ number: PhoneNumber, _ what: Comment? = nil
  ) throws {
    let (here, there): (Region, Region) = number.region == .us1 ? (.us1, .ie1) : (.ie1, .us1)
    #expect(harness.carrier.voice(Sample.sid(1), region: here) == number.configured, what)
    let other = there == .us1 ? Harness.former : VoiceSettings(voiceURL: "https://former.test/ie1")
    #expect(harness.carrier.voice(Sample.sid(1), region: there) == other, what)
    let region = harness.carrier.processingRegion(of: try Sample.e164(1)) ?? .us1
    #expect(region == number.region, what)
    #expect(number.pendingProviderID == nil && number.leftovers.isEmpty, what)
    #expect(number.state == .active, what)
  }

  @Test func bothRegionsAnswerUntilTheCarrierKnows() async throws {
    let (harness, before, target) = try await scene()
    let operation = try #require(try await begin(harness, before, target))
    await harness.context.background.idle()
    let moving = try await number(harness, before.id)
    #expect(moving.pendingProviderID == target.id && moving.providerID == before.providerID)
    #expect(NumberRoute(moving).pendingProviderID == target.id)
    #expect(harness.carrier.voice(Sample.sid(1), region: .us1) == before.configured)
    let theirs = try #require(harness.carrier.voice(Sample.sid(1), region: .ie1))
    #expect(theirs.voiceURL.hasSuffix("\(before.id)/2"))
    #expect(harness.carrier.processingRegion(of: try Sample.e164(1)) == .ie1)
    let running = try await Operations(harness.context).get(operation.id.description, by: caller)
    #expect(running.state == .running && running.kind == .moveNumber)
    #expect(running.steps.map(\.state) == [.done, .done, .running, .pending])

    // Nobody works on it meanwhile, and nothing else may.
    let requests = harness.carrier.requestCount
    try await harness.context.takeUp()
    try await harness.restarted().context.resume()
    await harness.context.background.idle()
    #expect(harness.carrier.requestCount == requests)
    for refused in [
      await failure { try await harness.numbers.delete(before.id.description, by: caller) },
      await failure { try await begin(harness, before, target) },
      await failure {
        try await harness.numbers.repair(
          RepairPhoneNumber(id: before.id.description), by: caller)
      },
    ] { #expect(refused == .numberInWork(before.id, operation.id)) }
    let awaited = await failure {
      try await harness.providers.delete(target.id.description, by: caller)
    }
    #expect(awaited == .providerAwaited(target.id, before.id))

    harness.time.advance(by: overlap)
    try await harness.context.takeUp()
    await harness.context.background.idle()
    let after = try await number(harness, before.id)
    #expect(after.providerID == target.id && after.region == .ie1)
    #expect(after.webhookGeneration == before.webhookGeneration + 1)
    try check(harness, after)
    let done = try await Operations(harness.context).get(operation.id.description, by: caller)
    #expect(done.state == .succeeded && done.steps.allSatisfy { $0.state == .done })

    // Deleting it now leaves the carrier as it was before the import.
    _ = try await harness.numbers.delete(before.id.description, by: caller)
    #expect(harness.carrier.voice(Sample.sid(1), region: .us1) == Harness.former)
    #expect(
      harness.carrier.voice(Sample.sid(1), region: .ie1)
        == VoiceSettings(voiceURL: "https://former.test/ie1"))
    #expect(harness.carrier.processingRegion(of: try Sample.e164(1)) == .us1)
    try await harness.providers.delete(target.id.description, by: caller)
  }

  /// Whoever waits for it is told its end, though it slept meanwhile.
  @Test func aMoveIsWaitedForOverItsSleep() async throws {
    let (harness, before, target) = try await scene()
    let operation = try #require(try await begin(harness, before, target))
    let journal = try #require(
      try await harness.store.tenant(Harness.tenant).journal(operation.id))
    let end = try await harness.context.runner.join(journal)
    #expect(end.journal.outcome == .done && end.number?.providerID == target.id)
  }

  @Test func aNumberWithoutInboundMovesAtOnce() async throws {
    let harness = Harness()
    let home = try await harness.link(.us1)
    let target = try await harness.link(.ie1)
    try harness.buy(1)
    let before = try await harness.importNumber(1, home, inbound: false)
    _ = try await begin(harness, before, target)
    await harness.context.background.idle()
    let after = try await number(harness, before.id)
    #expect(after.providerID == target.id && after.region == .ie1 && after.configured == nil)
    #expect(harness.carrier.writes.isEmpty)
  }

  @Test func whatCannotBeMovedIsRefused() async throws {
    let (harness, before, target) = try await scene()
    let home = before.providerID
    let same = await failure {
      try await harness.numbers.move(
        MovePhoneNumber(id: before.id.description, providerID: home.description), by: caller)
    }
    #expect(fields(same) == ["provider_id": .duplicate])
    let unknown = await failure {
      try await harness.numbers.move(
        MovePhoneNumber(
          id: before.id.description, providerID: Sample.provider(7).id.description), by: caller)
    }
    #expect(unknown == .notFound(.provider(Sample.provider(7).id)))
    harness.carrier.hide([Sample.sid(1)], from: Sample.key(2))
    let hidden = await failure { try await begin(harness, before, target) }
    #expect(hidden == .numberNotAtCarrier(target.id))
    #expect(try await number(harness, before.id) == before)
    let elsewhere = Harness(
      store: harness.store, carrier: harness.carrier, port: harness.carrier,
      storePort: harness.store, time: harness.time, ids: harness.ids, regions: [.us1])
    let unserved = await failure { try await begin(elsewhere, before, target) }
    #expect(unserved == .regionNotServed(.ie1))
  }

  @Test func onlyCheckingBeginsNothing() async throws {
    let (harness, before, target) = try await scene()
    let none = try await harness.numbers.move(
      MovePhoneNumber(
        id: before.id.description, providerID: target.id.description, validateOnly: true),
      by: caller)
    #expect(none == nil)
    #expect(try await number(harness, before.id) == before)
  }

  @Test func theSameRequestIsOneMove() async throws {
    let (harness, before, target) = try await scene()
    let first = try await begin(harness, before, target, requestID: "m1")
    let again = try await begin(harness, before, target, requestID: "m1")
    #expect(first?.id == again?.id)
  }

  /// A refusal for good at each request: before the new region answers everything is undone;
  /// afterwards the number has moved, and what is left in the old region is told and repaired.
  @Test func aRefusalUndoesTheMoveOrIsTold() async throws {
    let refusal = CarrierError(.notPermitted, effect: .refused, code: 20006)
    let (clean, cleanNumber, cleanTarget) = try await scene()
    let before = clean.carrier.requestCount
    _ = try await begin(clean, cleanNumber, cleanTarget)
    await clean.context.background.idle()
    clean.time.advance(by: overlap)
    try await clean.context.takeUp()
    await clean.context.background.idle()
    let count = clean.carrier.requestCount - before
    #expect(count == 9)
    for request in 2...count {
      let what = Comment("request \(request) of \(count)")
      let (harness, number, target) = try await scene()
      let process = Harness(
        store: harness.store, carrier: harness.carrier,
        port: FaultyCarrier(harness.carrier, FaultInjector(failing: request), error: refusal),
        storePort: harness.store, time: harness.time, ids: harness.ids)
      _ = try await begin(process, number, target)
      await process.context.background.idle()
      harness.time.advance(by: overlap)
      try await process.context.takeUp()
      await process.context.background.idle()
      let after = try await self.number(harness, number.id)
      if request < 8 {
        #expect(after.providerID == number.providerID, what)
        try check(harness, after, what)
      } else {
        #expect(after.providerID == target.id && after.state == .degraded, what)
        #expect(after.leftovers.map(\.kind) == [.webhook], what)
        #expect(after.leftovers.map(\.region) == [.us1], what)
        _ = try await harness.numbers.repair(
          RepairPhoneNumber(id: number.id.description), by: caller)
        await harness.context.background.idle()
        try check(harness, try await self.number(harness, number.id), what)
      }
    }
  }

  @Test func whoWaitsForASleepingMoveTakesNoPlace() async throws {
    let (harness, before, target) = try await scene()
    let operation = try #require(try await begin(harness, before, target))
    await harness.context.background.idle()
    let journal = try #require(
      try await harness.store.tenant(Harness.tenant).journal(operation.id))
    let full = Harness(
      store: harness.store, carrier: harness.carrier, port: harness.carrier,
      storePort: harness.store, time: harness.time, ids: harness.ids,
      background: BackgroundTasks(countMax: 0))
    let late = await #expect(throws: ProvisioningRunner.Failure.self) {
      _ = try await full.context.runner.join(journal)
    }
    #expect(late == .full)
  }

  @Test func manyMovesToOneProviderBeginAtOnce() async throws {
    let harness = Harness()
    let home = try await harness.link(.us1)
    let target = try await harness.link(.ie1)
    var numbers: [PhoneNumber] = []
    for index in 1...24 {
      try harness.buy(index)
      numbers.append(try await harness.importNumber(index, home))
    }
    await withTaskGroup(of: RegistryError?.self) { group in
      for number in numbers {
        group.addTask { await failure { try await begin(harness, number, target) } }
      }
      for await refused in group { #expect(refused == nil) }
    }
    await harness.context.background.idle()
    let present = try await harness.providers.get(target.id.description, by: caller)
    #expect(present.etag == target.etag)
    // A key that does not reach one that comes is refused.
    harness.carrier.addKey(
      Sample.key(3), secret: "new", account: Harness.account, region: .ie1)
    harness.carrier.hide([Sample.sid(7)], from: Sample.key(3))
    let refused = await failure {
      try await harness.providers.update(
        UpdateProvider(
          provider: ProviderInput(
            id: target.id.description,
            twilio: TwilioInput(
              accountSID: "", apiKeySID: Sample.key(3).description, apiKeySecret: Secret("new")))),
        by: caller)
    }
    guard case .numbersUnreachable(let unreachable, total: 1, _) = refused else {
      Issue.record("\(String(describing: refused))")
      return
    }
    #expect(unreachable.map(\.id) == [numbers[6].id])
  }

  @Test func unassignedCallsGoWhereTheyWentBeforeTheImport() async throws {
    let (harness, before, target) = try await scene()
    _ = try await begin(harness, before, target)
    let usage = try await harness.numbers.usage(before.id.description, by: caller)
    #expect(!usage.isDeletable)
    try await end(harness)
    let after = try await number(harness, before.id)
    #expect(NumberRoute(after).formerVoiceURL == Harness.former.voiceURL)
    #expect(after.former?.voice.voiceURL == "https://former.test/ie1")
  }

  /// Whatever fails or crashes at whichever step, the number ends under one of its providers, and
  /// the carrier agrees.
  @Test func aMoveSurvivesEveryFailure() async throws {
    let (clean, cleanNumber, cleanTarget) = try await scene()
    let counter = FaultInjector()
    let counted = clean.restarted(counter)
    _ = try await begin(counted, cleanNumber, cleanTarget)
    await counted.context.background.idle()
    clean.time.advance(by: overlap)
    try await counted.context.takeUp()
    await counted.context.background.idle()
    #expect(counter.count >= 25)
    for fault in FaultInjector.Fault.allCases {
      for step in 1...counter.count {
        let what = Comment("\(fault) at \(step) of \(counter.count)")
        let (harness, number, target) = try await scene()
        let process = harness.restarted(FaultInjector(failing: step, fault))
        let answer = try? await begin(process, number, target, requestID: "m1")
        await process.context.background.idle()
        harness.time.advance(by: overlap)
        try? await process.context.takeUp()
        await process.context.background.idle()

        let next = harness.restarted()
        for _ in 0..<2 {
          try await next.context.resume()
          harness.time.advance(by: overlap)
        }
        try await next.context.takeUp()
        await next.context.background.idle()
        let open = try await harness.store.openJournals(after: nil, limit: 9)
        #expect(open.isEmpty, what)
        let after = try await self.number(next, number.id)
        try check(next, after, what)
        if answer != nil { #expect(after.providerID == target.id, what) }
        // The same request is the same move, or the first one.
        _ = try await begin(next, after, target, requestID: "m1")
        await next.context.background.idle()
        harness.time.advance(by: overlap)
        try await next.context.takeUp()
        await next.context.background.idle()
        let last = try await self.number(next, number.id)
        #expect(last.providerID == target.id, what)
        try check(next, last, what)
      }
    }
  }
}
