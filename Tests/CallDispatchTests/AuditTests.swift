import Access
import Synchronization
import Telephony
import TestKit
import Testing

@testable import CallDispatch

/// A log that may be away, and may lose its answers.
private final class FakeSink: AuditSink {
  enum Mode: Sendable {
    case there
    case away
    /// It records, and the answer is lost.
    case mute
    /// It understands nothing of what ends a call.
    case older
  }

  private struct State {
    var mode = Mode.there
    var entries: [AuditEntry] = []
    var tries = 0
  }

  private let state = Mutex(State())

  var entries: [AuditEntry] { state.withLock { $0.entries } }
  var tries: Int { state.withLock { $0.tries } }

  func become(_ mode: Mode) { state.withLock { $0.mode = mode } }

  func record(_ entries: [AuditEntry]) async throws(AuditSinkError) -> [AuditEntryID] {
    try state.withLock { state throws(AuditSinkError) in
      state.tries += 1
      if state.mode == .away { throw .unavailable }
      let taken = state.mode == .older ? entries.filter { $0.action == .place } : entries
      for entry in taken where !state.entries.contains(where: { $0.id == entry.id }) {
        state.entries.append(entry)
      }
      if state.mode == .mute { throw .unavailable }
      return taken.map(\.id)
    }
  }
}

struct AuditTests {
  private let sink = FakeSink()

  private func place(_ harness: DispatchHarness, _ count: Int = 1) async throws -> [Call] {
    try await harness.dispatcher.placeCalls(harness.request(count)).compactMap(\.call)
  }

  private func untold(_ harness: DispatchHarness) async throws -> [AuditEntry] {
    try await harness.store.untoldAudit(of: .us1, after: nil, limit: 1000).entries
  }

  private func until(_ condition: () -> Bool) async {
    for _ in 0..<100_000 {
      if condition() { return }
      await Task.yield()
    }
    Issue.record("It never came.")
  }

  @Test func eachCallThatIsPlacedHasOneEntry() async throws {
    let harness = try await DispatchHarness()
    var request = harness.request(2, id: "r")
    request.destinations.append(.init(to: "no number"))
    let calls = try await harness.dispatcher.placeCalls(request).compactMap(\.call)
    _ = try await harness.dispatcher.placeCalls(request)
    #expect(await harness.dispatcher.tellAuditOnce(to: sink))
    #expect(sink.entries.map(\.resource) == calls.map { .init(.call, $0.id.description) })
    let entry = try #require(sink.entries.last)
    let caller = Caller.of(CallSamples.tenant)
    #expect(entry.tenant == CallSamples.tenant && entry.action == .place)
    #expect(entry.principal == caller.principal && entry.peer == caller.peer)
    #expect(entry.method == caller.method && entry.traceID == caller.traceID)
    // In the order of the request, a microsecond apart.
    #expect(entry.time == calls[1].createTime.advanced(by: .microseconds(1)))
    #expect(
      entry.changes == [
        AuditChange("region", old: "", new: "us1"),
        AuditChange("from", old: "", new: DispatchHarness.e164),
        AuditChange("to", old: "", new: "+14155552001"),
        AuditChange("phone_number_id", old: "", new: "\(CallSamples.number)"),
        AuditChange("provider_id", old: "", new: "\(CallSamples.provider)"),
        AuditChange("agent_id", old: "", new: "helpful"),
      ])
    #expect(try await untold(harness).isEmpty)
  }

  @Test func eachHangUpThatChangesSomethingHasOneEntry() async throws {
    let harness = try await DispatchHarness()
    let call = try #require(try await place(harness).first)
    // Entries of one moment have no order.
    harness.time.advance(by: .seconds(1))
    for _ in 1...3 {
      _ = try await harness.dispatcher.hangUp(call.id, by: .of(call.tenant))
    }
    await #expect(throws: DispatchError.callNotFound(call.id)) {
      try await harness.dispatcher.hangUp(call.id, by: .of(CallSamples.otherTenant))
    }
    let entries = try await untold(harness)
    #expect(entries.map(\.action) == [.place, .hangUp])
    #expect(entries[1].resource.id == "\(call.id)" && entries[1].principal != .system)
    #expect(entries[1].changes.first == AuditChange("state", old: "queued", new: "canceled"))
    #expect(
      entries[1].changes.contains(AuditChange("to", old: "+14155552000", new: "+14155552000")))
  }

  @Test func ourOwnWorkTellsNothing() async throws {
    let harness = try await DispatchHarness()
    _ = try await place(harness)
    await harness.dispatcher.runUntilIdle()
    #expect(harness.carrier.posts.count == 1)
    #expect(try await untold(harness).map(\.action) == [.place])
  }

  /// Told while the log is away, whose answers are lost, and by a second dispatch: once each.
  @Test func entriesWaitForALogThatIsAway() async throws {
    let harness = try await DispatchHarness()
    // More than are told at once.
    let calls = try await place(harness, Limits.destinationsMax)
    sink.become(.away)
    #expect(await !harness.dispatcher.tellAuditOnce(to: sink))
    #expect(try await untold(harness).count == Limits.destinationsMax)
    sink.become(.mute)
    #expect(await !harness.dispatcher.tellAuditOnce(to: sink))
    #expect(try await untold(harness).count == Limits.destinationsMax)
    #expect(sink.entries.count == Limits.auditBatchMax)
    sink.become(.there)
    let second = try await DispatchHarness(after: harness, isShared: true)
    #expect(await second.dispatcher.tellAuditOnce(to: sink))
    #expect(await harness.dispatcher.tellAuditOnce(to: sink))
    #expect(sink.entries.map(\.resource.id) == calls.map(\.id.description))
    #expect(try await untold(harness).isEmpty)
  }

  @Test func whatTheLogDoesNotUnderstandStays() async throws {
    let harness = try await DispatchHarness()
    let call = try #require(try await place(harness).first)
    _ = try await harness.dispatcher.hangUp(call.id, by: .of(call.tenant))
    sink.become(.older)
    #expect(await harness.dispatcher.tellAuditOnce(to: sink))
    #expect(try await untold(harness).map(\.action) == [.hangUp])
    sink.become(.there)
    #expect(await harness.dispatcher.tellAuditOnce(to: sink))
    #expect(sink.entries.map(\.action) == [.place, .hangUp])
  }

  @Test func entriesOfAnotherRegionAreItsDispatchs() async throws {
    let harness = try await DispatchHarness()
    _ = try await place(harness)
    let elsewhere = try await DispatchHarness(after: harness, regions: [.ie1], isShared: true)
    #expect(await elsewhere.dispatcher.tellAuditOnce(to: sink))
    #expect(sink.entries.isEmpty)
  }

  @Test(.timeLimit(.minutes(1))) func entriesAreToldAsTheyCome() async throws {
    let harness = try await DispatchHarness(hold: true)
    let dispatcher = harness.dispatcher
    sink.become(.away)
    _ = try await place(harness)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await dispatcher.tellAudit(to: sink) }
      // The first try is at once, the next after a wait that doubles.
      await until { sink.tries == 1 && harness.time.sleeperCount == 1 }
      harness.time.advance(by: Limits.auditRetryDelay)
      await until { sink.tries == 2 && harness.time.sleeperCount == 1 }
      sink.become(.there)
      harness.time.advance(by: Limits.auditRetryDelay)
      #expect(sink.tries == 2)
      harness.time.advance(by: Limits.auditRetryDelay)
      await until { sink.entries.count == 1 && harness.time.sleeperCount == 1 }
      // No time passes: the call itself wakes who tells.
      _ = try await place(harness, 2)
      await until { sink.entries.count == 3 && harness.time.sleeperCount == 1 }
      // What another dispatch left is found at the next look.
      let call = CallSamples.outbound(99, to: 99)
      _ = try await harness.store.place(
        Placement(request: nil, calls: [call], audit: [CallSamples.audit(99, of: call)]))
      harness.time.advance(by: Limits.auditPollInterval)
      await until { sink.entries.count == 4 }
      group.cancelAll()
    }
  }
}
