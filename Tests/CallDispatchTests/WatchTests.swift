import Telephony
import TestKit
import Testing

@testable import CallDispatch

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

  /// A region's changes are those of all tenants: how many there were is nobody's business.
  @Test func aTokenTellsNothing() async throws {
    let tokens = WatchTokens(filter: filter, key: FakeTokenKey())
    let place: WatchPlace = [.us1: 1_000_000, .ie1: 7, .au1: 0]
    let text = tokens.text(of: place)
    #expect(try tokens.place(in: text) == place)
    #expect(tokens.text(of: place) == text)
    let next = tokens.text(of: place.merging([.us1: 1_000_001]) { $1 })
    #expect(next.count == text.count && !text.contains("f4240"))
    // Each half of the next token differs: the check, and what it hides.
    #expect(zip(text, next).prefix(32).count { $0 == $1 } < 16)
    #expect(zip(text, next).dropFirst(32).count { $0 == $1 } < 41)
  }

  /// Of another tenant, of another deployment, changed, and as earlier versions wrote them.
  @Test func whatIsNoTokenOfThisTenantHasExpired() async throws {
    let harness = try await DispatchHarness()
    _ = try await harness.dispatcher.placeCalls(harness.request(2))
    let first = try await harness.dispatcher.watch(filter, resumeToken: "")
    let token = try #require(try await level(first).last).resumeToken
    let strangers = CallFilter(tenant: CallSamples.otherTenant)
    let elsewhere = WatchTokens(filter: filter, key: FakeTokenKey("another")).text(of: [.us1: 1])
    let changed = String(token.dropLast()) + (token.last == "0" ? "1" : "0")
    let old = "r\(String(CallToken.fingerprint(of: filter).bits, radix: 16)).2"
    for (filter, token) in [
      (strangers, token), (filter, elsewhere), (filter, changed), (filter, old),
      (strangers, "r0.0"),
    ] {
      await #expect(throws: DispatchError.resumeTokenExpired) {
        _ = try await harness.dispatcher.watch(filter, resumeToken: token)
      }
    }
    for malformed in ["r.1", "rxyz.1", "r1.", "r1.x", "r1.1.1", token.uppercased() + "0", "é"] {
      await #expect {
        _ = try await harness.dispatcher.watch(filter, resumeToken: malformed)
      } throws: { error in
        if case .invalid = error as? DispatchError { true } else { false }
      }
    }
    // Nothing that was refused keeps a watcher's place.
    for _ in 0..<Limits.tenantWatchersMax - 1 {
      _ = try? await harness.dispatcher.watch(filter, resumeToken: changed)
    }
    _ = try await harness.dispatcher.watch(filter, resumeToken: token)
  }

  @Test func aDatabaseThatWentBackEndsItsTokens() async throws {
    let harness = try await DispatchHarness()
    let ahead = WatchTokens(filter: filter, key: FakeTokenKey()).text(of: [.us1: 1])
    await #expect(throws: DispatchError.resumeTokenExpired) {
      _ = try await harness.dispatcher.watch(filter, resumeToken: ahead)
    }
    _ = try await harness.dispatcher.placeCalls(harness.request())
    _ = try await harness.dispatcher.watch(filter, resumeToken: ahead)
  }

  /// Each region has numbers of its own; a watch of all goes on in each where it was.
  @Test(arguments: [nil, Region.ie1]) func regionsGoOnEachForItself(
    _ region: Region?
  ) async throws {
    let harness = try await DispatchHarness()
    func write(_ index: UInt64, _ region: Region) async throws {
      let call = CallSamples.outbound(index, to: Int(index), region: region)
      _ = try await harness.store.place(Placement(request: nil, calls: [call]))
    }
    let filter = CallFilter(tenant: CallSamples.tenant, region: region)
    func isWatched(_ other: Region) -> Bool { region == nil || region == other }
    for index in 1...3 { try await write(UInt64(index), .us1) }
    try await write(4, .ie1)
    let watch = try await harness.dispatcher.watch(filter, resumeToken: "")
    let beginning = try await level(watch)
    #expect(Set(calls(beginning).map(\.id.low)) == (region == nil ? [1, 2, 3, 4] : [4]))
    let token = try #require(beginning.last).resumeToken
    try await write(5, .us1)
    try await write(6, .ie1)
    try await write(7, .au1)
    let expected = [(5, Region.us1), (6, .ie1), (7, .au1)].filter { isWatched($0.1) }.map(\.0)
    var seen: [UInt64] = []
    for _ in expected { seen += calls([try await watch.next()]).map(\.id.low) }
    #expect(seen == expected.map { UInt64($0) })
    let again = try await harness.dispatcher.watch(filter, resumeToken: token)
    let missed = try await level(again)
    #expect(Set(calls(missed).map(\.id.low)) == Set(seen))
    // From the middle of what was missed, too: nothing twice, nothing left out.
    let rest = try await harness.dispatcher.watch(filter, resumeToken: missed[0].resumeToken)
    let told = calls([missed[0]]).map(\.id.low) + calls(try await level(rest)).map(\.id.low)
    #expect(Set(told) == Set(seen) && told.count == seen.count)
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
