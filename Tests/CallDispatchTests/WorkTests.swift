import CallDispatch
import Telephony
import TestKit
import Testing

/// The worker as the wiring runs it.
struct WorkTests {
  /// Runs `body` beside the worker, then shuts the worker down and waits for it.
  func withWorker(
    _ harness: DispatchHarness, _ body: () async throws -> Void
  ) async throws {
    let dispatcher = harness.dispatcher
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await dispatcher.run() }
      do {
        try await body()
      } catch {
        dispatcher.beginGracefulShutdown()
        throw error
      }
      dispatcher.beginGracefulShutdown()
      try await group.waitForAll()
    }
  }

  @Test(.timeLimit(.minutes(1))) func callsAreDialledWhileTheRequestWaits() async throws {
    let harness = try await DispatchHarness(hold: true)
    try await withWorker(harness) {
      let request = harness.request(Limits.destinationsMax, id: "r", waitFor: .carrierAccepted)
      let results = try await harness.dispatcher.placeCalls(request)
      #expect(results.compactMap(\.call?.carrierCallID).count == Limits.destinationsMax)
      let again = try await harness.dispatcher.placeCalls(request)
      #expect(again.compactMap(\.call?.id) == results.compactMap(\.call?.id))
    }
    #expect(harness.carrier.posts.count == Limits.destinationsMax)
    #expect(harness.carrier.posts.values.allSatisfy { $0 == 1 })
  }

  @Test(.timeLimit(.minutes(1))) func theSameRequestAtOnceDialsOnce() async throws {
    let harness = try await DispatchHarness(hold: true)
    try await withWorker(harness) {
      let request = harness.request(3, id: "r", waitFor: .carrierAccepted)
      let ids = try await withThrowingTaskGroup(of: [CallID].self) { group in
        for _ in 0..<20 {
          group.addTask {
            try await harness.dispatcher.placeCalls(request).compactMap(\.call?.id)
          }
        }
        var ids: Set<[CallID]> = []
        for try await answer in group { ids.insert(answer) }
        return ids
      }
      #expect(ids.count == 1)
    }
    #expect(harness.carrier.posts.values.sorted() == [1, 1, 1])
  }

  @Test(.timeLimit(.minutes(1))) func whatIsShutDownTakesNoNewCalls() async throws {
    let harness = try await DispatchHarness(hold: true)
    try await withWorker(harness) {}
    await #expect(throws: DispatchError.shuttingDown) {
      try await harness.dispatcher.placeCalls(harness.request())
    }
  }
}
