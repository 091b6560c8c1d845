import API
import Access
import CallDispatch
import Registry
import Synchronization
import Telemetry
import Telephony
import TestKit
import Testing
import WellKnown

@testable import Services

/// A copy in memory whose disk can be filled.
private actor MemoryRouteCopyStore: RouteCopyStore {
  var isFull = false
  private(set) var kept: [RouteCopyRow] = []
  private(set) var stands: RoutePlace?
  private(set) var stepCount = 0

  func fill(_ isFull: Bool) { self.isFull = isFull }
  func damage(_ index: Int) { kept[index] = RouteCopyRow(kept[index].key, sealed: [1, 2, 3]) }

  func place() throws(RouteCopyError) -> RoutePlace? { stands }

  func rows(after key: RouteCopyKey?, limit: Int) throws(RouteCopyError) -> [RouteCopyRow] {
    let start = key.map { key in kept.firstIndex { $0.key == key }.map { $0 + 1 } ?? 0 } ?? 0
    return Array(kept[start...].prefix(limit))
  }

  func apply(_ change: RouteCopyChange) throws(RouteCopyError) {
    guard !isFull else { throw .unavailable(cause: "full") }
    stepCount += 1
    switch change {
    case .snapshotBegan: break
    case .put(let rows): for row in rows { put(row) }
    case .snapshotEnded(let place): stands = place
    case .changed(let row, let removed, let place):
      if let row { put(row) }
      kept.removeAll { removed.contains($0.key) }
      stands = place
    case .kept(let row): put(row)
    case .resealed(let rows):
      for reseal in rows where kept.contains(reseal.row) {
        put(RouteCopyRow(reseal.row.key, sealed: reseal.sealed))
      }
    }
  }

  private func put(_ row: RouteCopyRow) {
    kept.removeAll { $0.key == row.key }
    kept.append(row)
  }
}

struct SealedRouteCopyTests {
  private typealias Response = Trunkline.Internal.V1.WatchRoutesResponse

  private let services = RegistryServices()
  private let store = MemoryRouteCopyStore()
  private let time = ManualTime()

  private var copy: SealedRouteCopy {
    copy(FakeSealer())
  }

  private func copy(_ sealer: FakeSealer) -> SealedRouteCopy {
    SealedRouteCopy(store: store, sealer: sealer, secrets: sealer, log: .silent)
  }

  private func credentials(_ copy: SealedRouteCopy?) -> RegistryCredentialSource {
    RegistryCredentialSource(
      channel: services.channel, regions: [.us1], sealer: FakeSealer(), time: time, copy: copy)
  }

  private static let epoch = "one"
  private static let number = PhoneNumberID(bits: 7)
  private static let provider = ProviderID(bits: 5)
  private static let grant = TokenGrant(
    id: Sample.tokenID(1), tenant: Sample.otherTenant, scopes: [Scopes(.callsPlace)],
    hash: TokenHash([UInt8](repeating: 7, count: TokenHash.size)), expireTime: Sample.time(9))

  private static var entries: [Trunkline.Internal.V1.RouteEntry] {
    let tenant = TenantID.main.description
    return [
      .init(
        entry: .number(
          .init(
            id: number.description, tenantID: tenant, e164: "+15005550006",
            providerID: provider.description, region: .us1, supportsInbound: true, state: .active,
            webhookGeneration: 1))),
      .init(
        entry: .provider(
          .init(
            id: provider.description, tenantID: tenant, region: .us1,
            accountSID: Sample.account(1).description))),
      .init(entry: .token(.init(grant))),
    ]
  }

  private func snapshot(into copy: SealedRouteCopy, sequence: UInt64 = 4) async {
    var begin = Response.SnapshotBegin()
    begin.epoch = Self.epoch
    await copy.record(Response(step: .snapshotBegin(begin)), epoch: Self.epoch)
    var entries = Response.RouteEntries()
    entries.entries = Self.entries
    await copy.record(Response(step: .entries(entries)), epoch: Self.epoch)
    var end = Response.SnapshotEnd()
    end.sequence = sequence
    end.changeTime = .init(Sample.time(4))
    await copy.record(Response(step: .snapshotEnd(end)), epoch: Self.epoch)
  }

  private func removal(_ sequence: UInt64) -> Response {
    var change = Response.RouteChange()
    change.sequence = sequence
    change.change = .removal(
      .init(
        tenantID: TenantID.main.description, removed: .providerID(Self.provider.description)))
    return Response(step: .change(change))
  }

  @Test func aRestartHasTheRoutesOfBefore() async throws {
    await snapshot(into: copy)
    let routes = RouteDirectory()
    #expect(await copy.load(into: routes, credentials(nil)))
    #expect(routes.isReady)
    let number = try #require(routes.number(Self.number))
    #expect(number.provider?.account == Sample.account(1))
    #expect(
      try await store.place()
        == RoutePlace(epoch: Self.epoch, revision: 4, time: Sample.time(4)))
  }

  @Test func aRestartKnowsTheTokensOfBefore() async throws {
    await snapshot(into: copy)
    let known = TokenDirectory()
    #expect(await copy.load(into: RouteDirectory(tokens: known), credentials(nil)))
    #expect(known.grant(Self.grant.id) == Self.grant)
    #expect(await store.kept.contains { $0.key == RouteCopyKey(.token, "\(Self.grant.id)") })

    var change = Response.RouteChange()
    change.sequence = 5
    change.change = .removal(.init(removed: .tokenID("\(Self.grant.id)")))
    await copy.record(Response(step: .change(change)), epoch: Self.epoch)
    let later = TokenDirectory()
    #expect(await copy.load(into: RouteDirectory(tokens: later), credentials(nil)))
    #expect(later.count == 0)
  }

  /// An agent's entry as a registry whose present key is the first one sends it.
  private func agentEntry() throws -> Trunkline.Internal.V1.RouteEntry {
    let agent = try Sample.agentID(1)
    let data = CredentialField.sipPassword(agent, .main).associatedData
    var sip = Trunkline.Internal.V1.AgentRoute.Connection.Sip()
    sip.uri = "sip:desk@agents.example"
    sip.username = "desk"
    sip.password = .init(try FakeSealer().seal(Secret("swordfish"), associatedData: data))
    var connection = Trunkline.Internal.V1.AgentRoute.Connection()
    connection.endpoint = .sip(sip)
    var route = Trunkline.Internal.V1.AgentRoute()
    route.id = agent.description
    route.tenantID = TenantID.main.description
    route.connections = [connection]
    return .init(entry: .agent(route))
  }

  /// The password of the agent that is in `routes`.
  private func password(in routes: RouteDirectory) throws -> SealedBytes {
    let agent = try #require(routes.agent(Sample.agentID(1), tenant: .main))
    guard case .sip(_, let login?) = agent.connections.first?.target else {
      throw SealingError.notAuthentic
    }
    return try #require(login.password)
  }

  @Test func theCopyComesUnderTheNextKey() async throws {
    await snapshot(into: copy)
    let entry = try agentEntry()
    await copy.record(
      Response(step: .change(.init(sequence: 5, change: .entry(entry)))), epoch: Self.epoch)
    let memory = RouteDirectory()
    let change = CallDispatch.RouteChange(setting: entry)
    memory.apply(.changed(try #require(change), at: nil))
    await copy(FakeSealer(keyName: "next", earlier: ["test"])).reseal(memory)
    // The key before is needed no more: not for the rows, nor for what is in them or in memory.
    let routes = RouteDirectory()
    let alone = copy(FakeSealer(keyName: "next"))
    #expect(await alone.load(into: routes, credentials(nil)))
    #expect(routes.number(Self.number)?.provider?.account == Sample.account(1))
    for directory in [routes, memory] {
      let password = try password(in: directory)
      let sealed = SealedSecret(keyName: password.keyName, bytes: password.bytes)
      let opened = try FakeSealer(keyName: "next").open(
        sealed, associatedData: password.associatedData)
      #expect(opened.revealed == Array("swordfish".utf8))
    }
    #expect(try await store.place() == RoutePlace(epoch: Self.epoch, revision: 5))
    // Nothing is left to do.
    let count = await store.stepCount
    await alone.reseal(memory)
    #expect(await store.stepCount == count)
  }

  @Test func withoutAWholeSnapshotThereIsNothing() async {
    let routes = RouteDirectory()
    #expect(await !copy.load(into: routes, credentials(nil)))
    #expect(!routes.isReady)
  }

  @Test func rowsAreSealed() async throws {
    await snapshot(into: copy)
    for row in await store.kept {
      #expect(!row.sealed.contains(subsequence: Array("+15005550006".utf8)))
      #expect(!row.sealed.contains(subsequence: Array(Sample.account(1).description.utf8)))
    }
  }

  @Test func aFullDiskLeavesTheCopyWholeUpToItsPlace() async {
    let copy = copy
    await snapshot(into: copy)
    await store.fill(true)
    await copy.record(removal(5), epoch: Self.epoch)
    #expect(copy.needsSnapshot)
    await store.fill(false)
    // What was missed is missing: nothing later may be written after it.
    await copy.record(removal(6), epoch: Self.epoch)
    #expect(await store.stands?.revision == 4)
    #expect(await store.kept.count == Self.entries.count)
    await snapshot(into: copy, sequence: 7)
    #expect(!copy.needsSnapshot)
    #expect(await store.stands?.revision == 7)
  }

  @Test func aRowThatCantBeReadMakesTheFeedBeginAnew() async {
    await snapshot(into: copy)
    await store.damage(0)
    let routes = RouteDirectory()
    let copy = copy
    #expect(await copy.load(into: routes, credentials(nil)))
    #expect(copy.needsSnapshot)
    #expect(routes.provider(Self.provider) != nil)
  }

  @Test func leasesOutliveARestartUntilTheyAreOver() async throws {
    let provider = try ProviderID(try await services.link(authToken: "token").id)
    await snapshot(into: copy)
    let routes = RouteDirectory()
    routes.apply(
      .changed(
        .setProvider(
          .init(
            id: provider, tenant: .main, account: Sample.account(1), region: .us1,
            signsWebhooks: true)), at: nil))
    await credentials(copy).leaseMissing(routes)

    // The next run has no registry.
    let channel = SwitchedChannel(services.channel)
    channel.isOff.store(true, ordering: .relaxed)
    let restarted = RegistryCredentialSource(
      channel: channel, regions: [.us1], sealer: FakeSealer(), time: time)
    #expect(await copy.load(into: RouteDirectory(), restarted))
    #expect(try await restarted.lease(provider).signingTokens == [Secret("token")])
    time.advance(by: .seconds(24 * 3600 + 1))
    await #expect(throws: CredentialError.unavailable) { try await restarted.lease(provider) }
  }

  @Test func aRemovedProvidersLeaseGoesWithIt() async throws {
    let copy = copy
    await snapshot(into: copy)
    var lease = Trunkline.Internal.V1.LeaseCredentialResponse()
    lease.expireTime = .init(seconds: 1)
    await copy.keep(lease, of: Self.provider)
    #expect(await store.kept.count == Self.entries.count + 1)
    await copy.record(removal(5), epoch: Self.epoch)
    #expect(await store.kept.map(\.key.kind) == [.number, .token])
  }
}

extension [UInt8] {
  fileprivate func contains(subsequence: [UInt8]) -> Bool {
    indices.contains { self[$0...].starts(with: subsequence) }
  }
}
