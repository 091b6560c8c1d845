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
/// higher revision (``RegistryCredentialSource/forget(_:)``) or the lease is over.
package final class RegistryCredentialSource: CredentialSource {
  private struct Entry {
    var lease: CredentialLease
    var leaseTime: Timestamp
    /// Asked again after this, if the registry can be reached.
    var refreshTime: Timestamp
    /// Not used after this.
    var expireTime: Timestamp
  }

  /// How long a lease is used before the registry is asked again.
  private static let freshness: Duration = .seconds(30)
  /// Leases kept at a time; the number of providers is far smaller.
  private static let leaseCountMax = 100_000
  /// How long a lease lasts at most: what the registry grants.
  private static let lifetimeMax = RouteServiceHandler.leaseLifetime
  /// A lease of this age is renewed although nobody asks for it.
  private static let renewalAge: Duration = .seconds(3600)
  /// How often missing leases are looked for.
  private static let readyInterval: Duration = .seconds(2)
  /// How long the registry may take.
  private static let timeout: Duration = .seconds(5)

  private let client: Trunkline.Internal.V1.RouteServiceClient
  private let regions: [Region]
  private let sealer: any SecretSealer
  private let time: any TimeSource
  private let copy: SealedRouteCopy?
  private let entries = Mutex<[ProviderID: Entry]>([:])

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
    let known = entries.withLock { $0[provider] }
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

  /// Drops what is kept of a provider whose credentials have changed.
  package func forget(_ provider: ProviderID) {
    _ = entries.withLock { $0.removeValue(forKey: provider) }
  }

  private func renew(_ provider: ProviderID) async throws(CredentialError) -> CredentialLease {
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
    keep(
      Entry(
        lease: lease, leaseTime: now, refreshTime: now.advanced(by: Self.freshness),
        expireTime: response.expireTime.map { Timestamp($0) } ?? now))
    await copy?.keep(response, of: provider)
    return lease
  }

  private func keep(_ entry: Entry) {
    entries.withLock { entries in
      if entries.count >= Self.leaseCountMax { entries.removeAll() }
      entries[entry.lease.provider] = entry
    }
  }

  /// Tells the registry what became of staged credentials; false when it can't be told now.
  package func tell(_ sum: StagedUses.Sum) async -> Bool {
    var options = CallOptions.defaults
    options.timeout = Self.timeout
    let request = Trunkline.Internal.V1.NoteCredentialUseRequest(sum)
    do throws(RPCError) {
      _ = try await client.noteCredentialUse(request, options: options)
      return true
    } catch {
      switch error.code {
      // A registry of the version before keeps no count.
      case .unimplemented, .invalidArgument: return true
      default: return false
      }
    }
  }

  // MARK: Beforehand

  /// Takes a lease of an earlier run, unless it is over. It is renewed when the registry can be
  /// asked. False when it can't be opened.
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
    keep(
      Entry(
        lease: lease, leaseTime: expireTime.advanced(by: .zero - Self.lifetimeMax),
        refreshTime: now, expireTime: expireTime))
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
    let wanted = entries.withLock { entries in
      providers.filter { provider in
        guard let entry = entries[provider] else { return true }
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
