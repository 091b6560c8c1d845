import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// A number that was bought here is given up, once it is said so; others never.
struct ReleaseTests {
  private let caller = ProvisionTests.caller

  /// A number that was bought, and is set up.
  private static func scene() async throws -> (Harness, PhoneNumber) {
    let (harness, provider) = try await ProvisionTests.scene()
    _ = try await ProvisionTests.buy(harness, ProvisionTests.request(provider))
    return (harness, try #require(try await ProvisionTests.numbers(harness).first))
  }

  private func release(
    _ harness: Harness, _ number: PhoneNumber, etag: String = "", isConfirmed: Bool = true,
    requestID: String = ""
  ) async throws -> Registry.Operation {
    let begun = try await harness.numbers.release(
      ReleasePhoneNumber(
        id: number.id.description, etag: etag, isConfirmed: isConfirmed, requestID: requestID),
      by: caller)
    await harness.context.background.idle()
    return try await Operations(harness.context).get(begun.id.description, by: caller)
  }

  @Test func itIsPutBackAndThenGivenUp() async throws {
    let (harness, number) = try await Self.scene()
    let operation = try await release(harness, number, requestID: "r9")
    #expect(operation.state == .succeeded && operation.kind == .releaseNumber)
    #expect(operation.steps.map(\.kind) == [.processingRegion, .webhook, .release])
    #expect(operation.steps.allSatisfy { $0.state == .done })
    #expect(harness.market.released == [number.carrierSID])
    #expect(try await ProvisionTests.numbers(harness).isEmpty)
    let last = harness.carrier.writes.last
    #expect(last == .configured(number.carrierSID, .us1, voiceURL: ""))
    let again = try await harness.numbers.release(
      ReleasePhoneNumber(id: number.id.description, isConfirmed: true, requestID: "r9"),
      by: caller)
    #expect(again.id == operation.id && harness.market.released.count == 1)
  }

  @Test func nothingIsGivenUpByAccident() async throws {
    let (harness, number) = try await Self.scene()
    let unsaid = await failure { try await release(harness, number, isConfirmed: false) }
    #expect(fields(unsaid) == ["confirm_release": .required])
    let stale = await failure {
      try await release(harness, number, etag: "v0", isConfirmed: false)
    }
    #expect(stale == .etagMismatch(.number(number.id)))
    let agent = try await harness.addAgent("desk")
    _ = try await harness.numbers.assign(number.id.description, to: .agent("desk"), by: caller)
    #expect(
      await failure { try await release(harness, number) }
        == .numberAssigned(number.id, agent.id))
    try harness.buy(1)
    let provider = try await harness.providers.get(number.providerID.description, by: caller)
    let imported = try await harness.importNumber(1, provider)
    #expect(
      await failure { try await release(harness, imported) } == .numberNotProvisioned(imported.id))
    #expect(harness.market.released.isEmpty)

    let free = try await harness.numbers.unassign(number.id.description, by: caller)
    let operation = try await release(harness, free, etag: free.etag, isConfirmed: false)
    #expect(operation.state == .succeeded)
  }

  @Test func oneThatTheCarrierKeepsStaysDegraded() async throws {
    let (harness, number) = try await Self.scene()
    harness.market.refuse(
      releases: CarrierError(.notPermitted, effect: .refused, code: 20003))
    let operation = try await release(harness, number)
    #expect(operation.state == .failed && operation.steps.last?.state == .undone)
    let kept = try #require(try await ProvisionTests.numbers(harness).first)
    #expect(kept.state == .degraded && kept.leftovers.isEmpty && kept.purchase != nil)
    harness.market.refuse()
    // Repaired it works again; released again it is gone.
    _ = try await harness.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: caller)
    await harness.context.background.idle()
    let repaired = try #require(try await ProvisionTests.numbers(harness).first)
    #expect(repaired.state == .active)
    #expect(
      harness.carrier.voice(number.carrierSID, region: .us1)?.voiceURL
        == repaired.configured?.voiceURL)
    #expect(try await release(harness, repaired).state == .succeeded)
  }

  /// A release whose answer was lost, and whose repetition is refused.
  @Test func oneThatWasGivenUpIsGoneThoughItsRepetitionIsRefused() async throws {
    let (harness, number) = try await Self.scene()
    harness.market.loseRelease(
      repetitions: CarrierError(.notPermitted, effect: .refused, code: 20006))
    #expect(try await release(harness, number).state == .succeeded)
    #expect(try await ProvisionTests.numbers(harness).isEmpty)
  }

  /// What the carrier does not have any more is given up.
  @Test func oneThatIsGoneIsGone() async throws {
    let (harness, number) = try await Self.scene()
    harness.carrier.removeNumber(number.carrierSID)
    #expect(try await release(harness, number).state == .succeeded)
    #expect(try await ProvisionTests.numbers(harness).isEmpty)
  }
}
