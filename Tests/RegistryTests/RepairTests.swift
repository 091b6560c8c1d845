import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// Writing again what somebody changed, putting back what was left, and giving it up.
struct RepairTests {
  private let caller = Caller.of(Harness.tenant)

  private func imported(_ harness: Harness) async throws -> PhoneNumber {
    let provider = try await harness.link(.ie1)
    try harness.buy(1, processingRegion: .au1)
    return try await harness.importNumber(1, provider)
  }

  /// A deletion that left everything at the carrier.
  private func corrupted(_ harness: Harness) async throws -> PhoneNumber {
    let number = try await imported(harness)
    harness.carrier.setOutage(CarrierError(.notPermitted, effect: .refused, code: 20006))
    let left = try await harness.numbers.delete(number.id.description, by: caller)
    harness.carrier.setOutage(nil)
    #expect(left.state == .corrupted && left.leftovers.count == 2)
    return left
  }

  private func repair(
    _ harness: Harness, _ id: PhoneNumberID, requestID: String = ""
  ) async throws -> Registry.Operation {
    let begun = try await harness.numbers.repair(
      RepairPhoneNumber(id: id.description, requestID: requestID), by: caller)
    await harness.context.background.idle()
    return try await Operations(harness.context).get(begun.id.description, by: caller)
  }

  @Test func whatSomebodyChangedIsWrittenAgain() async throws {
    let harness = Harness()
    let number = try await imported(harness)
    harness.carrier.overwrite(
      Sample.sid(1), region: .ie1, with: VoiceSettings(voiceURL: "https://theirs.test"))
    harness.carrier.overwriteProcessingRegion(.us1, of: try Sample.e164(1))
    let done = try await repair(harness, number.id)
    #expect(done.kind == .repairNumber && done.state == .succeeded)
    #expect(harness.carrier.voice(Sample.sid(1), region: .ie1) == number.configured)
    #expect(harness.carrier.processingRegion(of: try Sample.e164(1)) == .ie1)
    let now = try await harness.numbers.get(number.id.description, by: caller)
    #expect(now.state == .active && now.former == number.former)
    // What stood there before the import still goes back.
    _ = try await harness.numbers.delete(number.id.description, by: caller)
    #expect(
      harness.carrier.voice(Sample.sid(1), region: .ie1)?.voiceURL == "https://former.test/ie1")
    #expect(harness.carrier.processingRegion(of: try Sample.e164(1)) == .au1)
  }

  /// A repair that the carrier refuses leaves the number as it was, and says why.
  @Test func aFailedRepairChangesNothing() async throws {
    for request in 0..<4 {
      let harness = Harness()
      let number = try await imported(harness)
      harness.carrier.setOutage(
        CarrierError(.notPermitted, effect: .refused, code: 20006), after: request)
      let failed = try await repair(harness, number.id)
      #expect(failed.state == .failed && failed.failure?.carrierCode == 20006)
      #expect(failed.leftovers.isEmpty)
      let now = try await harness.numbers.get(number.id.description, by: caller)
      #expect(now.state == .active && now.configured == number.configured)
      #expect(harness.carrier.voice(Sample.sid(1), region: .ie1) == number.configured)
    }
  }

  /// A repair with another public URL that fails half way: what stands at the carrier is known, and
  /// goes back.
  @Test func whatAFailedRepairWroteIsPutBack() async throws {
    for request in 1...4 {
      let what = Comment("request \(request)")
      let harness = Harness()
      let number = try await imported(harness)
      let process = Harness(
        store: harness.store, carrier: harness.carrier,
        port: FaultyCarrier(
          harness.carrier, FaultInjector(failing: request),
          error: CarrierError(.notPermitted, effect: .refused, code: 20006)),
        storePort: harness.store, time: harness.time, ids: harness.ids, host: "new.test")
      let failed = try await repair(process, number.id)
      #expect(failed.state == .failed, what)
      let now = try await harness.numbers.get(number.id.description, by: caller)
      #expect(
        harness.carrier.voice(Sample.sid(1), region: .ie1) == now.configured, what)
      _ = try await harness.numbers.delete(number.id.description, by: caller)
      #expect(
        harness.carrier.voice(Sample.sid(1), region: .ie1)?.voiceURL == "https://former.test/ie1",
        what)
    }
  }

  @Test func aCorruptedNumberGoesWhenAllIsPutBack() async throws {
    let harness = Harness()
    let number = try await corrupted(harness)
    let done = try await repair(harness, number.id)
    #expect(done.state == .succeeded && done.steps.map(\.state) == [.done, .done])
    #expect(
      harness.carrier.voice(Sample.sid(1), region: .ie1)?.voiceURL == "https://former.test/ie1")
    #expect(harness.carrier.processingRegion(of: try Sample.e164(1)) == .au1)
    let gone = await failure { try await harness.numbers.get(number.id.description, by: caller) }
    #expect(gone == .notFound(.number(number.id)))
  }

  @Test func aCorruptedNumberThatCannotBePutBackStays() async throws {
    let harness = Harness()
    let number = try await corrupted(harness)
    harness.carrier.setOutage(CarrierError(.notPermitted, effect: .refused, code: 20006), after: 2)
    let failed = try await repair(harness, number.id)
    #expect(failed.state == .failed && failed.leftovers.map(\.kind) == [.webhook])
    let now = try await harness.numbers.get(number.id.description, by: caller)
    #expect(now.state == .corrupted && now.leftovers == failed.leftovers)
  }

  @Test func theSameRequestIsOneRepair() async throws {
    let harness = Harness()
    let number = try await imported(harness)
    let first = try await repair(harness, number.id, requestID: "r1")
    let again = try await repair(harness, number.id, requestID: "r1")
    #expect(first == again)
    let other = await failure {
      try await harness.numbers.repair(
        RepairPhoneNumber(id: number.id.description, etag: "x", requestID: "r1"), by: caller)
    }
    #expect(fields(other) == ["request_id": .requestIDReused])
  }

  @Test func aNumberWithoutInboundHasNothingToRepair() async throws {
    let harness = Harness()
    let provider = try await harness.link(.ie1)
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider, inbound: false)
    let refused = await failure { try await repair(harness, number.id) }
    #expect(refused == .nothingToRepair(number.id))
  }

  // MARK: Giving up

  @Test func onlyACorruptedNumberIsGivenUp() async throws {
    let harness = Harness()
    let number = try await imported(harness)
    let refused = await failure {
      try await harness.numbers.forceDelete(number.id.description, by: caller)
    }
    #expect(refused == .numberNotCorrupted(number.id, .active))
  }

  @Test func whatIsGivenUpIsRecorded() async throws {
    let harness = Harness()
    let number = try await corrupted(harness)
    let requests = harness.carrier.requestCount
    let stale = await failure {
      try await harness.numbers.forceDelete(number.id.description, etag: "x", by: caller)
    }
    #expect(stale == .etagMismatch(.number(number.id)))
    let last = try await harness.numbers.forceDelete(number.id.description, by: caller)
    #expect(last.leftovers == number.leftovers)
    #expect(harness.carrier.requestCount == requests)
    let gone = await failure { try await harness.numbers.get(number.id.description, by: caller) }
    #expect(gone == .notFound(.number(number.id)))
    let log = try await harness.store.tenant(Harness.tenant).auditEvents(
      AuditFilter(), after: nil, limit: 1)
    #expect(log.map(\.action) == [.forceDelete])
    let told = log[0].changes.filter { $0.field.hasPrefix("leftovers") }.map(\.old)
    #expect(told == ["processingRegion in ie1", "webhook in ie1"])
    // The carrier's number is free again.
    let provider = try await harness.providers.list(ListProviders(), by: caller).elements[0]
    let again = try await harness.importNumber(1, provider)
    #expect(again.state == .active && again.id != number.id)
  }
}
