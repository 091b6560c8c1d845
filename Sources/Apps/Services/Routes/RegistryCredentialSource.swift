internal import API
package import CallDispatch
package import GRPC
package import Registry
internal import Synchronization
package import Telephony
internal import WellKnown

/// The dispatch's credentials, leased from a registry behind a channel.
///
/// They travel and rest sealed; what is opened is kept in memory until the provider's route shows a
/// higher revision (``RegistryCredentialSource/forget(_:below:)``) or the lease is over.
package final class RegistryCredentialSource: CredentialSource {
  private struct Entry {
    var lease: CredentialLease
    var leaseTime: Timestamp
    /// Asked again after this, if the registry can be reached.
    var refreshTime: Timestamp
    /// Not used after this.
    var expireTime: Timestamp
  }

  private struct State {
    var entries: [ProviderID: Entry] = [:]
    /// The highest revision that is known of a provider: an answer that was on its way while the
    /// credentials changed brings a lower one, and is not taken.
    var revisions: [ProviderID: UInt64] = [:]

    mutating func raise(_ provider: ProviderID, to revision: UInt64) {
      if revisions[provider] == nil, revisions.count >= RegistryCredentialSource.leaseCountMax {
        revisions.removeAll()
      }
      revisions[provider] = max(revisions[provider] ?? 0, revision)
    }
  }

  /// How long a lease is used before the registry is asked again.
  private static let freshness: Duration = .seconds(30)
  /// Leases kept at a time; the number of providers is far smaller.
  private static let leaseCountMax = 100_000
  /// How long a lease lasts at most: what the registry grants.
  private static let lifetimeMax = RouteServiceHandler.leaseLifetime
  /// A lease of this age is renewed although nobody asks for it.
  private static let renewalAge: Duration = .seconds(3600)
  /// Answers in a row that are older than what is known; then the registry counts as away.
  private static let staleAnswersMax = 3
  /// How often missing leases are looked for.
  private static let readyInterval: Duration = .seconds(2)
  /// How long the registry may take.
  private static let timeout: Duration = .seconds(5)

  private let client: Trunkline.Internal.V1.RouteServiceClient
  private let regions: [Region]
  private let sealer: any SecretSealer
  private let time: any TimeSource
  private let copy: SealedRouteCopy?
  private let state = Mutex(State())

  /// Leases are written to `copy`, so that a restart can use them.
  package init(
    channel: any Channel, regions: Set<Region>, sealer: any SecretSealer, time: any TimeSource,
    copy: SealedRouteCopy? = nil
  ) {
    self.copy = copy
    client = Trunkline.Internal.V1.RouteServiceClient(channel: channel)
    self.regions = regions.sorted()
    self.sealer = sealer
    self.time = time
  }

  package func lease(_ provider: ProviderID) async throws(CredentialError) -> CredentialLease {
    let known = state.withLock { $0.entries[provider] }
    let now = time.now()
    if let known, now < known.refreshTime { return known.lease }
    do throws(CredentialError) {
      return try await renew(provider)
    } catch .unavailable {
      // The registry can't be asked: what was lent may be used until it expires.
      if let known, now < known.expireTime { return known.lease }
      throw .unavailable
    }
  }

  /// Drops what is kept of a provider whose credentials have changed, and takes nothing any more
  /// that is older than `revision`.
  package func forget(_ provider: ProviderID, below revision: UInt64 = 0) {
    state.withLock { state in
      state.entries[provider] = nil
      state.raise(provider, to: revision)
    }
  }

  /// A route of an earlier run: leases that are older than it are not taken, whichever is read
  /// first.
  func expect(_ provider: ProviderID, _ revision: UInt64) {
    state.withLock { state in
      let before = state.revisions[provider] ?? 0
      if before < revision { state.entries[provider] = nil }
      state.raise(provider, to: revision)
    }
  }

  /// The routes come anew, maybe from a database that went back to an older copy of itself: earlier
  /// revisions say nothing.
  func beginAnew() { state.withLock { $0.revisions.removeAll() } }

  private func renew(_ provider: ProviderID) async throws(CredentialError) -> CredentialLease {
    for _ in 0..<Self.staleAnswersMax {
      if let lease = try await ask(provider) { return lease }
    }
    throw .unavailable
  }

  /// nil: the answer is older than what is known by now.
  private func ask(_ provider: ProviderID) async throws(CredentialError) -> CredentialLease? {
    var request = Trunkline.Internal.V1.LeaseCredentialRequest()
    request.providerID = provider.description
    request.regions = regions.map { Trunkline.V1.Region($0) }
    var options = CallOptions.defaults
    options.timeout = Self.timeout
    let response: Trunkline.Internal.V1.LeaseCredentialResponse
    do throws(RPCError) {
      response = try await client.leaseCredential(request, options: options)
    } catch {
      switch error.code {
      case .notFound, .permissionDenied:
        forget(provider)
        throw .unknown
      default: throw .unavailable
      }
    }
    guard let credential = response.credential else { throw .unavailable }
    let lease = try open(credential, of: provider)
    let now = time.now()
    let isKept = keep(
      Entry(
        lease: lease, leaseTime: now, refreshTime: now.advanced(by: Self.freshness),
        expireTime: response.expireTime.map { Timestamp($0) } ?? now),
      credential.credentialRevision)
    guard isKept else { return nil }
    await copy?.keep(response, of: provider)
    return lease
  }

  /// False where a higher revision is known.
  private func keep(_ entry: Entry, _ revision: UInt64) -> Bool {
    let provider = entry.lease.provider
    return state.withLock { state in
      guard revision >= state.revisions[provider] ?? 0 else { return false }
      state.raise(provider, to: revision)
      if state.entries.count >= Self.leaseCountMax { state.entries.removeAll() }
      state.entries[provider] = entry
      return true
    }
  }

  /// Tells the registry what became of staged credentials.
  package func tell(_ sum: StagedUses.Sum) async -> StagedUses.Telling {
    var options = CallOptions.defaults
    options.timeout = Self.timeout
    let request = Trunkline.Internal.V1.NoteCredentialUseRequest(sum)
    do throws(RPCError) {
      _ = try await client.noteCredentialUse(request, options: options)
      return .done
    } catch {
      switch error.code {
      // A registry of the version before keeps no count.
      case .unimplemented, .invalidArgument: return .done
      case .unavailable, .deadlineExceeded: return .isAway
      default: return .failed
      }
    }
  }

  // MARK: Beforehand

  /// Takes a lease of an earlier run, unless it is over or older than what is known. It is renewed
  /// when the registry can be asked. False when it can't be opened.
  func restore(_ response: Trunkline.Internal.V1.LeaseCredentialResponse) -> Bool {
    guard let credential = response.credential,
      let provider = try? ProviderID(credential.providerID),
      let lease = try? open(credential, of: provider)
    else { return false }
    let now = time.now()
    let expireTime = response.expireTime.map { Timestamp($0) } ?? now
    // A clock that was set back must not make a lease last longer than one of now.
    let latest = now.advanced(by: Self.lifetimeMax)
    guard now < expireTime, expireTime <= latest else { return true }
    _ = keep(
      Entry(
        lease: lease, leaseTime: expireTime.advanced(by: .zero - Self.lifetimeMax),
        refreshTime: now, expireTime: expireTime),
      credential.credentialRevision)
    return true
  }

  /// Leases the credentials of every provider of this dispatch's regions before they are needed,
  /// and again before they are over, until the calling task is cancelled: a registry that dies
  /// leaves none unknown. Called once, by the wiring, in a task of its own.
  package func keepReady(_ routes: RouteDirectory) async {
    while !Task.isCancelled {
      await leaseMissing(routes)
      guard (try? await time.sleep(for: Self.readyInterval)) != nil else { return }
    }
  }

  /// One round of ``keepReady(_:)``.
  func leaseMissing(_ routes: RouteDirectory) async {
    let now = time.now()
    let providers = routes.providers(of: Set(regions))
    let wanted = state.withLock { state in
      providers.filter { provider in
        guard let entry = state.entries[provider] else { return true }
        return now >= entry.leaseTime.advanced(by: Self.renewalAge)
      }
    }
    for provider in wanted where !Task.isCancelled {
      do throws(CredentialError) {
        _ = try await renew(provider)
      } catch {
        // A registry that is away is not asked for every provider; the next round tries again.
        guard error != .unavailable else { return }
      }
    }
  }

  private func open(
    _ credential: Trunkline.Internal.V1.Credential, of provider: ProviderID
  ) throws(CredentialError) -> CredentialLease {
    guard let account = try? AccountSID(credential.accountSID),
      let region = Region(credential.region)
    else { throw .unreadable }
    let token = try open(credential.authToken, .authToken(provider))
    let secret = try open(credential.apiKeySecret, .apiKeySecret(provider))
    guard
      let authentication = CredentialLease.Authentication(credential.apiKeySID, secret, token)
    else { throw .unknown }
    return CredentialLease(
      provider: provider, account: account, region: region, authentication: authentication,
      signingTokens: token.map { [$0] } ?? [],
      staged: try credential.staged.flatMap { (staged) throws(CredentialError) in
        try open(staged, of: provider)
      },
      previous: try previous(credential, of: provider))
  }

  private func open(
    _ staged: Trunkline.Internal.V1.StagedCredential, of provider: ProviderID
  ) throws(CredentialError) -> CredentialLease.Staged? {
    let token = try open(staged.authToken, .stagedAuthToken(provider))
    let secret = try open(staged.apiKeySecret, .stagedAPIKeySecret(provider))
    guard let authentication = CredentialLease.Authentication(staged.apiKeySID, secret, token)
    else { return nil }
    return CredentialLease.Staged(
      mark: staged.mark, authentication: authentication, signingToken: token)
  }

  private func previous(
    _ credential: Trunkline.Internal.V1.Credential, of provider: ProviderID
  ) throws(CredentialError) -> CredentialLease.Previous? {
    guard let time = credential.previousExpireTime,
      let token = try open(credential.previousAuthToken, .previousAuthToken(provider))
    else { return nil }
    return CredentialLease.Previous(signingToken: token, expireTime: Timestamp(time))
  }

  private func open(
    _ sealed: Trunkline.Internal.V1.Sealed?, _ field: CredentialField
  ) throws(CredentialError) -> Secret? {
    guard let sealed else { return nil }
    do throws(SealingError) {
      return try sealer.open(SealedSecret(sealed), associatedData: field.associatedData)
    } catch {
      throw .unreadable
    }
  }
}

extension CredentialLease.Authentication {
  /// The key before the token; nil when neither is there.
  fileprivate init?(_ sid: String, _ secret: Secret?, _ token: Secret?) {
    if let secret, let sid = try? APIKeySID(sid) {
      self = .apiKey(sid, secret: secret)
    } else if let token {
      self = .authToken(token)
    } else {
      return nil
    }
  }
}

extension Timestamp {
  /// Whole microseconds of a message's time.
  init(_ time: Google.Protobuf.Timestamp) {
    self.init(microseconds: time.seconds &* 1_000_000 &+ Int64(time.nanos) / 1000)
  }
}
