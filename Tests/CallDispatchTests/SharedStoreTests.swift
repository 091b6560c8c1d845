import Telephony
import TestKit
import Testing

@testable import CallDispatch

/// Two dispatches of one region on one store: whatever one does or leaves, no call gets two POSTs.
struct SharedStoreTests {
  private let throttled = CarrierRefusal(.throttled)

  private func sending(_ machine: inout CallStateMachine, at time: Int) {
    #expect(machine.sendingBegan(attempt: machine.attempt, at: CallSamples.time(time)) == .send)
  }

  @Test func aRefusalThatIsToldTwiceProvesNothingOfTheNextAttempt() {
    var machine = CallStateMachine(CallSamples.outbound(1))
    sending(&machine, at: 1)
    machine.dialRefused(throttled, attempt: 0, at: CallSamples.time(2))
    #expect(machine.call.dial?.phase == .intent)
    #expect(machine.call.dial?.attempt == 1)
    // Another dispatch sends; the first one's store had not answered, so it tells again.
    sending(&machine, at: 5)
    let out = machine.call
    machine.dialRefused(throttled, attempt: 0, at: CallSamples.time(6))
    machine.dialLost(attempt: 0, at: CallSamples.time(6))
    #expect(machine.call == out)
  }

  @Test func theRefusalOfADialThatAnotherTookForLostIsStillAProof() {
    var machine = CallStateMachine(CallSamples.outbound(1))
    sending(&machine, at: 1)
    machine.dialLost(attempt: 0, at: CallSamples.time(91))
    #expect(machine.call.outcomeUnknown)
    machine.dialRefused(throttled, attempt: 0, at: CallSamples.time(92))
    #expect(machine.call.dial?.phase == .intent)
    #expect(machine.call.work?.kind == .dial)
    // Found at the carrier it is no proof any more.
    sending(&machine, at: 100)
    machine.dialAccepted(as: CallSamples.carrierCallID(1), at: CallSamples.time(101))
    let found = machine.call
    machine.dialRefused(throttled, attempt: 1, at: CallSamples.time(102))
    #expect(machine.call == found)
  }

  @Test func onlyTheAttemptThatWasMeantIsSent() {
    var machine = CallStateMachine(CallSamples.outbound(1))
    sending(&machine, at: 1)
    machine.dialRefused(throttled, attempt: 0, at: CallSamples.time(2))
    // Who had read the first intent finds the second one, whose time has not come.
    #expect(machine.sendingBegan(attempt: 0, at: CallSamples.time(2)) == .leave)
  }

  @Test(.timeLimit(.minutes(1))) func twoDispatchesDialEachCallOnce() async throws {
    let first = try await DispatchHarness(isShared: true)
    let second = try await DispatchHarness(after: first, isShared: true)
    let count = Limits.destinationsMax
    first.carrier.script(
      (0..<count).map { $0.isMultiple(of: 3) ? .refuse(throttled) : .accept })
    _ = try await first.dispatcher.placeCalls(first.request(count))
    for _ in 0..<5 {
      await withTaskGroup(of: Void.self) { group in
        for dispatcher in [first.dispatcher, second.dispatcher] {
          group.addTask { await dispatcher.runUntilIdle(rounds: 20) }
        }
      }
      first.time.advance(by: Limits.dialRetryDelayMax)
    }
    #expect(first.carrier.posts.count == count)
    #expect(first.carrier.posts.values.allSatisfy { $0 == 1 })
    #expect(first.store.allCalls.allSatisfy { $0.carrierCallID != nil && !$0.outcomeUnknown })
  }

  @Test func anothersDialIsNotTakenForLostBeforeItsLeaseIsOver() async throws {
    let first = try await DispatchHarness(isShared: true)
    _ = try await first.dispatcher.placeCalls(first.request())
    var call = try #require(first.store.allCalls.first)
    var machine = CallStateMachine(call)
    sending(&machine, at: 0)
    call = try await first.store.update(machine.call)
    let second = try await DispatchHarness(after: first, isShared: true)
    await second.dispatcher.runUntilIdle()
    #expect(try await second.store.call(call.id) == call)
    // Nobody ever heard of it again: it is looked for, not dialled.
    second.time.advance(by: Limits.workLease + .seconds(1))
    await second.dispatcher.runUntilIdle()
    #expect(try await second.store.call(call.id)?.dial?.phase == .unknown)
    #expect(second.carrier.posts.isEmpty)
  }

  /// The write of a refusal is stored and its answer lost; before it is told again another dispatch
  /// is sending the next attempt.
  @Test(.timeLimit(.minutes(1))) func aLostAnswerOfTheStoreDialsNothingTwice() async throws {
    // The placing is the store's first write, then come `sending`, the POST, and the refusal.
    let faults = FaultInjector(failing: 4, .afterEffect)
    let first = try await DispatchHarness(faults: faults, hold: true, isShared: true)
    first.carrier.script([.refuse(throttled)])
    _ = try await first.dispatcher.placeCalls(first.request())
    let dispatcher = first.dispatcher
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await dispatcher.runUntilIdle(rounds: 1) }
      while first.time.sleeperCount == 0 { await Task.yield() }
      var machine = CallStateMachine(try #require(first.store.allCalls.first))
      #expect(machine.call.dial?.attempt == 1)
      sending(&machine, at: 1)
      let out = try await first.store.update(machine.call)
      first.time.advance(by: Limits.carrierRetryDelayMax)
      try await group.waitForAll()
      #expect(try await first.store.call(out.id) == out)
    }
  }

  // MARK: Watching

  /// Runs `body` beside the second dispatch's work; its clock goes on as long as `body` does.
  private func beside(
    _ harness: DispatchHarness, _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    let dispatcher = harness.dispatcher
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        await dispatcher.run()
        return false
      }
      group.addTask {
        defer { dispatcher.beginGracefulShutdown() }
        try await body()
        return true
      }
      group.addTask {
        while !Task.isCancelled {
          harness.time.advance(by: .milliseconds(100))
          await Task.yield()
        }
        return false
      }
      while let isOver = try await group.next(), !isOver {}
      group.cancelAll()
    }
  }

  @Test(.timeLimit(.minutes(1))) func aWatcherSeesWhatAnotherDispatchWrote() async throws {
    let first = try await DispatchHarness(hold: true, isShared: true)
    let second = try await DispatchHarness(after: first, isShared: true)
    let filter = CallFilter(tenant: CallSamples.tenant)
    try await beside(second) {
      let watch = try await second.dispatcher.watch(filter, resumeToken: "")
      guard case .level = try await watch.next() else {
        Issue.record("An empty store has calls.")
        return
      }
      // More than one page, by a dispatch that the second one hears nothing of.
      var placed: Set<CallID> = []
      for index in 0..<(Limits.pageSizeMax + 20) {
        var call = CallSamples.outbound(UInt64(index + 1), to: index)
        call.work = nil
        let placement = Placement(request: nil, calls: [call])
        guard case .placed(let calls) = try await first.store.place(placement) else { return }
        placed.formUnion(calls.map(\.id))
      }
      var seen: [Call] = []
      while seen.count < placed.count {
        guard case .changed(let call, _) = try await watch.next() else { continue }
        seen.append(call)
      }
      #expect(Set(seen.map(\.id)) == placed)
      #expect(seen.map(\.change) == seen.map(\.change).sorted())
    }
  }

  @Test(.timeLimit(.minutes(1))) func acceptanceIsWaitedForWhicheverDispatchDials() async throws {
    let first = try await DispatchHarness(hold: true, isShared: true)
    let second = try await DispatchHarness(after: first, isShared: true)
    try await withThrowingTaskGroup(of: [PlaceResult].self) { group in
      group.addTask {
        try await second.dispatcher.placeCalls(second.request(3, waitFor: .carrierAccepted))
      }
      while first.store.allCalls.isEmpty { await Task.yield() }
      await first.dispatcher.runUntilIdle()
      second.dispatcher.feed.changedElsewhere()
      // No time passes: it is not the end of the wait that tells.
      let results = try #require(try await group.next())
      #expect(results.compactMap(\.call?.carrierCallID).count == 3)
    }
    #expect(first.carrier.posts.values.allSatisfy { $0 == 1 })
  }
}
