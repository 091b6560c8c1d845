import CallDispatch
import Telephony
import TestKit
import Testing

/// Each step of placing, dialling and reconciling fails, or the process dies there, in turn. The
/// carrier never gets two POSTs for one destination, and what was acknowledged is there.
struct CrashTests {
  static let destinations = 3

  /// One story: place, dial (one answer is lost), reconcile. Returns what was acknowledged.
  func story(_ harness: DispatchHarness) async -> [PlaceResult]? {
    harness.carrier.script([.accept, .loseAfter, .accept])
    let request = harness.request(Self.destinations, id: "r")
    let placed = try? await harness.dispatcher.placeCalls(request)
    await work(harness)
    return placed
  }

  /// Enough rounds for every retry but those that go on for a day.
  func work(_ harness: DispatchHarness) async {
    for _ in 0..<12 {
      await harness.dispatcher.runUntilIdle()
      harness.time.advance(by: .seconds(30))
    }
  }

  @Test func aCleanRunReachesEveryDestination() async throws {
    let harness = try await DispatchHarness()
    let placed = try #require(await story(harness))
    #expect(placed.count == Self.destinations)
    #expect(harness.carrier.posts.count == Self.destinations)
    #expect(harness.store.allCalls.allSatisfy { $0.carrierCallID != nil && !$0.outcomeUnknown })
  }

  @Test(arguments: FaultInjector.Fault.allCases)
  func noStepsFailureDialsTwice(_ fault: FaultInjector.Fault) async throws {
    let clean = FaultInjector()
    _ = await story(try await DispatchHarness(faults: clean))
    let steps = clean.count
    #expect(steps > 10)
    for step in 1...steps {
      let faults = FaultInjector(failing: step, fault)
      let first = try await DispatchHarness(faults: faults)
      let placed = await story(first)
      // The next process finds what the first left; its client repeats the request.
      let second = try await DispatchHarness(after: first)
      if let placed {
        for call in placed.compactMap(\.call) {
          #expect(try await second.store.call(call.id) != nil, "\(fault) at \(step)")
        }
      }
      let repeated = try await second.dispatcher.placeCalls(
        second.request(Self.destinations, id: "r"))
      #expect(repeated.compactMap(\.call).count == Self.destinations, "\(fault) at \(step)")
      await work(second)
      #expect(
        second.carrier.posts.values.allSatisfy { $0 == 1 },
        "\(fault) at \(step): \(second.carrier.posts.values)")
      #expect(second.store.allCalls.count == Self.destinations, "\(fault) at \(step)")
      // What the carrier has, we know by name; what it does not have is open or was dialled.
      let known = Set(second.store.allCalls.compactMap(\.carrierCallID))
      #expect(Set(second.carrier.calls.map(\.id)) == known, "\(fault) at \(step)")
      for call in second.store.allCalls where call.carrierCallID == nil {
        #expect(call.outcomeUnknown, "\(fault) at \(step)")
      }
    }
  }

  @Test func whatIsOnlyAnIntentIsDialledAfterARestart() async throws {
    let first = try await DispatchHarness()
    _ = try await first.dispatcher.placeCalls(first.request(2))
    let second = try await DispatchHarness(after: first)
    await second.dispatcher.runUntilIdle()
    #expect(second.carrier.posts.values.sorted() == [1, 1])
  }

  @Test func whatMayHaveBeenSentIsLookedForAfterARestart() async throws {
    let first = try await DispatchHarness()
    _ = try await first.dispatcher.placeCalls(first.request())
    var call = try #require(first.store.allCalls.first)
    var machine = CallStateMachine(call)
    _ = machine.sendingBegan(attempt: machine.attempt, at: first.time.now())
    call = try await first.store.update(machine.call)
    let second = try await DispatchHarness(after: first)
    await second.dispatcher.runUntilIdle()
    #expect(try await second.store.call(call.id)?.dial?.phase == .unknown)
    await work(second)
    #expect(second.carrier.posts.isEmpty)
  }
}
