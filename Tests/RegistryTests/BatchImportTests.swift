import Access
import Telephony
import TestKit
import Testing

@testable import Registry

struct BatchImportTests {
  private let harness = Harness()
  private let caller = Caller.of(Harness.tenant)

  private func request(
    _ numbers: Range<Int>, _ provider: Provider, requestID: String = "batch"
  ) throws -> BatchImportPhoneNumbers {
    BatchImportPhoneNumbers(
      providerID: provider.id.description,
      numbers: try numbers.map { number in
        ImportPhoneNumber(providerID: "", e164: try Sample.e164(number).text, label: "n\(number)")
      }, requestID: requestID)
  }

  /// Runs a batch; `leavesAfter`: the caller is gone after so many results.
  private func run(
    _ request: BatchImportPhoneNumbers, in harness: Harness, leavesAfter: Int = .max
  ) async -> (steps: [BatchImportStep], error: RegistryError?) {
    var steps: [BatchImportStep] = []
    do throws(RegistryError) {
      try await harness.numbers.batchImport(request, by: caller) { step in
        steps.append(step)
        return steps.count < leavesAfter
      }
      return (steps, nil)
    } catch {
      return (steps, error)
    }
  }

  private func outcomes(
    _ steps: [BatchImportStep]
  ) -> [Int: Result<PhoneNumber, RegistryError>] {
    Dictionary(
      steps.compactMap(\.result).map { ($0.index, $0.outcome) },
      uniquingKeysWith: { first, _ in first })
  }

  @Test func goesOnAfterFailures() async throws {
    let provider = try await harness.link()
    for number in 0..<20 where number != 3 { try harness.buy(number) }
    harness.carrier.addNumber(
      Sample.sid(20), try Sample.e164(20), account: Harness.account, hasVoice: false)
    let (steps, error) = await run(try request(0..<21, provider), in: harness)
    #expect(error == nil)
    #expect(steps.map(\.doneCount) == Array(1...21) + [21])
    #expect(steps.allSatisfy { $0.totalCount == 21 })
    let last = try #require(steps.last)
    #expect(last.result == nil)
    #expect(last.failedCount == 2)
    let outcomes = outcomes(steps)
    #expect(outcomes.count == 21)
    for (index, outcome) in outcomes {
      switch index {
      case 3: #expect(outcome == .failure(.numberNotAtCarrier(provider.id)))
      case 20: #expect(outcome == .failure(.numberWithoutVoice(provider.id)))
      default:
        let number = try outcome.get()
        #expect(number.state == .active)
        #expect(number.e164 == (try Sample.e164(index)))
        #expect(number.label == "n\(index)")
      }
    }
  }

  @Test func tellsABadListBeforeAnythingBegins() async throws {
    let provider = try await harness.link()
    let requests = harness.carrier.requestCount
    var bad = try request(0..<4, provider, requestID: "")
    bad.numbers[1].e164 = "1500"
    bad.numbers[2].label = String(repeating: "x", count: 129)
    bad.numbers[3].e164 = bad.numbers[0].e164
    bad.numbers[3].supportsInbound = false
    bad.numbers[3].supportsOutbound = false
    #expect(
      fields(await run(bad, in: harness).error) == [
        "request_id": .required, "numbers[1].e164": .malformed, "numbers[2].label": .tooLong,
        "numbers[3].e164": .duplicate, "numbers[3].supports_inbound": .conflicting,
      ])
    bad.requestID = "r"
    bad.numbers = []
    #expect(fields(await run(bad, in: harness).error) == ["numbers": .required])
    let number = ImportPhoneNumber(providerID: "", e164: "no number")
    bad.numbers = Array(repeating: number, count: RegistryLimits.batchCountMax + 1)
    #expect(fields(await run(bad, in: harness).error) == ["numbers": .tooMany])
    bad.numbers.removeLast()
    guard case .invalidArgument(let violations) = await run(bad, in: harness).error else {
      Issue.record("not refused")
      return
    }
    #expect(violations.count <= RegistryLimits.batchViolationsMax + 4)
    var unknown = try request(0..<2, provider)
    unknown.providerID = Sample.providerID(9).description
    #expect(await run(unknown, in: harness).error == .notFound(.provider(Sample.providerID(9))))
    #expect(harness.carrier.requestCount == requests)
    // Nothing was noted: the id is free.
    try harness.buy(0)
    #expect(await run(try request(0..<1, provider, requestID: "r"), in: harness).error == nil)
  }

  @Test func tellsWhatWasDoneAndImportsNothingTwice() async throws {
    let provider = try await harness.link()
    for number in 0..<5 { try harness.buy(number) }
    let batch = try request(0..<6, provider)
    let first = outcomes(await run(batch, in: harness).steps)
    let writes = harness.carrier.writes.count
    #expect(writes == 5)
    let second = await run(batch, in: harness)
    #expect(outcomes(second.steps) == first)
    #expect(second.steps.last?.failedCount == 1)
    #expect(harness.carrier.writes.count == writes)
    // What failed is tried anew.
    try harness.buy(5)
    let third = await run(batch, in: harness)
    #expect(third.steps.last?.failedCount == 0)
    #expect(harness.carrier.writes.count == 6)
  }

  @Test func bindsItsIDToItsList() async throws {
    let provider = try await harness.link()
    for number in 0..<3 { try harness.buy(number) }
    #expect(await run(try request(0..<2, provider), in: harness).error == nil)
    let writes = harness.carrier.writes
    var relabelled = try request(0..<2, provider)
    relabelled.numbers[1].label = "other"
    for other in [try request(0..<3, provider), try request(1..<2, provider), relabelled] {
      let (steps, error) = await run(other, in: harness)
      #expect(fields(error) == ["request_id": .requestIDReused])
      #expect(steps.isEmpty)
    }
    let alone = await failure { try await harness.importNumber(2, provider, requestID: "batch") }
    #expect(fields(alone) == ["request_id": .requestIDReused])
    #expect(harness.carrier.writes == writes)
  }

  @Test func endsAtTheQuotaAndGoesOnOnceItIsRaised() async throws {
    let full = Harness(quotas: [Quota(.number, countMax: 4)])
    let provider = try await full.link()
    for number in 0..<10 { try full.buy(number) }
    let batch = try request(0..<10, provider)
    for _ in 0..<2 {
      let (steps, error) = await run(batch, in: full)
      #expect(error == nil)
      let failures = outcomes(steps).values.filter {
        $0 == .failure(.quotaExceeded(.number, countMax: 4))
      }
      #expect(failures.count == 6)
      #expect(steps.last?.failedCount == 6)
    }
    let (steps, _) = await run(batch, in: full.restarted())
    #expect(steps.last?.failedCount == 0)
    #expect(full.carrier.writes.count == 10)
  }

  private func operation(_ steps: [BatchImportStep]) async throws -> Registry.Operation {
    let id = try #require(steps.first?.operationID)
    return try await Operations(harness.context).get(id.description, by: caller)
  }

  @Test func isAnOperation() async throws {
    let provider = try await harness.link()
    for number in 0..<5 { try harness.buy(number) }
    let batch = try request(0..<6, provider)
    let (steps, _) = await run(batch, in: harness)
    let ended = try await operation(steps)
    #expect((ended.kind, ended.state, ended.failure) == (.importBatch, .succeeded, nil))
    #expect(ended.subject == .batch(provider.id, ended.id))
    let record = try #require(ended.batch)
    #expect((record.rows.count, record.failedCount, record.entries.count) == (6, 1, 6))
    let failed = try #require(record.rows.first { $0.refusal != nil })
    #expect(failed.index == 5 && failed.refusal?.error == .numberNotAtCarrier(provider.id))
    #expect(Set(steps.map(\.operationID)) == [ended.id])
    // The same one runs again for what is not imported, and only then.
    try harness.buy(5)
    let (again, _) = await run(batch, in: harness)
    #expect(Set(again.map(\.operationID)) == [ended.id])
    let whole = try await operation(again)
    #expect(whole.batch?.failedCount == 0 && whole.updateTime >= ended.updateTime)
    _ = await run(batch, in: harness)
    #expect(try await operation(again) == whole)
    // It is no work on the provider itself.
    let others = try await Operations(harness.context).list(
      ListOperations(providerID: provider.id.description), by: caller)
    #expect(others.elements.isEmpty)
  }

  /// A version before recorded the batch's id without an operation.
  @Test func goesOnWithABatchOfBefore() async throws {
    let provider = try await harness.link()
    for number in 0..<2 { try harness.buy(number) }
    let batch = try request(0..<2, provider)
    let draft = try BatchDraft(batch, harness.context.numberPlan)
    let record = try harness.context.request(
      batch.requestID, draft.body, resource: provider.id.description, tenant: Harness.tenant)
    let write = RegistryWrite(at: harness.time.now(), request: record, changes: [])
    try await harness.store.tenant(Harness.tenant).commit(write)
    for _ in 0..<2 {
      let (steps, error) = await run(batch, in: harness)
      #expect(error == nil && steps.last?.failedCount == 0)
    }
    #expect(harness.carrier.writes.count == 2)
  }

  @Test func oneTenantHasNotAllBatches() async throws {
    let time = ManualTime(.hold)
    let held = Harness(time: time)
    let provider = try await held.link()
    held.carrier.setOutage(CarrierError(.limited, effect: .refused))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<RegistryLimits.batchesTenantMax {
        let batch = try request(0..<2, provider, requestID: "batch-\(index)")
        group.addTask { _ = await run(batch, in: held) }
      }
      while held.context.batches.hasRoom(for: Harness.tenant) { await Task.yield() }
      let more = await run(try request(0..<2, provider, requestID: "more"), in: held)
      #expect(more.error == .tooManyOperations && more.steps.isEmpty)
      #expect(held.context.batches.hasRoom(for: Sample.otherTenant))
      group.cancelAll()
    }
    await held.context.drain()
  }

  @Test func goesOnOnceTheCallerLeft() async throws {
    let provider = try await harness.link()
    for number in 0..<40 { try harness.buy(number) }
    let batch = try request(0..<40, provider)
    let (steps, error) = await run(batch, in: harness, leavesAfter: 3)
    #expect(error == .cancelled)
    #expect(steps.count == 3)
    await harness.context.background.idle()
    #expect(try await operation(steps).batch?.failedCount == 0)
    #expect(harness.carrier.writes.count == 40)
    let (rest, end) = await run(batch, in: harness)
    #expect(end == nil)
    #expect(rest.last?.failedCount == 0)
    let known = Dictionary(
      uniqueKeysWithValues: outcomes(steps).map { ($0, try? $1.get().id) })
    for (index, id) in known { #expect(try outcomes(rest)[index]?.get().id == id) }
    #expect(harness.carrier.writes.count == 40)
  }

  @Test func goesOnAfterAStopByItself() async throws {
    let provider = try await harness.link()
    for number in 0..<40 { try harness.buy(number) }
    let batch = try request(0..<40, provider)
    let (steps, _) = await run(batch, in: harness, leavesAfter: 3)
    await harness.context.drain()
    let resumed = harness.restarted()
    try await resumed.context.resume()
    #expect(try await operation(steps).state == .succeeded)
    #expect(harness.carrier.writes.count == 40)
    let (rest, end) = await run(batch, in: resumed)
    #expect(end == nil)
    #expect(rest.last?.failedCount == 0)
    let known = Dictionary(
      uniqueKeysWithValues: outcomes(steps).map { ($0, try? $1.get().id) })
    for (index, id) in known { #expect(try outcomes(rest)[index]?.get().id == id) }
    #expect(harness.carrier.writes.count == 40)
  }

  @Test func waitsWhereThereIsNoRoom() async throws {
    let narrow = Harness(background: BackgroundTasks(countMax: 2))
    let provider = try await narrow.link()
    for number in 0..<12 { try narrow.buy(number) }
    let (steps, error) = await run(try request(0..<12, provider), in: narrow)
    #expect(error == nil)
    #expect(steps.last?.failedCount == 0)
    #expect(narrow.carrier.writes.count == 12)
  }

  @Test func waitsForTheCarrierABoundedNumberOfTimes() async throws {
    let provider = try await harness.link()
    try harness.buy(0)
    let requests = harness.carrier.requestCount
    harness.carrier.setOutage(
      CarrierError(.limited, effect: .refused, retryAfter: .seconds(2)))
    let (steps, error) = await run(try request(0..<1, provider), in: harness)
    #expect(error == nil)
    #expect(steps.last?.failedCount == 1)
    #expect(harness.carrier.requestCount - requests == RegistryLimits.batchAttemptsMax)
    #expect(harness.time.slept >= .seconds(2) * (RegistryLimits.batchAttemptsMax - 1))
    harness.carrier.setOutage(nil)
    let (again, _) = await run(try request(0..<1, provider), in: harness)
    #expect(again.last?.failedCount == 0)
  }

  @Test func endsWhenTheStoreIsGone() async throws {
    let provider = try await harness.link()
    for number in 0..<3 { try harness.buy(number) }
    let batch = try request(0..<3, provider)
    // The provider and the batch's id are read and noted; then nothing is reached any more.
    for crash in 1..<12 {
      let injector = FaultInjector(failing: crash, .crashBefore)
      let cut = Harness(
        store: harness.store, carrier: harness.carrier, port: harness.carrier,
        storePort: FaultyRegistryStore(harness.store, injector), time: harness.time,
        ids: harness.ids)
      let (steps, error) = await run(batch, in: cut)
      guard let error else { break }
      guard case .storeUnavailable = error else {
        Issue.record("\(error) at \(crash)")
        continue
      }
      #expect(steps.allSatisfy { $0.result != nil })
    }
    let resumed = harness.restarted()
    try await resumed.context.resume()
    let (steps, error) = await run(batch, in: resumed)
    #expect(error == nil)
    #expect(steps.last?.failedCount == 0)
    #expect(Set(harness.carrier.writes).count == 3)
  }
}
