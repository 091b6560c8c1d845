import Telephony
import TestKit
import Testing

@testable import Registry

/// Failure n of N: the steps of a clean run are counted, then each is made to fail in turn.
///
/// Whatever fails, after the next start nothing is at the carrier that the registry does not know,
/// no work is open, and what was acknowledged holds.
struct ProvisioningFaultTests {
  private static let ours = ".hooks.example.test/"

  /// An account in ie1 with one number whose calls went to au1, and its provider.
  private static func scene() async throws -> (Harness, Provider) {
    let harness = Harness()
    let provider = try await harness.link(.ie1)
    try harness.buy(1, processingRegion: .au1)
    return (harness, provider)
  }

  private static func isOurs(_ harness: Harness) -> Bool {
    harness.carrier.voice(Sample.sid(1), region: .ie1)?.voiceURL.contains(ours) ?? false
  }

  /// What must hold whenever no work goes on.
  private static func check(
    _ harness: Harness, _ what: Comment
  ) async throws -> PhoneNumber? {
    let open = try await harness.store.openJournals(after: nil, limit: 9)
    #expect(open.isEmpty, what)
    let all = try await harness.numbers.list(ListPhoneNumbers(), by: .of(Harness.tenant))
    let region = harness.carrier.processingRegion(of: try Sample.e164(1))
    guard let number = all.elements.first else {
      #expect(!isOurs(harness), what)
      #expect(
        harness.carrier.voice(Sample.sid(1), region: .ie1)?.voiceURL
          == "https://former.test/ie1", what)
      #expect(region == .au1, what)
      let claims = try await harness.store.tenant(Harness.tenant).claims(
        of: [Sample.sid(1)], account: Harness.account)
      #expect(claims.isEmpty, what)
      return nil
    }
    #expect(all.elements.count == 1, what)
    #expect(number.state == .active, what)
    #expect(
      harness.carrier.voice(Sample.sid(1), region: .ie1)?.voiceURL
        == number.configured?.voiceURL, what)
    #expect(region == .ie1, what)
    #expect(number.former?.voice.voiceURL == "https://former.test/ie1", what)
    #expect(number.former?.processingRegion == .au1, what)
    return number
  }

  @Test(arguments: ["r1", ""])
  func importSurvivesEveryFailure(requestID: String) async throws {
    let (clean, cleanProvider) = try await Self.scene()
    let counter = FaultInjector()
    _ = try await clean.restarted(counter).importNumber(1, cleanProvider, requestID: requestID)
    #expect(counter.count >= 20)
    // What the use case reads before the runner takes over; from then on a failure is tried again.
    let reads = requestID.isEmpty ? 3 : 4

    for fault in FaultInjector.Fault.allCases {
      for step in 1...counter.count {
        let what = Comment("\(fault) at \(step) of \(counter.count)")
        let (harness, provider) = try await Self.scene()
        let injector = FaultInjector(failing: step, fault)
        let process = harness.restarted(injector)
        let answer = try? await process.importNumber(1, provider, requestID: requestID)
        await process.context.background.idle()
        if !injector.crashed && step > reads { #expect(answer != nil, what) }

        let next = harness.restarted()
        try await next.context.resume()
        let number = try await Self.check(next, what)
        if let answer { #expect(number?.id == answer.id, what) }
        // The same request leads to one number, whatever came of the first.
        let repeated = await failure {
          let repeated = try await next.importNumber(1, provider, requestID: requestID)
          if let number { #expect(repeated == number, what) }
        }
        if let number, requestID.isEmpty {
          #expect(repeated == .numberExists(number.id), what)
        } else {
          #expect(repeated == nil, what)
        }
        _ = try await Self.check(next, what)
      }
    }
  }

  /// Store and carrier are away from some step on, and come back: the same process goes on at its
  /// next look, with nobody asking.
  @Test func anImportGoesOnAfterEveryOutage() async throws {
    let (clean, cleanProvider) = try await Self.scene()
    let counter = FaultInjector()
    _ = try await clean.restarted(counter).importNumber(1, cleanProvider)
    var stoppedCount = 0
    for step in 1...counter.count {
      let what = Comment("away at \(step) of \(counter.count)")
      let (harness, provider) = try await Self.scene()
      let injector = FaultInjector(failing: step, .crashBefore)
      let process = harness.restarted(injector)
      let answer = try? await process.importNumber(1, provider)
      await process.context.background.idle()
      #expect(answer == nil, what)
      if try await !harness.store.openJournals(after: nil, limit: 9).isEmpty { stoppedCount += 1 }
      injector.heal()
      try await process.context.takeUp()
      await process.context.background.idle()
      _ = try await Self.check(process, what)
    }
    #expect(stoppedCount > 5)
  }

  @Test func deletionSurvivesEveryFailure() async throws {
    let (clean, cleanProvider) = try await Self.scene()
    let cleanNumber = try await clean.importNumber(1, cleanProvider)
    let counter = FaultInjector()
    _ = try await clean.restarted(counter).numbers.delete(
      cleanNumber.id.description, by: .of(Harness.tenant))
    #expect(counter.count >= 14)

    for fault in FaultInjector.Fault.allCases {
      for step in 1...counter.count {
        let what = Comment("\(fault) at \(step) of \(counter.count)")
        let (harness, provider) = try await Self.scene()
        let number = try await harness.importNumber(1, provider)
        let injector = FaultInjector(failing: step, fault)
        let process = harness.restarted(injector)
        let answer = try? await process.numbers.delete(
          number.id.description, by: .of(Harness.tenant))
        await process.context.background.idle()
        if !injector.crashed && step > 1 { #expect(answer != nil, what) }

        let next = harness.restarted()
        try await next.context.resume()
        let rest = try await Self.check(next, what)
        if answer != nil { #expect(rest == nil, what) }
        if rest != nil {
          _ = try await next.numbers.delete(number.id.description, by: .of(Harness.tenant))
          #expect(try await Self.check(next, what) == nil, what)
        }
      }
    }
  }

  /// A refusal for good at each request: the import is undone, or says what it leaves; when the
  /// carrier is itself again, deleting what is left clears it.
  @Test(arguments: [true, false])
  func importIsUndoneOrTellsItsLeftovers(carrierStaysBroken: Bool) async throws {
    let refusal = CarrierError(.notPermitted, effect: .refused, code: 20006)
    let (clean, cleanProvider) = try await Self.scene()
    let before = clean.carrier.requestCount
    _ = try await clean.importNumber(1, cleanProvider)
    let count = clean.carrier.requestCount - before

    for request in 1...count {
      let what = Comment("request \(request) of \(count)")
      let (harness, provider) = try await Self.scene()
      let process: Harness
      if carrierStaysBroken {
        process = harness
        harness.carrier.setOutage(refusal, after: request - 1)
      } else {
        let injector = FaultInjector(failing: request)
        process = Harness(
          store: harness.store, carrier: harness.carrier,
          port: FaultyCarrier(harness.carrier, injector, error: refusal),
          storePort: harness.store, time: harness.time, ids: harness.ids)
      }
      let error = await failure {
        try await process.importNumber(1, provider, requestID: "r1")
      }
      harness.carrier.setOutage(nil)
      switch error {
      case .carrier:
        #expect(request == 1, what)
      case .provisioningFailed(let id, let failure, let leftovers):
        #expect(failure.cause == .notPermitted, what)
        #expect(failure.carrierCode == 20006, what)
        let number = try? await harness.numbers.get(id.description, by: .of(Harness.tenant))
        #expect((number == nil) == leftovers.isEmpty, what)
        #expect(number?.leftovers ?? [] == leftovers, what)
        if let number {
          #expect(carrierStaysBroken, what)
          #expect(number.state == .corrupted, what)
          #expect(number.conditions.map(\.reason) == ["CARRIER_NOT_PERMITTED"], what)
          let gone = try await harness.numbers.delete(
            id.description, by: .of(Harness.tenant))
          #expect(gone.state == .deleting, what)
        }
      default:
        Issue.record("\(String(describing: error)): \(what)")
      }
      #expect(try await Self.check(harness, what) == nil, what)
      if case .provisioningFailed(_, _, let leftovers) = error, leftovers.isEmpty {
        // What was undone is forgotten: the same request is a new try.
        let number = try await harness.importNumber(1, provider, requestID: "r1")
        #expect(number.state == .active, what)
      }
    }
  }

  @Test func deletionTellsItsLeftovers() async throws {
    let refusal = CarrierError(.credentialsRefused, effect: .refused, code: 20003)
    for request in 1...4 {
      let what = Comment("request \(request)")
      let (harness, provider) = try await Self.scene()
      let number = try await harness.importNumber(1, provider)
      harness.carrier.setOutage(refusal, after: request - 1)
      let left = try await harness.numbers.delete(
        number.id.description, by: .of(Harness.tenant))
      #expect(left.state == .corrupted, what)
      let kinds: [StepKind] = request < 3 ? [.processingRegion, .webhook] : [.webhook]
      #expect(left.leftovers.map(\.kind) == kinds, what)
      let assigning = await failure {
        try await harness.numbers.assign(
          number.id.description, to: .agent("a"), by: .of(Harness.tenant))
      }
      #expect(assigning == .numberBusy(number.id, .corrupted), what)
      harness.carrier.setOutage(nil)
      let gone = try await harness.numbers.delete(
        number.id.description, by: .of(Harness.tenant))
      #expect(gone.state == .deleting, what)
      #expect(try await Self.check(harness, what) == nil, what)
    }
  }

  /// A 404 of the route's request does not say that the number is gone.
  @Test func aMissingRouteKeepsNothingOfOursOnTheRecord() async throws {
    // The deletion reads the route (1) and sets it (2).
    for request in 1...2 {
      let what = Comment("request \(request)")
      let (harness, provider) = try await Self.scene()
      let number = try await harness.importNumber(1, provider)
      let process = Harness(
        store: harness.store, carrier: harness.carrier,
        port: FaultyCarrier(
          harness.carrier, FaultInjector(failing: request),
          error: CarrierError(.notFound, effect: .refused, code: 20404)),
        storePort: harness.store, time: harness.time, ids: harness.ids)
      let left = try await process.numbers.delete(
        number.id.description, by: .of(Harness.tenant))
      #expect(left.state == .corrupted, what)
      #expect(left.leftovers.map(\.kind) == [.processingRegion], what)
      #expect(
        harness.carrier.voice(Sample.sid(1), region: .ie1)
          == VoiceSettings(voiceURL: "https://former.test/ie1"), what)
      let gone = try await harness.numbers.delete(
        number.id.description, by: .of(Harness.tenant))
      #expect(gone.state == .deleting, what)
      #expect(try await Self.check(harness, what) == nil, what)
    }
  }

  @Test func deletionPutsBackWhatTheOwnerLeftOfOurs() async throws {
    let (harness, provider) = try await Self.scene()
    let number = try await harness.importNumber(1, provider)
    var theirs = try #require(number.configured)
    theirs.voiceURL = "https://theirs.test/voice"
    harness.carrier.overwrite(Sample.sid(1), region: .ie1, with: theirs)
    let gone = try await harness.numbers.delete(
      number.id.description, by: .of(Harness.tenant))
    #expect(gone.state == .deleting)
    #expect(
      harness.carrier.voice(Sample.sid(1), region: .ie1)
        == VoiceSettings(voiceURL: "https://theirs.test/voice"))
    #expect(harness.carrier.processingRegion(of: try Sample.e164(1)) == .au1)
  }

  @Test func aLongOutageEndsInLeftovers() async throws {
    let (harness, provider) = try await Self.scene()
    let number = try await harness.importNumber(1, provider)
    harness.carrier.setOutage(CarrierError(.unavailable, effect: .unknown))
    let before = harness.carrier.requestCount
    let left = try await harness.numbers.delete(number.id.description, by: .of(Harness.tenant))
    #expect(left.state == .corrupted)
    #expect(harness.carrier.requestCount - before == RegistryLimits.stepAttemptsMax)
    #expect(harness.time.slept > .seconds(300))
    #expect(harness.time.slept < .seconds(600))
  }

  @Test func waitsAsLongAsTheCarrierAsks() async throws {
    let (harness, provider) = try await Self.scene()
    let injector = FaultInjector(failing: 4)
    let process = Harness(
      store: harness.store, carrier: harness.carrier,
      port: FaultyCarrier(
        harness.carrier, injector, error: CarrierError(.limited, effect: .refused, code: 20429)),
      storePort: harness.store, time: harness.time, ids: harness.ids)
    _ = try await process.importNumber(1, provider)
    #expect(harness.time.slept == RegistryLimits.stepDelayFirst)
    #expect(BackOff.steps.delay(afterFailures: 1, asked: .seconds(7)) == .seconds(7))
    #expect(
      BackOff.steps.delay(afterFailures: 1, asked: .seconds(3600)) == RegistryLimits.stepDelayMax)
    #expect(BackOff.steps.delay(afterFailures: 3) == .seconds(1))
    #expect(BackOff.steps.delay(afterFailures: 99) == RegistryLimits.stepDelayMax)
  }
}
