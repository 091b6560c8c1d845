import CallDispatch
import Telephony
import TestKit
import Testing

struct HangUpTests {
  func dialled(_ harness: DispatchHarness) async throws -> (Call, CarrierCallSID) {
    let placed = try await harness.dispatcher.placeCalls(harness.request())
    await harness.dispatcher.runUntilIdle()
    return (try #require(placed.first?.call), try #require(harness.carrier.calls.last?.id))
  }

  @Test func aQueuedCallIsNeverDialled() async throws {
    let harness = try await DispatchHarness()
    let call = try #require(try await harness.dispatcher.placeCalls(harness.request()).first?.call)
    let ended = try await harness.dispatcher.hangUp(call.id, by: .of(call.tenant))
    #expect(ended.state == .canceled)
    await harness.dispatcher.runUntilIdle()
    #expect(harness.carrier.posts.isEmpty)
  }

  @Test func aRingingCallIsCanceledAndATalkingOneCompleted() async throws {
    let harness = try await DispatchHarness()
    let (call, id) = try await dialled(harness)
    try await harness.report(.ringing, of: call, id, sequence: 1)
    let ended = try await harness.dispatcher.hangUp(call.id, by: .of(call.tenant))
    #expect(ended.state == .canceled)
    #expect(ended.endReason == .hungUp)
    let again = try await harness.dispatcher.hangUp(call.id, by: .of(call.tenant))
    #expect(again == ended)
    #expect(harness.carrier.ended == [id])
    let (talking, other) = try await dialled(harness)
    // It was answered, and nobody has told us yet.
    harness.carrier.move(other, to: .inProgress)
    _ = try await harness.dispatcher.hangUp(talking.id, by: .of(talking.tenant))
    #expect(harness.carrier.calls.last?.status == .completed)
  }

  @Test func aCallThatIsOverAtTheCarrierIsOver() async throws {
    let harness = try await DispatchHarness()
    let (call, id) = try await dialled(harness)
    harness.carrier.move(id, to: .noAnswer)
    let ended = try await harness.dispatcher.hangUp(call.id, by: .of(call.tenant))
    #expect(ended.state == .noAnswer)
    #expect(harness.carrier.ended.isEmpty)
  }

  @Test func howACallEndedIsNotGuessedWhileTheCarrierCannotBeAsked() async throws {
    let harness = try await DispatchHarness()
    let (call, id) = try await dialled(harness)
    harness.carrier.move(id, to: .busy)
    harness.carrier.setFetchDown(true)
    let asked = try await harness.dispatcher.hangUp(call.id, by: .of(call.tenant))
    #expect(!asked.state.isTerminal)
    #expect(asked.work?.kind == .refresh)
    harness.carrier.setFetchDown(false)
    harness.time.advance(by: .seconds(1))
    await harness.dispatcher.runUntilIdle()
    let ended = try #require(try await harness.store.call(call.id))
    #expect(ended.state == .busy)
    #expect(ended.endReason == .busy)
    #expect(ended.work == nil)
  }

  @Test func aHangUpThatTheCarrierDidNotHearIsTriedAgain() async throws {
    let harness = try await DispatchHarness()
    let (call, id) = try await dialled(harness)
    harness.carrier.setDown(true)
    await #expect(throws: DispatchError.carrierUnavailable) {
      try await harness.dispatcher.hangUp(call.id, by: .of(call.tenant))
    }
    harness.carrier.setDown(false)
    harness.time.advance(by: .seconds(1))
    await harness.dispatcher.runUntilIdle()
    #expect(harness.carrier.ended == [id])
    #expect(try await harness.store.call(call.id)?.endReason == .hungUp)
  }

  @Test func anotherTenantsCallIsNotFoundAndAnotherRegionsIsRefused() async throws {
    let harness = try await DispatchHarness(regions: [.us1])
    let (call, _) = try await dialled(harness)
    await #expect(throws: DispatchError.callNotFound(call.id)) {
      try await harness.dispatcher.hangUp(call.id, by: .of(CallSamples.otherTenant))
    }
    let elsewhere = CallID(region: .ie1, bits: 1)
    await #expect(throws: DispatchError.otherRegion(.ie1)) {
      try await harness.dispatcher.hangUp(elsewhere, by: .of(call.tenant))
    }
    #expect(harness.carrier.ended.isEmpty)
  }

  @Test func aSilentCallsEndIsNoticed() async throws {
    let harness = try await DispatchHarness()
    let (call, id) = try await dialled(harness)
    harness.carrier.move(id, to: .busy)
    harness.time.advance(by: .seconds(121))
    await harness.dispatcher.runUntilIdle()
    #expect(try await harness.store.call(call.id)?.state == .busy)
  }
}
