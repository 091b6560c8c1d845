import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// The end of what PromoteCredential replaced, whatever fails.
@Suite struct CredentialWindowsTests {
  /// What fails for one window is not in the way of another.
  @Test func eachWindowIsClosedByItself() async throws {
    var failureCount = 0
    for target in 1...20 {
      let harness = Harness()
      for region in [Region.us1, .ie1] {
        let made = try await harness.link(region)
        harness.carrier.addKey(
          Sample.key(9), secret: "new", account: Harness.account, region: region)
        let id = made.id.description
        _ = try await harness.providers.stage(
          StageCredential(
            providerID: id,
            twilio: TwilioInput(
              apiKeySID: Sample.key(9).description, apiKeySecret: Secret("new"))),
          by: .of(Harness.tenant))
        _ = try await harness.providers.promote(
          SwitchCredential(providerID: id), by: .of(Harness.tenant))
      }
      harness.time.advance(by: RegistryLimits.credentialWindowDefault)
      func left() async throws -> Int {
        try await harness.store.providers(notSealedUnder: "", after: nil, limit: 9)
          .count { $0.previous != nil }
      }
      let restarted = harness.restarted(FaultInjector(failing: target))
      guard (try? await restarted.context.findCredentialWindows()) != nil else { continue }
      guard (try? await restarted.context.closeCredentialWindows()) == nil else { break }
      failureCount += 1
      #expect(try await left() == 1)
      try await restarted.context.closeCredentialWindows()
      #expect(try await left() == 0)
    }
    #expect(failureCount == 4)
  }

  /// Housekeeping goes on with what was stopped, whatever else fails, and tells of it.
  @Test func noStepOfHousekeepingIsInTheWayOfTheLast() async throws {
    let harness = Harness()
    _ = try await harness.link()
    let clean = FaultInjector()
    try await harness.restarted(clean).context.housekeep()
    #expect(clean.count > 4)
    for target in 3...clean.count {
      let injector = FaultInjector(failing: target)
      let context = harness.restarted(injector).context
      await #expect(throws: RegistryError.self) { try await context.housekeep() }
      // Of the look for windows what comes after the fault is left out.
      #expect(injector.count >= clean.count - 1)
    }
  }
}
