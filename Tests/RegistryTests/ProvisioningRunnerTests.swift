import Access
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

  /// What becomes of a call beside which something was done.
  private enum Then {
    case wait
    case cancel
  }

  /// Runs `call` as a caller of its own beside `body`, which says whether to cancel it; gives what
  /// came of it.
  private func beside<Value: Sendable>(
    _ call: @escaping @Sendable () async throws -> Value,
    _ body: () async throws -> Then
  ) async throws -> Result<Value, any Error> {
    try await withThrowingTaskGroup(of: Result<Value, any Error>.self) { group in
      group.addTask {
        do {
          return .success(try await call())
        } catch {
          return .failure(error)
        }
      }
      if try await body() == .cancel { group.cancelAll() }
      return try #require(try await group.next())
    }
  }

  /// Begins an import that waits for a carrier that is down; `body` runs while it waits.
  private func stalled(
    _ harness: Harness,
    _ body: (_ provider: Provider) async throws -> Then
  ) async throws -> Result<PhoneNumber, any Error> {
    let provider = try await harness.link(.ie1)
    try harness.buy(1)
    // The look-up before the work succeeds; the work's first step does not.
    harness.carrier.setOutage(outage, after: 1)
    return try await beside {
      try await harness.importNumber(1, provider, requestID: "r1")
    } _: {
      try await until { harness.time.sleeperCount == 1 }
      return try await body(provider)
    }
  }

  private func recover(_ harness: Harness) {
    harness.carrier.setOutage(nil)
    harness.time.advance(by: RegistryLimits.stepDelayMax)
  }

  private func all(_ harness: Harness) async throws -> [PhoneNumber] {
    try await harness.numbers.list(ListPhoneNumbers(), by: .of(Harness.tenant)).elements
  }

  @Test func anOperationIsWaitedForUntilItsEndOrTheTimeIsOver() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let (operations, caller) = (Operations(harness.context), Caller.of(Harness.tenant))
    let result = try await stalled(harness) { _ in
      let running = try await operations.list(
        ListOperations(state: .value(.running)), by: caller
      ).elements[0]
      let id = running.id.description
      let short = try await beside {
        try await operations.wait(for: id, timeout: .milliseconds(1), by: caller)
      } _: {
        try await until { harness.time.sleeperCount == 2 }
        harness.time.advance(by: .milliseconds(1))
        return .wait
      }
      #expect(try short.get().state == .running)
      let gone = try await beside {
        try await operations.wait(for: id, timeout: nil, by: caller)
      } _: {
        try await until { harness.time.sleeperCount == 2 }
        return .cancel
      }
      #expect(throws: RegistryError.cancelled) { try gone.get() }
      let whole = try await beside {
        try await operations.wait(for: id, timeout: nil, by: caller)
      } _: {
        try await until { harness.time.sleeperCount == 2 }
        recover(harness)
        return .wait
      }
      #expect(try whole.get().state == .succeeded)
      return .wait
    }
    #expect(try result.get().state == .active)
  }

  @Test func goesOnWithoutItsCaller() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let result = try await stalled(harness) { _ in .cancel }
    #expect(throws: RegistryError.cancelled) { try result.get() }
    let waiting = try await all(harness)
    #expect(waiting.map(\.state) == [.provisioning])
    let busy = await failure {
      try await harness.numbers.delete(waiting[0].id.description, by: .of(Harness.tenant))
    }
    #expect(busy == .numberBusy(waiting[0].id, .provisioning))
    recover(harness)
    await harness.context.background.idle()
    let provider = try await harness.context.provider(
      waiting[0].providerID, tenant: Harness.tenant
    ).provider
    let number = try await harness.importNumber(1, provider, requestID: "r1")
    #expect(number.state == .active)
    #expect(number.id == waiting[0].id)
  }

  @Test func aRepeatJoinsTheWork() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let result = try await stalled(harness) { provider in
      let second = try await beside {
        try await harness.importNumber(1, provider, requestID: "r1")
      } _: {
        recover(harness)
        return .wait
      }
      #expect(try second.get().state == .active)
      return .wait
    }
    #expect(try result.get() == (try await all(harness)[0]))
    #expect(harness.carrier.writes.count == 2)
  }

  @Test func stopsAtASafePointAndIsResumed() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let result = try await stalled(harness) { _ in
      await harness.context.drain()
      return .wait
    }
    #expect(throws: RegistryError.shuttingDown) { try result.get() }
    let open = try await harness.store.openJournals(after: nil, limit: 9)
    #expect(open.map(\.phase) == [.looking])
    harness.carrier.setOutage(nil)
    let next = harness.restarted()
    try await next.context.resume()
    let numbers = try await all(next)
    #expect(numbers.map(\.state) == [.active])
    let refused = await failure {
      try await harness.numbers.delete(numbers[0].id.description, by: .of(Harness.tenant))
    }
    #expect(refused == .shuttingDown)
  }

  @Test func oneTenantDoesNotTakeAllPlaces() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let provider = try await harness.link(.ie1)
    let countMax = RegistryLimits.provisioningTenantCountMax
    for number in 1...(countMax + 1) { try harness.buy(number) }
    try await withThrowingTaskGroup(of: PhoneNumber.self) { group in
      for number in 1...countMax {
        harness.carrier.setOutage(outage, after: 1)
        group.addTask { try await harness.importNumber(number, provider) }
        try await until { harness.time.sleeperCount == number }
      }
      harness.carrier.setOutage(nil)
      let refused = await failure { try await harness.importNumber(countMax + 1, provider) }
      #expect(refused == .tooManyOperations)
      recover(harness)
      for try await number in group { #expect(number.state == .active) }
    }
    // The places are free again.
    #expect(try await harness.importNumber(countMax + 1, provider).state == .active)
  }

  @Test func beginsNothingBeyondItsBound() async throws {
    let harness = Harness(time: ManualTime(.hold), background: BackgroundTasks(countMax: 1))
    let result = try await stalled(harness) { provider in
      harness.carrier.setOutage(nil)
      harness.carrier.addNumber(Sample.sid(2), try Sample.e164(2), account: Harness.account)
      let error = await failure { try await harness.importNumber(2, provider) }
      #expect(error == .tooManyOperations)
      let claims = try await harness.store.tenant(Harness.tenant).claims(
        of: [Sample.sid(2)], account: Harness.account)
      #expect(claims.isEmpty)
      recover(harness)
      return .wait
    }
    #expect(try result.get().state == .active)
  }

  @Test func usesCredentialsThatCameMeanwhile() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let result = try await stalled(harness) { provider in
      harness.carrier.setOutage(nil)
      harness.carrier.addKey(
        Sample.key(9), secret: "new", account: Harness.account, region: .ie1)
      _ = try await harness.providers.update(
        UpdateProvider(
          provider: ProviderInput(
            id: provider.id.description,
            twilio: TwilioInput(
              apiKeySID: Sample.key(9).description, apiKeySecret: Secret("new")))),
        by: .of(Harness.tenant))
      harness.carrier.removeKey(Sample.key(2), account: Harness.account, region: .ie1)
      recover(harness)
      return .wait
    }
    #expect(try result.get().state == .active)
  }

  @Test func keepsWhatWasChangedMeanwhile() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let result = try await stalled(harness) { _ in
      _ = try await harness.addAgent("a")
      let id = try await all(harness)[0].id.description
      _ = try await harness.numbers.assign(id, to: .agent("a"), by: .of(Harness.tenant))
      recover(harness)
      return .wait
    }
    let number = try result.get()
    #expect(number.agentID?.description == "a")
    #expect(number.state == .active)
  }

  @Test func wakesReadersOfTheFeed() async throws {
    let harness = Harness(time: ManualTime(.hold))
    let feed = harness.context.feed
    func waiting(
      after sequence: UInt64, _ body: () async throws -> Then
    ) async throws -> Result<Void, any Error> {
      try await beside {
        try await feed.waitForChange(after: sequence)
      } _: {
        try await until { feed.waiterCount == 1 && harness.time.sleeperCount == 1 }
        return try await body()
      }
    }
    try await waiting(after: 0) {
      _ = try await harness.link()
      return .wait
    }.get()
    #expect(try await feed.page(after: 0).changes.count == 1)
    // It does not wait for what is there.
    try await feed.waitForChange(after: 0)
    try await waiting(after: 1) {
      harness.time.advance(by: RegistryLimits.routePollInterval)
      return .wait
    }.get()
    let cancelled = try await waiting(after: 1) { .cancel }
    #expect(throws: CancellationError.self) { try cancelled.get() }
  }

  @Test func housekeepingForgetsAndResumes() async throws {
    let harness = Harness()
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider, requestID: "r1")
    harness.time.advance(by: .seconds(48 * 3600))
    try await harness.context.housekeep()
    #expect(try await harness.store.tenant(Harness.tenant).request("r1") != nil)
    harness.time.advance(by: .seconds(25 * 3600))
    try await harness.context.housekeep()
    #expect(try await harness.store.tenant(Harness.tenant).request("r1") == nil)
    #expect(
      await failure { try await harness.importNumber(1, provider, requestID: "r1") }
        == .numberExists(number.id))
  }
}
