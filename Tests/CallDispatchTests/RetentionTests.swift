import Telephony
import TestKit
import Testing

@testable import CallDispatch

/// Calls that are over are forgotten after a while, and no others.
struct RetentionTests {
  private static let day: Duration = .seconds(24 * 3600)

  private func until(_ condition: () -> Bool) async {
    for _ in 0..<100_000 {
      if condition() { return }
      await Task.yield()
    }
    Issue.record("It never came.")
  }

  private func write(_ count: Int, _ harness: DispatchHarness, isOver: Bool = true) async throws {
    let placed = Placement(
      request: nil,
      calls: (0..<count).map { index in
        let sample = CallSamples.outbound(0, to: index)
        let time = harness.time.now().advanced(by: .microseconds(index))
        var call = Call(
          id: CallID(region: .us1, at: time, random: SystemIDSource()), tenant: sample.tenant,
          direction: .inbound, provider: sample.provider, account: sample.account,
          number: sample.number, from: sample.from, to: sample.to, createTime: time)
        call.state = isOver ? .completed : .inProgress
        return call
      })
    _ = try await harness.store.place(placed)
  }

  @Test(.timeLimit(.minutes(5))) func oldCallsGoInSmallSteps() async throws {
    let harness = try await DispatchHarness(hold: true, callRetention: Self.day * 90)
    let dispatcher = harness.dispatcher
    try await write(2 * Limits.callSweepMax + 1, harness)
    try await write(1, harness, isOver: false)
    harness.time.advance(by: Self.day * 10)
    try await write(3, harness)
    let filter = CallFilter(tenant: CallSamples.tenant)
    let watch = try await dispatcher.watch(filter, resumeToken: "")
    var token = ""
    while true {
      let update = try await watch.next()
      token = update.resumeToken
      if case .level = update { break }
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await dispatcher.forgetOldCalls() }
      // Nothing is old enough; it is looked again an hour later.
      await until { harness.time.sleeperCount == 1 }
      #expect(harness.store.callCount == 2 * Limits.callSweepMax + 5)
      harness.time.advance(by: Self.day * 80)
      await until { harness.time.sleeperCount == 1 }
      #expect(harness.store.callCount == 2 * Limits.callSweepMax + 5)
      harness.time.advance(by: Limits.callSweepInterval)
      for step in 1...2 {
        let left = (2 - step) * Limits.callSweepMax + 5
        await until {
          harness.store.callCount == left && harness.time.sleeperCount == 1
        }
        harness.time.advance(by: Limits.callSweepPause)
      }
      // The one that goes on stays, and those that are younger.
      await until { harness.store.callCount == 4 && harness.time.sleeperCount == 1 }
      #expect(harness.store.allCalls.first?.state == .inProgress)
      harness.time.advance(by: Self.day * 10)
      await until { harness.store.callCount == 1 }
      group.cancelAll()
    }
    // What the token's holder has not been told may be among what is gone.
    let old = WatchTokens(filter: filter, key: FakeTokenKey()).text(of: [.us1: 1])
    await #expect(throws: DispatchError.resumeTokenExpired) {
      _ = try await dispatcher.watch(filter, resumeToken: old)
    }
    _ = try await dispatcher.watch(filter, resumeToken: token)
  }

  @Test func aStoreThatIsAwayIsAskedAgain() async throws {
    let faults = FaultInjector(failing: 1)
    let harness = try await DispatchHarness(
      faults: faults, regions: [.us1], hold: true, callRetention: Limits.callRetentionMin)
    let dispatcher = harness.dispatcher
    try await write(1, harness)
    harness.time.advance(by: Self.day * 8)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await dispatcher.forgetOldCalls() }
      await until { faults.count >= 1 && harness.time.sleeperCount == 1 }
      #expect(harness.store.callCount == 1)
      harness.time.advance(by: Limits.callSweepInterval)
      await until { harness.store.callCount == 0 }
      group.cancelAll()
    }
  }

  @Test func withoutARetentionNothingIsForgotten() async throws {
    let harness = try await DispatchHarness(hold: true)
    try await write(1, harness)
    harness.time.advance(by: Self.day * 10_000)
    await harness.dispatcher.forgetOldCalls()
    #expect(harness.store.callCount == 1)
  }
}
