import Synchronization
import Telephony
import TestKit
import Testing

@testable import CallDispatch

/// A carrier that takes one key, refuses others, and keeps account of who asked.
private final class OneKeyCalls: CarrierCalls {
  /// nil: it takes any.
  let good: APIKeySID?
  let refusal: CarrierRefusal
  let outcome: DialOutcome
  let asked = Mutex<[APIKeySID]>([])

  init(
    good: APIKeySID?, refusal: CarrierRefusal = CarrierRefusal(.credentials, code: 20003),
    outcome: DialOutcome = .accepted(CarrierCallSID(bits: 1))
  ) {
    self.good = good
    self.refusal = refusal
    self.outcome = outcome
  }

  private func takes(_ lease: CredentialLease) -> Bool {
    guard case .apiKey(let sid, _) = lease.authentication else { return false }
    asked.withLock { $0.append(sid) }
    return good == nil || sid == good
  }

  func place(_ order: DialOrder, with lease: CredentialLease) async -> DialOutcome {
    takes(lease) ? outcome : .refused(refusal)
  }

  func fetch(
    _ id: CarrierCallSID, with lease: CredentialLease
  ) async throws(CarrierCallError) -> CarrierCall? {
    guard takes(lease) else { throw .refused(refusal) }
    return nil
  }

  func list(
    from: E164, to: E164, limit: Int, with lease: CredentialLease
  ) async throws(CarrierCallError) -> [CarrierCall] {
    guard takes(lease) else { throw .refused(refusal) }
    return []
  }

  func end(
    _ id: CarrierCallSID, as ending: CarrierEnding, with lease: CredentialLease
  ) async throws(CarrierCallError) -> EndOutcome {
    guard takes(lease) else { throw .refused(refusal) }
    return .ended
  }
}

/// Can't take a sum of one provider, and keeps account of which it was asked to take.
private final class PickyRegistry: Sendable {
  let bad: ProviderID
  let asked = Mutex<Set<ProviderID>>([])

  init(bad: ProviderID) { self.bad = bad }

  func tell(_ sum: StagedUses.Sum) -> StagedUses.Telling {
    _ = asked.withLock { $0.insert(sum.provider) }
    return sum.provider == bad ? .failed : .done
  }
}

/// Is away when it is told for the first time.
private final class Registry: Sendable {
  let told = Mutex<[StagedUses.Sum]>([])
  private let isAway = Mutex(true)

  func tell(_ sum: StagedUses.Sum) -> StagedUses.Telling {
    let wasAway = isAway.withLock { isAway in
      defer { isAway = false }
      return isAway
    }
    if !wasAway { told.withLock { $0.append(sum) } }
    return wasAway ? .isAway : .done
  }
}

struct ProvingCallsTests {
  private let time = ManualTime(.hold)
  private let uses = StagedUses()
  private let current = APIKeySID(bits: 1)
  private let fresh = APIKeySID(bits: 2)

  private func lease(mark: UInt64 = 7, isStaged: Bool = true) -> CredentialLease {
    CredentialLease(
      provider: CallSamples.provider, account: CallSamples.account, region: .us1,
      authentication: .apiKey(current, secret: Secret("a")), signingTokens: [],
      staged: isStaged
        ? .init(
          mark: mark, authentication: .apiKey(fresh, secret: Secret("b")), signingToken: nil)
        : nil)
  }

  private func order() throws -> DialOrder {
    DialOrder(
      from: try E164("+15005550006"), to: try E164("+14155550100"), voiceURL: "", statusURL: "",
      ringingTimeoutSeconds: 5, timeLimitSeconds: nil)
  }

  @Test func oneInEightIsMadeWithTheStagedKey() async throws {
    let carrier = OneKeyCalls(good: nil)
    let calls = ProvingCalls(carrier, uses, time)
    for _ in 0..<16 { _ = await calls.place(try order(), with: lease()) }
    let asked = carrier.asked.withLock { $0 }
    #expect(asked.count == 16)
    #expect(asked.indices.filter { asked[$0] == fresh } == [0, Limits.stagedShare])
    let sum = try #require(uses.take().first)
    #expect((sum.provider, sum.mark) == (CallSamples.provider, 7))
    #expect((sum.use.requestCount, sum.use.refusalCount) == (2, 0))
    #expect(uses.take().isEmpty)
    // Without staged credentials nothing is different.
    _ = await calls.place(try order(), with: lease(isStaged: false))
    #expect(carrier.asked.withLock { $0.last } == current)
  }

  @Test func whatIsRefusedForItsKeyIsMadeOnceMore() async throws {
    let carrier = OneKeyCalls(good: current)
    let calls = ProvingCalls(carrier, uses, time)
    #expect(await calls.place(try order(), with: lease()) == .accepted(CarrierCallSID(bits: 1)))
    #expect(carrier.asked.withLock { $0 } == [fresh, current])
    // Then it is left alone for a while, whatever is asked for.
    for _ in 0..<20 {
      _ = try await calls.fetch(CarrierCallSID(bits: 1), with: lease())
      _ = try await calls.end(CarrierCallSID(bits: 1), as: .completed, with: lease())
    }
    #expect(carrier.asked.withLock { $0.filter { $0 == fresh }.count } == 1)
    time.advance(by: Limits.stagedPause)
    for _ in 0..<Limits.stagedShare {
      _ = try await calls.list(
        from: try order().from, to: try order().to, limit: 1, with: lease())
    }
    #expect(carrier.asked.withLock { $0.filter { $0 == fresh }.count } == 2)
    let use = try #require(uses.take().first?.use)
    #expect((use.state, use.refusalCount) == (.refused, 2))
    #expect(use.creates.refusalTime != nil && use.others.refusalTime != nil)
  }

  /// Only the carrier's own code allows a second dial: a bare 401 or 403 may come from a proxy,
  /// after the call was made.
  @Test(arguments: CarrierRefusal.Kind.allCases) func noOtherRefusalIsRepeated(
    _ kind: CarrierRefusal.Kind
  ) async throws {
    for code in [nil, 21999] {
      let refusal = CarrierRefusal(kind, code: code)
      let carrier = OneKeyCalls(good: current, refusal: refusal)
      let calls = ProvingCalls(carrier, StagedUses(), time)
      #expect(await calls.place(try order(), with: lease()) == .refused(refusal))
      #expect(carrier.asked.withLock { $0 } == [fresh])
    }
  }

  @Test(arguments: [20003, 20006, 20008]) func theCarriersCodeAllowsASecondDial(
    _ code: Int
  ) async throws {
    let carrier = OneKeyCalls(good: current, refusal: CarrierRefusal(.credentials, code: code))
    let calls = ProvingCalls(carrier, uses, time)
    #expect(await calls.place(try order(), with: lease()) == .accepted(CarrierCallSID(bits: 1)))
    #expect(carrier.asked.withLock { $0 } == [fresh, current])
  }

  /// What every key is refused for is not the staged one's fault; it is left alone all the same.
  @Test func whatTheCurrentKeyIsRefusedForIsNotHeldAgainstTheOther() async throws {
    for code in [20003, 21999] {
      let carrier = OneKeyCalls(
        good: APIKeySID(bits: 3), refusal: CarrierRefusal(.credentials, code: code))
      let uses = StagedUses()
      let calls = ProvingCalls(carrier, uses, time)
      _ = await calls.place(try order(), with: lease())
      #expect(uses.take().isEmpty)
      for _ in 0..<20 { _ = try? await calls.fetch(CarrierCallSID(bits: 1), with: lease()) }
      #expect(carrier.asked.withLock { $0.filter { $0 == fresh }.count } == 1)
      time.advance(by: Limits.stagedPause)
      for _ in 0..<Limits.stagedShare {
        _ = try? await calls.fetch(CarrierCallSID(bits: 1), with: lease())
      }
      #expect(carrier.asked.withLock { $0.filter { $0 == fresh }.count } == 2)
      #expect(uses.take().isEmpty)
    }
  }

  @Test func anUnknownOutcomeStands() async throws {
    let carrier = OneKeyCalls(good: nil, outcome: .unknown)
    let calls = ProvingCalls(carrier, uses, time)
    #expect(await calls.place(try order(), with: lease()) == .unknown)
    #expect(carrier.asked.withLock { $0 } == [fresh])
    #expect(uses.take().isEmpty)
  }

  // MARK: The sums

  @Test func othersThatAreStagedBeginAnew() {
    let provider = CallSamples.provider
    uses.signed(provider, 7, at: time.now())
    uses.answered(.create, provider, 9, at: time.now())
    uses.signed(provider, 7, at: time.now())
    let sums = uses.take()
    #expect(sums.map(\.mark) == [9])
    #expect(sums.map(\.use.webhookCount) == [0])
  }

  @Test func whatCanNotBeToldIsKept() async {
    uses.signed(CallSamples.provider, 7, at: time.now())
    let registry = Registry()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [time, uses] in await uses.run(time) { registry.tell($0) } }
      while registry.told.withLock({ $0.isEmpty }) {
        if time.sleeperCount == 1 { time.advance(by: Limits.stagedTellInterval) }
        await Task.yield()
      }
      group.cancelAll()
    }
    #expect(registry.told.withLock { $0.map(\.use.webhookCount) } == [1])
    #expect(uses.take().isEmpty)
  }

  /// A sum that the registry can't take keeps no other back.
  @Test func oneThatFailsKeepsNoOtherBack() async {
    let providers = (1...3).map { ProviderID(bits: UInt128($0)) }
    for provider in providers { uses.signed(provider, 7, at: time.now()) }
    let registry = PickyRegistry(bad: ProviderID(bits: 2))
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [time, uses] in await uses.run(time) { registry.tell($0) } }
      while time.sleeperCount == 0 { await Task.yield() }
      time.advance(by: Limits.stagedTellInterval)
      while time.sleeperCount == 0 { await Task.yield() }
      group.cancelAll()
    }
    #expect(registry.asked.withLock { $0 } == Set(providers))
    #expect(uses.take().map(\.provider) == [registry.bad])
  }

  @Test func thoseThatHaveNothingToTellMakeRoom() {
    let now = time.now()
    func provider(_ index: Int) -> ProviderID { ProviderID(bits: UInt128(index)) }
    for index in 0..<Limits.stagedCountMax { uses.signed(provider(index), 1, at: now) }
    let more = provider(Limits.stagedCountMax)
    #expect(!uses.takesTurn(more, 1, at: now))
    uses.signed(more, 1, at: now)
    #expect(uses.take().count == Limits.stagedCountMax)
    // The others are told.
    #expect(uses.takesTurn(more, 1, at: now))
    uses.signed(more, 1, at: now)
    #expect(uses.take().map(\.provider) == [more])
  }

  // MARK: Webhooks

  @Test func webhooksOfEveryTokenThatCountsAreTaken() async throws {
    let harness = try await DispatchHarness(hold: true)
    try harness.publish(signs: true)
    let expireTime = harness.time.now().advanced(by: .seconds(60))
    harness.credentials.set(
      CredentialLease(
        provider: CallSamples.provider, account: CallSamples.account, region: .us1,
        authentication: .authToken(Secret("current")), signingTokens: [Secret("current")],
        staged: .init(
          mark: 3, authentication: .authToken(Secret("staged")), signingToken: Secret("staged")),
        previous: .init(signingToken: Secret("previous"), expireTime: expireTime)))
    func answers(_ token: String) async -> Bool {
      let (request, webhook) = harness.voice(
        call: 1, signature: FakeWebhookSigner.signature(by: token))
      return (try? await harness.dispatcher.answerVoice(request, webhook)) != nil
    }
    for token in ["current", "staged", "previous"] { #expect(await answers(token)) }
    #expect(!(await answers("another")))
    harness.time.advance(by: .seconds(60))
    #expect(!(await answers("previous")))
    #expect(await answers("staged"))
    #expect(harness.dispatcher.ports.uses.take().map(\.use.webhookCount) == [2])
  }
}
