import Access
import Telephony
import TestKit
import Testing

@testable import Registry

// What a move could not put back.
extension MoveTests {
  /// A move whose last write is refused: the number has moved, and the old one keeps our webhook.
  func left() async throws -> (Harness, PhoneNumber, home: ProviderID) {
    let (harness, before, target) = try await scene()
    let process = Harness(
      store: harness.store, carrier: harness.carrier,
      port: FaultyCarrier(
        harness.carrier, FaultInjector(failing: 9),
        error: CarrierError(.notPermitted, effect: .refused, code: 20006)),
      storePort: harness.store, time: harness.time, ids: harness.ids)
    _ = try await begin(process, before, target)
    try await end(process)
    let number = try await number(harness, before.id)
    #expect(number.state == .degraded && number.leftovers.map(\.region) == [.us1])
    return (harness, number, before.providerID)
  }

  /// What goes on has ended.
  func end(_ harness: Harness) async throws {
    await harness.context.background.idle()
    harness.time.advance(by: overlap)
    try await harness.context.takeUp()
    await harness.context.background.idle()
  }

  /// Everything at the carrier is as it was before the import.
  func checkVacant(_ harness: Harness) throws {
    #expect(harness.carrier.voice(Sample.sid(1), region: .us1) == Harness.former)
    #expect(
      harness.carrier.voice(Sample.sid(1), region: .ie1)
        == VoiceSettings(voiceURL: "https://former.test/ie1"))
    #expect((harness.carrier.processingRegion(of: try Sample.e164(1)) ?? .us1) == .us1)
  }

  @Test func aDeletionPutsBackWhatAMoveLeft() async throws {
    let (harness, number, _) = try await left()
    let gone = try await harness.numbers.delete(number.id.description, by: caller)
    #expect(gone.state == .deleting)
    try checkVacant(harness)
  }

  @Test func aMoveBackDoesNotTakeWhatWasLeftForAnothers() async throws {
    let (harness, number, home) = try await left()
    _ = try await harness.numbers.move(
      MovePhoneNumber(id: number.id.description, providerID: home.description), by: caller)
    try await end(harness)
    let back = try await self.number(harness, number.id)
    #expect(back.former?.voice == Harness.former)
    try check(harness, back)
    _ = try await harness.numbers.delete(number.id.description, by: caller)
    try checkVacant(harness)
  }

  /// A move that could not be undone is tried again and goes through.
  @Test func aMoveGoesWhereOneHasFailed() async throws {
    let refusal = CarrierError(.notPermitted, effect: .refused, code: 20006)
    for request in 3...7 {
      let what = Comment("from request \(request) on")
      let (harness, before, target) = try await scene()
      harness.carrier.setOutage(refusal, after: request - 1)
      _ = try await begin(harness, before, target)
      await harness.context.background.idle()
      harness.carrier.setOutage(nil)
      let failed = try await number(harness, before.id)
      #expect(failed.providerID == before.providerID, what)
      _ = try await begin(harness, failed, target)
      try await end(harness)
      let after = try await number(harness, before.id)
      #expect(after.providerID == target.id, what)
      try check(harness, after, what)
      _ = try await harness.numbers.delete(before.id.description, by: caller)
      try checkVacant(harness)
    }
  }

  /// A deletion after a move that could not be undone puts all back, the first route too.
  @Test func aDeletionPutsBackWhatAFailedMoveLeft() async throws {
    let refusal = CarrierError(.notPermitted, effect: .refused, code: 20006)
    for request in 3...7 {
      let (harness, before, target) = try await scene()
      harness.carrier.setOutage(refusal, after: request - 1)
      _ = try await begin(harness, before, target)
      await harness.context.background.idle()
      harness.carrier.setOutage(nil)
      let gone = try await harness.numbers.delete(before.id.description, by: caller)
      #expect(gone.state == .deleting)
      try checkVacant(harness)
    }
  }

  /// What is left under a provider that was deleted since can't be put back, and holds nothing up.
  @Test func whatADeletedProviderLeftIsGivenUpWithTheNumber() async throws {
    let (harness, before, home) = try await left()
    try await harness.providers.delete(home.description, by: caller)
    let id = before.id.description
    _ = try await harness.numbers.repair(RepairPhoneNumber(id: id), by: caller)
    await harness.context.background.idle()
    let repaired = try await number(harness, before.id)
    #expect(repaired.state == .degraded && repaired.leftovers.count == 1)
    let left = try await harness.numbers.delete(id, by: caller)
    #expect(left.state == .corrupted && left.leftovers.map(\.region) == [.us1])
    _ = try await harness.numbers.forceDelete(id, by: caller)
    let open = try await harness.store.openJournals(after: nil, limit: 9)
    #expect(open.isEmpty)
  }
}
