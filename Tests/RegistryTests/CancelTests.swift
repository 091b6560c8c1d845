import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// Operations that somebody cancels.
struct CancelTests {
  private let caller = Caller.of(Harness.tenant)
  private let moves = MoveTests()

  private func cancel(
    _ harness: Harness, _ id: OperationID
  ) async throws -> Registry.Operation {
    try await Operations(harness.context).cancel(id.description, by: caller)
  }

  private func read(_ harness: Harness, _ id: OperationID) async throws -> Registry.Operation {
    try await Operations(harness.context).get(id.description, by: caller)
  }

  private func running(_ harness: Harness) async throws -> Registry.Operation? {
    try await Operations(harness.context).list(
      ListOperations(state: .value(.running)), by: caller
    ).elements.first
  }

  /// The operation that runs, once there is one. Nothing in it passes but what is waited for.
  private func begun(_ harness: Harness) async throws -> Registry.Operation {
    while true {
      if let operation = try await running(harness) { return operation }
      await Task.yield()
    }
  }

  @Test func aSleepingMoveIsUndone() async throws {
    let (harness, before, target) = try await moves.scene()
    let operation = try #require(try await moves.begin(harness, before, target))
    await harness.context.background.idle()
    #expect(harness.carrier.processingRegion(of: try Sample.e164(1)) == .ie1)
    let told = try await cancel(harness, operation.id)
    #expect(told.isCancelRequested)
    await harness.context.background.idle()
    let after = try await moves.number(harness, before.id)
    try moves.check(harness, after)
    #expect(after.providerID == before.providerID && after.region == .us1)
    let ended = try await read(harness, operation.id)
    #expect(ended.state == .failed && ended.failure?.cause == .cancelled)
    #expect(try await cancel(harness, operation.id) == ended)
    let log = try await harness.store.tenant(Harness.tenant).auditEvents(
      AuditFilter(action: .cancel), after: nil, limit: 9)
    #expect(log.map(\.resource) == [AuditResource(.phoneNumber, before.id.description)])
    // It may be moved again.
    _ = try await moves.begin(harness, after, target)
    await harness.context.background.idle()
    harness.time.advance(by: moves.overlap * 2)
    try await harness.context.takeUp()
    await harness.context.background.idle()
    try moves.check(harness, try await moves.number(harness, before.id))
  }

  /// What stood in the region of before is not made again.
  @Test func aMoveThatCameTooFarGoesOn() async throws {
    let (harness, before, target) = try await moves.scene()
    let operation = try #require(try await moves.begin(harness, before, target))
    await harness.context.background.idle()
    harness.carrier.setOutage(CarrierError(.unavailable, effect: .refused))
    harness.time.advance(by: moves.overlap * 2)
    // The carrier does not let the settings of before be put back yet.
    let journal = try #require(
      try await harness.store.tenant(Harness.tenant).journal(operation.id))
    var late = journal
    let restore = try #require(late.steps.firstIndex { $0.aim == .restore })
    late.steps[restore].state = .running
    #expect(!late.isCancellable && journal.isCancellable)
    harness.carrier.setOutage(nil)
    try await harness.context.takeUp()
    await harness.context.background.idle()
    let over = await failure { try await cancel(harness, operation.id) }
    #expect(over == .operationNotCancellable(operation.id, .moveNumber, isOver: true))
  }

  /// However often the process ends on the way, a cancelled move ends where it began.
  @Test func aCancelledMoveSurvivesEveryFailure() async throws {
    for fault in [FaultInjector.Fault.crashBefore, .crashAfter] {
      for step in 1..<200 {
        let (clean, before, target) = try await moves.scene()
        let operation = try #require(try await moves.begin(clean, before, target))
        await clean.context.background.idle()
        let injector = FaultInjector(failing: step, fault)
        let harness = clean.restarted(injector)
        _ = try? await cancel(harness, operation.id)
        await harness.context.background.idle()
        let wasReached = injector.count >= step
        let again = harness.restarted()
        _ = try? await cancel(again, operation.id)
        try await again.context.takeUp()
        await again.context.background.idle()
        let after = try await moves.number(again, before.id)
        try moves.check(again, after, "\(fault) at \(step)")
        #expect(after.region == .us1, "\(fault) at \(step)")
        guard wasReached else { break }
      }
    }
  }

  @Test func anImportThatWaitsForTheCarrierIsUndone() async throws {
    let time = ManualTime(.hold)
    let harness = Harness(time: time)
    let provider = try await harness.link()
    try harness.buy(1)
    // The number is found, its settings are read and the webhook is written; then nothing goes.
    harness.carrier.setOutage(
      CarrierError(.unavailable, effect: .refused), after: 4)
    async let imported = failure { try await harness.importNumber(1, provider, requestID: "r") }
    let operation = try await begun(harness)
    while harness.carrier.writes.isEmpty || time.sleeperCount == 0 { await Task.yield() }
    _ = try await cancel(harness, operation.id)
    harness.carrier.setOutage(nil)
    while try await running(harness) != nil {
      time.advance(by: .seconds(1))
      await Task.yield()
    }
    let error = await imported
    guard case .provisioningFailed(_, let cause, leftovers: []) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cause.cause == .cancelled)
    let left = try await harness.numbers.list(ListPhoneNumbers(), by: caller)
    #expect(left.elements.isEmpty)
    #expect(harness.carrier.voice(Sample.sid(1), region: .us1) == Harness.former)
    // The request's id is free again.
    let again = try await harness.importNumber(1, provider, requestID: "r")
    #expect(again.state == .active)
  }

  /// Nor is what buys a number or gives it up.
  @Test func deletionsAndRepairsAreNot() async throws {
    let never: [ProvisioningKind] = [
      .deleteNumber, .repairNumber, .provisionNumber, .releaseNumber,
    ]
    for kind in ProvisioningKind.allCases {
      var journal = ProvisioningJournal(
        id: Sample.operationID(1), tenant: Harness.tenant, subject: .number(Sample.numberID(1)),
        kind: kind, steps: [], time: Sample.start)
      journal.phase = .doing
      #expect(journal.isCancellable == !never.contains(kind), "\(kind)")
      journal.phase = .closed
      #expect(!journal.isCancellable, "\(kind)")
    }
  }

  @Test func aBatchBeginsNoMore() async throws {
    let time = ManualTime(.hold)
    let harness = Harness(time: time)
    let provider = try await harness.link()
    for number in 0..<20 { try harness.buy(number) }
    harness.carrier.setOutage(CarrierError(.limited, effect: .refused))
    let batch = BatchImportPhoneNumbers(
      providerID: provider.id.description,
      numbers: try (0..<20).map {
        ImportPhoneNumber(providerID: "", e164: try Sample.e164($0).text)
      }, requestID: "batch")
    async let error = failure {
      try await harness.numbers.batchImport(batch, by: caller) { _ in true }
    }
    let operation = try await begun(harness)
    #expect(operation.kind == .importBatch)
    _ = try await cancel(harness, operation.id)
    while try await running(harness) != nil {
      time.advance(by: .milliseconds(20))
      await Task.yield()
    }
    while time.sleeperCount > 0 {
      time.advance(by: .seconds(1))
      await Task.yield()
    }
    #expect(await error == .operationCancelled(operation.id))
    let ended = try await read(harness, operation.id)
    #expect(ended.failure?.cause == .cancelled)
    #expect(ended.batch?.rows.isEmpty == true)
    harness.carrier.setOutage(nil)
    #expect(harness.carrier.writes.isEmpty)
    // What was kept from beginning begins when the batch is sent again.
    let later = Harness(
      store: harness.store, carrier: harness.carrier, port: harness.carrier,
      storePort: harness.store, time: ManualTime(now: time.now()), ids: harness.ids)
    var last: BatchImportStep?
    try await later.numbers.batchImport(batch, by: caller) { step in
      last = step
      return true
    }
    #expect(last?.operationID == operation.id && last?.doneCount == 20)
    #expect(last?.failedCount == 0 && harness.carrier.writes.count == 20)
  }

  @Test func itNeedsTheScopeOfWhatItEnds() async throws {
    let time = ManualTime(.hold)
    let harness = Harness(time: time)
    let provider = try await harness.link()
    harness.carrier.setOutage(CarrierError(.limited, effect: .refused))
    let sync = try await harness.providers.sync(
      SyncProvider(id: provider.id.description), by: caller)
    let limited = Caller(
      tenant: Harness.tenant, principal: .anonymous, scopes: Scopes(.numbersWrite))
    let refused = await failure {
      try await Operations(harness.context).cancel(sync.id.description, by: limited)
    }
    #expect(refused == .scopeMissing(.providersWrite))
    _ = try await cancel(harness, sync.id)
    while try await running(harness) != nil {
      time.advance(by: .milliseconds(100))
      await Task.yield()
    }
    #expect(try await read(harness, sync.id).failure?.cause == .cancelled)
    let other = Caller.of(Sample.otherTenant)
    let foreign = await failure {
      try await Operations(harness.context).cancel(sync.id.description, by: other)
    }
    #expect(foreign == .notFound(.operation(sync.id)))
  }
}
