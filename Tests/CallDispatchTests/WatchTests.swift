import CallDispatch
import Telephony
import TestKit
import Testing

struct WatchTests {
  let filter = CallFilter(tenant: CallSamples.tenant)

  func level(_ watch: CallWatch) async throws -> [CallUpdate] {
    var updates: [CallUpdate] = []
    while true {
      let update = try await watch.next()
      updates.append(update)
      if case .level = update { return updates }
    }
  }

  func calls(_ updates: [CallUpdate]) -> [Call] {
    updates.compactMap { update in
      switch update {
      case .changed(let call, _): call
      case .level: nil
      }
    }
  }

  @Test func aWatchBeginsWithWhatIsLiveAndGoesOnWithChanges() async throws {
    let harness = try await DispatchHarness()
    let placed = try await harness.dispatcher.placeCalls(harness.request(3)).compactMap(\.call)
    _ = try await harness.dispatcher.hangUp(placed[1].id, by: .of(CallSamples.tenant))
    let watch = try await harness.dispatcher.watch(filter, resumeToken: "")
    let beginning = try await level(watch)
    #expect(calls(beginning).map(\.id) == [placed[0].id, placed[2].id])
    _ = try await harness.dispatcher.hangUp(placed[0].id, by: .of(CallSamples.tenant))
    let change = calls([try await watch.next()])
    #expect(change.map(\.id) == [placed[0].id])
    #expect(change.first?.state == .canceled)
  }

  @Test func aTokenGoesOnWhereItWasGiven() async throws {
    let harness = try await DispatchHarness()
    let placed = try await harness.dispatcher.placeCalls(harness.request(2)).compactMap(\.call)
    let first = try await harness.dispatcher.watch(filter, resumeToken: "")
    let token = try #require(try await level(first).last).resumeToken
    await harness.dispatcher.runUntilIdle()
    _ = try await harness.dispatcher.hangUp(placed[1].id, by: .of(CallSamples.tenant))
    let again = try await harness.dispatcher.watch(filter, resumeToken: token)
    let missed = calls(try await level(again))
    #expect(missed.map(\.id) == placed.map(\.id))
    #expect(missed.map(\.state) == [.dialing, .canceled])
    let other = CallFilter(tenant: CallSamples.tenant, direction: .inbound)
    for (filter, token) in [(other, token), (filter, token + "9"), (filter, "nonsense")] {
      await #expect {
        _ = try await harness.dispatcher.watch(filter, resumeToken: token)
      } throws: { error in
        guard case .invalid(let violations) = error as? DispatchError else { return false }
        return violations.map(\.field) == ["resume_token"]
      }
    }
  }

  @Test func aSlowWatcherIsEndedAndMayGoOn() async throws {
    let harness = try await DispatchHarness()
    let watch = try await harness.dispatcher.watch(filter, resumeToken: "")
    _ = try await level(watch)
    var index = 0
    while index <= Limits.watcherBufferMax {
      index += 1
      let call = CallSamples.outbound(UInt64(index), to: index % 1000)
      _ = try await harness.store.place(Placement(request: nil, calls: [call]))
    }
    var token = ""
    do {
      _ = try await watch.next()
      Issue.record("The slow watcher was not ended.")
    } catch {
      guard case .watcherTooSlow(let given) = error else { throw error }
      token = given
    }
    let again = try await harness.dispatcher.watch(filter, resumeToken: token)
    #expect(calls(try await level(again)).count == index)
  }

  @Test func aWaitingWatchEndsWithItsTaskAndWithTheServer() async throws {
    let harness = try await DispatchHarness()
    let dispatcher = harness.dispatcher
    let filter = filter
    let errors = await withTaskGroup(of: DispatchError?.self) { group in
      group.addTask {
        do throws(DispatchError) {
          let watch = try await dispatcher.watch(filter, resumeToken: "")
          while true { _ = try await watch.next() }
        } catch {
          return error
        }
      }
      group.cancelAll()
      return await group.next() ?? nil
    }
    #expect(errors == .cancelled)
    let watch = try await dispatcher.watch(filter, resumeToken: "")
    _ = try await level(watch)
    dispatcher.beginGracefulShutdown()
    await #expect(throws: DispatchError.shuttingDown) { _ = try await watch.next() }
  }

  @Test func listsGoOnAndTokensAreBoundToTheirFilter() async throws {
    let harness = try await DispatchHarness()
    _ = try await harness.dispatcher.placeCalls(harness.request(5))
    var seen: [CallID] = []
    var token = ""
    for _ in 0..<3 {
      let page = try await harness.dispatcher.calls(filter, pageSize: 2, pageToken: token)
      seen += page.calls.map(\.id)
      token = page.nextPageToken ?? ""
    }
    #expect(token.isEmpty)
    #expect(seen == harness.store.allCalls.map(\.id).reversed())
    let first = try await harness.dispatcher.calls(filter, pageSize: 2, pageToken: "")
    let other = CallFilter(tenant: CallSamples.tenant, state: .queued)
    let bound = try #require(first.nextPageToken)
    await #expect(throws: DispatchError.self) {
      try await harness.dispatcher.calls(other, pageSize: 2, pageToken: bound)
    }
    await #expect(throws: DispatchError.self) {
      try await harness.dispatcher.calls(filter, pageSize: -1, pageToken: "")
    }
    let strangers = CallFilter(tenant: CallSamples.otherTenant)
    let page = try await harness.dispatcher.calls(strangers, pageSize: 0, pageToken: "")
    #expect(page.calls.isEmpty)
  }
}
