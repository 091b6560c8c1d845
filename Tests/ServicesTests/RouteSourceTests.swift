import API
import Access
import CallDispatch
import GRPC
import GRPCInProcess
import Registry
import Synchronization
import Telephony
import TestKit
import Testing

@testable import Services

/// What a follower was told, until it has enough.
private final class Updates: Sendable {
  let all = Mutex<[RouteUpdate]>([])
}

struct RouteSourceTests {
  let services = RegistryServices()

  private var credentials: RegistryCredentialSource {
    RegistryCredentialSource(
      channel: services.channel, regions: [.us1], sealer: FakeSealer(), time: ManualTime())
  }

  /// Follows from `place` until `isEnough`, and gives what came.
  private func follow(
    after place: RoutePlace?, until isEnough: @escaping @Sendable (RouteUpdate) -> Bool
  ) async -> [RouteUpdate] {
    let source = RegistryRouteSource(
      channel: services.channel, regions: [.us1], credentials: credentials,
      sealer: FakeSealer())
    let updates = Updates()
    await withTaskGroup(of: Void.self) { group in
      await withCheckedContinuation { (enough: CheckedContinuation<Void, Never>) in
        group.addTask {
          let waiting = Mutex<CheckedContinuation<Void, Never>?>(enough)
          try? await source.follow(after: place) { update in
            let continuation = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
              // What comes before the feed is let go is more than enough.
              guard waiting != nil else { return nil }
              updates.all.withLock { $0.append(update) }
              guard isEnough(update) else { return nil }
              defer { waiting = nil }
              return waiting
            }
            continuation?.resume()
          }
        }
      }
      group.cancelAll()
    }
    return updates.all.withLock { $0 }
  }

  @Test func followerGetsASnapshotAndGoesOnFromIt() async throws {
    let provider = try await services.link()
    let snapshot = await follow(after: nil) { update in
      if case .snapshotEnded = update { true } else { false }
    }
    #expect(snapshot.first == .snapshotBegan)
    #expect(snapshot.count == 3)
    guard case .changed(.setProvider(let route), at: nil) = snapshot[1],
      case .snapshotEnded(let place) = snapshot[2]
    else { return #expect(Bool(false), "\(snapshot)") }
    #expect(route.id.description == provider.id)
    #expect(!route.signsWebhooks)

    let connection = Trunkline.V1.AgentConnection(endpoint: .sip(.init(uri: "sip:a@b.example")))
    _ = try await services.agents.createAgent(
      .init(agent: .init(id: "desk", connections: [connection])))
    let changes = await follow(after: place) { _ in true }
    guard case .changed(.setAgent(let agent), at: let next?) = changes.first else {
      return #expect(Bool(false), "\(changes)")
    }
    #expect(agent.id.description == "desk")
    #expect(next.epoch == place.epoch && next.revision > place.revision)
  }

  @Test func tokensComeWithTheRoutesAndGoWhenTheyAreRevoked() async throws {
    let caller = Caller.of(.main)
    let kept = try await services.tokens.create(
      CreateToken(scopes: ["calls:place", "calls:read"]), by: caller)
    let grant = try #require(kept.token.grant)
    let snapshot = await follow(after: nil) { update in
      if case .snapshotEnded = update { true } else { false }
    }
    #expect(snapshot.contains(.changed(.setToken(grant), at: nil)))
    guard case .snapshotEnded(let place)? = snapshot.last else {
      return #expect(Bool(false), "\(snapshot)")
    }
    _ = try await services.tokens.revoke("\(grant.id)", of: "", by: caller)
    let changes = await follow(after: place) { _ in true }
    guard case .changed(.removeToken(grant.id), at: _?) = changes.first else {
      return #expect(Bool(false), "\(changes)")
    }
  }

  @Test func aTokenThatHasNotComeIsLookedUp() async throws {
    let source = RegistryTokenSource(channel: services.channel)
    let made = try await services.tokens.create(
      CreateToken(scopes: ["calls:place"]), by: .of(.main))
    #expect(try await source.grant(made.token.id) == made.token.grant)
    #expect(try await source.grant(Sample.tokenID(77)) == nil)

    let grant = try #require(made.token.grant)
    let now = services.context.time.now()
    // A clock that is ahead counts as now.
    try await source.noteUse(of: grant, at: now.advanced(by: .seconds(3600)))
    let page = try await services.tokens.list(PageRequest(), of: "", by: .of(.main))
    #expect(page.elements.first?.lastUseTime == now)

    _ = try await services.tokens.revoke("\(grant.id)", of: "", by: .of(.main))
    #expect(try await source.grant(made.token.id) == nil)
    let cut = SwitchedChannel(services.channel)
    cut.isOff.store(true, ordering: .relaxed)
    await #expect(throws: RPCError.self) {
      try await RegistryTokenSource(channel: cut).grant(made.token.id)
    }
  }

  @Test func placeOfAnotherEpochBeginsAnew() async throws {
    _ = try await services.link()
    let elsewhere = RoutePlace(epoch: "another", revision: 1)
    let updates = await follow(after: elsewhere) { update in
      if case .snapshotEnded = update { true } else { false }
    }
    #expect(updates.first == .snapshotBegan)
  }

  @Test func credentialsAreLeasedSealedAndOpened() async throws {
    let provider = try await services.link(authToken: "token")
    let lease = try await credentials.lease(ProviderID(provider.id))
    #expect(lease.account == Sample.account(1))
    #expect(lease.signingTokens == [Secret("token")])
    guard case .apiKey(let sid, let secret) = lease.authentication else {
      return #expect(Bool(false))
    }
    #expect(sid == Sample.key(1) && secret == Secret("secret"))
  }

  /// Stages the second key and the second token of the sample account.
  private func stage(_ provider: Trunkline.V1.Provider) async throws {
    let account = Sample.account(1)
    services.carrier.addKey(Sample.key(2), secret: "fresh", account: account, region: .us1)
    services.carrier.setToken("second", account: account, region: .us1)
    var request = Trunkline.V1.StageCredentialRequest()
    request.id = provider.id
    request.credential = .twilio(
      .init(
        apiKeySID: Sample.key(2).description, apiKeySecret: "fresh", authToken: "second"))
    _ = try await services.providers.stageCredential(request)
  }

  @Test func stagedAndPreviousCredentialsAreLeasedToo() async throws {
    let provider = try await services.link(authToken: "token")
    try await stage(provider)
    let lease = try await credentials.lease(ProviderID(provider.id))
    #expect(lease.signingTokens == [Secret("token")])
    #expect(lease.staged?.mark == 2)
    #expect(lease.staged?.signingToken == Secret("second"))
    guard case .apiKey(Sample.key(2), Secret("fresh")) = lease.staged?.authentication else {
      return #expect(Bool(false))
    }
    #expect(lease.previous == nil)
    let promoted = try await services.providers.promoteCredential(.init(id: provider.id))
    let after = try await credentials.lease(ProviderID(provider.id))
    #expect(after.signingTokens == [Secret("second")])
    #expect(after.staged == nil)
    #expect(after.previous?.signingToken == Secret("token"))
    let end = promoted.provider?.previousCredential?.expireTime
    #expect(end != nil && after.previous.map { .init($0.expireTime) } == end)
  }

  @Test func useOfStagedCredentialsIsTold() async throws {
    let provider = try await services.link(authToken: "token")
    try await stage(provider)
    let uses = StagedUses()
    uses.signed(try ProviderID(provider.id), 2, at: Sample.time(-5))
    uses.answered(.create, try ProviderID(provider.id), 2, at: Sample.time(3600))
    let sum = try #require(uses.take().first)
    #expect(await credentials.tell(sum) == .done)
    let read = try await services.providers.getProvider(.init(id: provider.id)).provider
    let staged = try #require(read?.stagedCredential)
    #expect(staged.state == .proven)
    #expect((staged.webhookCount, staged.requestCount, staged.refusalCount) == (1, 1, 0))
    #expect(staged.firstSuccessTime.map { Timestamp($0) } == Sample.time(-5))
    // A clock that is ahead hides nothing.
    #expect(staged.lastSuccessTime.map { Timestamp($0) } == Sample.start)
    #expect(read?.etag == (try await services.store.provider(ProviderID(provider.id)))?.etag)
    // A registry that is away is told later; one that does not know the method, never.
    let channel = SwitchedChannel(services.channel)
    channel.isOff.store(true, ordering: .relaxed)
    let away = RegistryCredentialSource(
      channel: channel, regions: [.us1], sealer: FakeSealer(), time: ManualTime())
    #expect(await away.tell(sum) == .isAway)
    let before = RegistryCredentialSource(
      channel: InProcessChannel(router: Router(services: [])), regions: [.us1],
      sealer: FakeSealer(), time: ManualTime())
    #expect(await before.tell(sum) == .done)
  }

  /// Before a key is removed a dispatch's copy brings all that it holds under the next.
  @Test func everySecretOfALeaseIsRenewed() async throws {
    let provider = try await services.link(authToken: "token")
    try await stage(provider)
    var request = Trunkline.Internal.V1.LeaseCredentialRequest()
    request.providerID = provider.id
    request.regions = [.us1]
    let client = Trunkline.Internal.V1.RouteServiceClient(channel: services.channel)
    let new = TravelSeals(sealer: FakeSealer(keyName: "new", earlier: ["test"]))
    for isPromoted in [false, true] {
      if isPromoted {
        _ = try await services.providers.promoteCredential(.init(id: provider.id))
      }
      let lease = try await client.leaseCredential(request)
      let credential = try #require(new.renewed(lease)?.credential)
      let sealed = [
        credential.apiKeySecret, credential.authToken, credential.previousAuthToken,
        credential.staged?.apiKeySecret, credential.staged?.authToken,
      ].compactMap(\.self)
      #expect(sealed.count == (isPromoted ? 3 : 4))
      #expect(sealed.allSatisfy { $0.keyName == "new" })
    }
  }

  @Test func anotherRegionsCredentialsAreNotLent() async throws {
    let provider = try await services.link()
    let id = try ProviderID(provider.id)
    let elsewhere = RegistryCredentialSource(
      channel: services.channel, regions: [.ie1], sealer: FakeSealer(), time: ManualTime())
    await #expect(throws: CredentialError.unknown) { try await elsewhere.lease(id) }
  }

  /// An answer that was on its way while the credentials changed, and a copy of an earlier run.
  @Test func anOlderLeaseIsNotPutBack() async throws {
    let provider = try await services.link(authToken: "token")
    let id = try ProviderID(provider.id)
    var request = Trunkline.Internal.V1.LeaseCredentialRequest()
    request.providerID = provider.id
    request.regions = [.us1]
    let client = Trunkline.Internal.V1.RouteServiceClient(channel: services.channel)
    let older = try await client.leaseCredential(request)
    let revision = try #require(older.credential).credentialRevision
    let channel = SwitchedChannel(services.channel)
    let source = RegistryCredentialSource(
      channel: channel, regions: [.us1], sealer: FakeSealer(),
      time: ManualTime(now: Sample.start))
    _ = try await source.lease(id)
    source.forget(id, below: revision + 1)
    // The registry tells of an older one yet.
    await #expect(throws: CredentialError.unavailable) { try await source.lease(id) }
    channel.isOff.store(true, ordering: .relaxed)
    #expect(source.restore(older))
    await #expect(throws: CredentialError.unavailable) { try await source.lease(id) }
    // The routes of a database that went back to an older copy.
    source.beginAnew()
    source.forget(id, below: revision)
    #expect(source.restore(older))
    #expect(try await source.lease(id).signingTokens == [Secret("token")])
    // A route of the copy is newer than its lease, whichever is read first.
    source.expect(id, revision)
    #expect(try await source.lease(id).provider == id)
    source.expect(id, revision + 1)
    await #expect(throws: CredentialError.unavailable) { try await source.lease(id) }
  }

  @Test func leaseIsUsedWhileTheRegistryIsAway() async throws {
    let provider = try await services.link()
    let id = try ProviderID(provider.id)
    let time = ManualTime()
    let channel = SwitchedChannel(services.channel)
    let source = RegistryCredentialSource(
      channel: channel, regions: [.us1], sealer: FakeSealer(), time: time)
    _ = try await source.lease(id)
    channel.isOff.store(true, ordering: .relaxed)
    time.advance(by: .seconds(3600))
    #expect(try await source.lease(id).provider == id)
    time.advance(by: .seconds(24 * 3600))
    await #expect(throws: CredentialError.unavailable) { try await source.lease(id) }
  }
}

/// A channel that can be cut.
final class SwitchedChannel: Channel {
  let isOff = Atomic<Bool>(false)
  private let base: any Channel

  init(_ base: any Channel) { self.base = base }

  func withStream<Result>(
    _ method: MethodDescriptor, _ options: CallOptions,
    _ body: (any ClientStream) async throws(RPCError) -> Result
  ) async throws(RPCError) -> Result {
    if isOff.load(ordering: .relaxed) { throw RPCError(.unavailable, "cut") }
    return try await base.withStream(method, options, body)
  }
}
