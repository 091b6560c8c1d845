import CallDispatch
import Telephony
import TestKit
import Testing

/// What becomes of placed calls when nobody can wait for the carrier.
struct PlaceWaitTests {
  /// Takes every place for a watcher; they are free when the result goes.
  func watchers(_ harness: DispatchHarness) async throws -> [CallWatch] {
    var watchers: [CallWatch] = []
    for index in 0..<Limits.watchersMax {
      let tenant = TenantID(bits: UInt128(0xf000 + index / Limits.tenantWatchersMax))
      let filter = CallFilter(tenant: tenant)
      watchers.append(try await harness.dispatcher.watch(filter, resumeToken: ""))
    }
    return watchers
  }

  @Test func oneTenantDoesNotTakeAllPlaces() async throws {
    let harness = try await DispatchHarness()
    let filter = CallFilter(tenant: CallSamples.tenant)
    var watchers: [CallWatch] = []
    for _ in 0..<Limits.tenantWatchersMax {
      watchers.append(try await harness.dispatcher.watch(filter, resumeToken: ""))
    }
    await #expect(throws: DispatchError.tooManyWatchers) {
      _ = try await harness.dispatcher.watch(filter, resumeToken: "")
    }
    let other = CallFilter(tenant: TenantID(bits: 0xf000))
    watchers.append(try await harness.dispatcher.watch(other, resumeToken: ""))
    watchers.removeFirst()
    watchers.append(try await harness.dispatcher.watch(filter, resumeToken: ""))
    withExtendedLifetime(watchers) {}
  }

  @Test func nothingIsPlacedWhenItCannotBeWaitedFor() async throws {
    let harness = try await DispatchHarness()
    let watchers = try await watchers(harness)
    await #expect(throws: DispatchError.tooManyWatchers) {
      try await harness.dispatcher.placeCalls(harness.request(2, waitFor: .carrierAccepted))
    }
    await harness.dispatcher.runUntilIdle()
    #expect(harness.store.allCalls.isEmpty)
    #expect(harness.carrier.posts.isEmpty)
    // Without waiting there is nothing that it lacks.
    let placed = try await harness.dispatcher.placeCalls(harness.request(2))
    #expect(placed.compactMap(\.call).count == 2)
    withExtendedLifetime(watchers) {}
  }

  @Test func aRepeatThatCannotWaitGetsItsCallsAsTheyAre() async throws {
    let harness = try await DispatchHarness()
    let placed = try await harness.dispatcher.placeCalls(harness.request(2, id: "r"))
    let watchers = try await watchers(harness)
    let request = harness.request(2, id: "r", waitFor: .carrierAccepted)
    #expect(try await harness.dispatcher.placeCalls(request) == placed)
    withExtendedLifetime(watchers) {}
  }

  @Test func placedCallsAreToldWhenTheyCannotBeReadAgain() async throws {
    // The store takes the calls and is away when the wait is over.
    let harness = try await DispatchHarness(faults: FaultInjector(cuttingOffAfter: 1))
    let request = harness.request(2, waitFor: .carrierAccepted)
    let placed = try await harness.dispatcher.placeCalls(request)
    #expect(placed.compactMap(\.call).map(\.id) == harness.store.allCalls.map(\.id))
    #expect(placed.count == 2)
  }

  @Test func aRequestThatNamesACallTwiceIsWaitedFor() async throws {
    let harness = try await DispatchHarness()
    let request = harness.request(2, id: "r")
    let placed = try await harness.dispatcher.placeCalls(request)
    let call = try #require(placed.first?.call)
    let known = try #require(try await harness.store.request("r", tenant: call.tenant))
    let twice = PlacedRequest(
      tenant: known.tenant, requestID: "twice", fingerprint: known.fingerprint,
      outcomes: [.call(call.id), .call(call.id)], createTime: known.createTime)
    _ = try await harness.store.place(Placement(request: twice, calls: []))
    let again = try await harness.dispatcher.placeCalls(
      harness.request(2, id: "twice", waitFor: .carrierAccepted))
    #expect(again.compactMap(\.call).map(\.id) == [call.id, call.id])
  }
}
