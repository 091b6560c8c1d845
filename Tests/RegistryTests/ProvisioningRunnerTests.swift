import Telephony
import TestKit
import Testing

@testable import Registry

struct ProvisioningRunnerTests {
  private let outage = CarrierError(.unavailable, effect: .unknown)

  /// Waits, without sleeping, until `condition` holds.
  private func until(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<100_000 {
      if try await condition() { return }
      await Task.yield()
    }
    Issue.record("It never came.")
  }

  /// An import that waits for a carrier that is down, as a task of a caller.
  private func stalled(
    _ harness: Harness, requestID: String = "r1"
  ) async throws -> (Provider, Task<PhoneNumber, any Error>) {
    let provider = try await harness.link(.ie1)
    try harness.buy(1)
    // The look-up before the work succeeds; the work's first step does not.
    harness.carrier.setOutage(outage, after: 1)
    let task = Task { try await harness.importNumber(1, provider, requestID: requestID) }
    try await until { harness.time.sleeperCount == 1 }
    return (provider, task)
  }

  @Test func goesOnWithoutItsCaller() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let (provider, task) = try await stalled(harness)
    task.cancel()
    let error = await failure { try await task.value }
    #expect(error == .cancelled)
    let all = try await harness.numbers.list(ListPhoneNumbers(), tenant: Harness.tenant)
    #expect(all.elements.map(\.state) == [.provisioning])
    #expect(
      await failure {
        try await harness.numbers.delete(
          all.elements[0].id.description, tenant: Harness.tenant)
      } == .numberBusy(all.elements[0].id, .provisioning))
    harness.carrier.setOutage(nil)
    harness.time.advance(by: RegistryLimits.stepDelayMax)
    await harness.context.background.idle()
    let number = try await harness.importNumber(1, provider, requestID: "r1")
    #expect(number.state == .active)
    #expect(number.id == all.elements[0].id)
  }

  @Test func aRepeatJoinsTheWork() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let (provider, first) = try await stalled(harness)
    let second = Task { try await harness.importNumber(1, provider, requestID: "r1") }
    harness.carrier.setOutage(nil)
    harness.time.advance(by: RegistryLimits.stepDelayMax)
    let numbers = (try await first.value, try await second.value)
    #expect(numbers.0 == numbers.1)
    #expect(harness.carrier.writes.count == 2)
  }

  @Test func stopsAtASafePointAndIsResumed() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let (_, task) = try await stalled(harness)
    await harness.context.drain()
    #expect(await failure { try await task.value } == .shuttingDown)
    let open = try await harness.store.openJournals(after: nil, limit: 9)
    #expect(open.map(\.phase) == [.readingFormer])
    harness.carrier.setOutage(nil)
    let next = harness.restarted()
    try await next.context.resume()
    let all = try await next.numbers.list(ListPhoneNumbers(), tenant: Harness.tenant)
    #expect(all.elements.map(\.state) == [.active])
    let refused = await failure {
      try await harness.numbers.delete(all.elements[0].id.description, tenant: Harness.tenant)
    }
    #expect(refused == .shuttingDown)
  }

  @Test func beginsNothingBeyondItsBound() async throws {
    let harness = Harness(time: ManualTime(.hold), background: BackgroundTasks(countMax: 1))
    let (provider, task) = try await stalled(harness)
    harness.carrier.setOutage(nil)
    harness.carrier.addNumber(Sample.sid(2), try Sample.e164(2), account: Harness.account)
    let error = await failure { try await harness.importNumber(2, provider) }
    #expect(error == .tooManyOperations)
    let claims = try await harness.store.claims(of: [Sample.sid(2)], account: Harness.account)
    #expect(claims.isEmpty)
    harness.time.advance(by: RegistryLimits.stepDelayMax)
    _ = try await task.value
    _ = try await harness.importNumber(2, provider)
  }

  @Test func usesCredentialsThatCameMeanwhile() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let (provider, task) = try await stalled(harness)
    harness.carrier.setOutage(nil)
    harness.carrier.addKey(
      Sample.key(9), secret: "new", account: Harness.account, region: .ie1)
    _ = try await harness.providers.update(
      UpdateProvider(
        provider: ProviderInput(
          id: provider.id.description,
          twilio: TwilioInput(
            apiKeySID: Sample.key(9).description, apiKeySecret: Secret("new")))),
      tenant: Harness.tenant)
    harness.carrier.removeKey(Sample.key(2), account: Harness.account, region: .ie1)
    harness.time.advance(by: RegistryLimits.stepDelayMax)
    #expect(try await task.value.state == .active)
  }

  @Test func keepsWhatWasChangedMeanwhile() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let (_, task) = try await stalled(harness)
    _ = try await harness.addAgent("a")
    let all = try await harness.numbers.list(ListPhoneNumbers(), tenant: Harness.tenant)
    let id = all.elements[0].id.description
    _ = try await harness.numbers.assign(id, to: "a", tenant: Harness.tenant)
    harness.carrier.setOutage(nil)
    harness.time.advance(by: RegistryLimits.stepDelayMax)
    let number = try await task.value
    #expect(number.agentID?.description == "a")
    #expect(number.state == .active)
  }

  @Test func wakesReadersOfTheFeed() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let feed = harness.context.feed
    let reader = Task { try await feed.waitForChange(after: 0) }
    try await until { feed.waiterCount == 1 }
    _ = try await harness.link()
    try await reader.value
    #expect(try await feed.page(after: 0).changes.count == 1)
    // It does not wait for what is there.
    try await feed.waitForChange(after: 0)
    let idle = Task { try await feed.waitForChange(after: 1) }
    try await until { feed.waiterCount == 1 && harness.time.sleeperCount == 1 }
    harness.time.advance(by: RegistryLimits.routePollInterval)
    try await idle.value
    let cancelled = Task { try await feed.waitForChange(after: 1) }
    try await until { feed.waiterCount == 1 }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
  }

  @Test func housekeepingForgetsAndResumes() async throws {
    let harness = Harness()
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider, requestID: "r1")
    harness.time.advance(by: .seconds(48 * 3600))
    try await harness.context.housekeep()
    #expect(try await harness.store.request("r1", tenant: Harness.tenant) != nil)
    harness.time.advance(by: .seconds(25 * 3600))
    try await harness.context.housekeep()
    #expect(try await harness.store.request("r1", tenant: Harness.tenant) == nil)
    #expect(
      await failure { try await harness.importNumber(1, provider, requestID: "r1") }
        == .numberExists(number.id))
  }
}
