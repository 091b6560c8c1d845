package import API
internal import Access
package import GRPC
package import Registry
package import Telephony
internal import WellKnown

/// The registry's side of `trunkline.internal.v1.RouteService`: what dispatches follow and lease.
package struct RouteServiceHandler: Trunkline.Internal.V1.RouteServiceProtocol {
  private let feed: RouteFeed
  private let store: any DeploymentStore
  private let seals: TravelSeals
  private let tokens: Tokens
  private let providers: Providers
  private let log: AuditLog
  private let time: any TimeSource

  package init(
    feed: RouteFeed, store: any DeploymentStore, sealer: any SecretSealer, tokens: Tokens,
    providers: Providers, log: AuditLog, time: any TimeSource
  ) {
    self.feed = feed
    self.store = store
    self.seals = TravelSeals(sealer: sealer)
    self.tokens = tokens
    self.providers = providers
    self.log = log
    self.time = time
  }

  /// Entries of one message of a snapshot, as the contract promises.
  private static let snapshotEntriesMax = 500
  /// While nothing changes a heartbeat comes at least this often.
  private static let heartbeatInterval: Swift.Duration = .seconds(10)
  /// How long leased credentials may be used while the registry can't be asked.
  static let leaseLifetime: Swift.Duration = .seconds(24 * 3600)

  package func watchRoutes(
    _ request: Trunkline.Internal.V1.WatchRoutesRequest,
    responses: ResponseWriter<Trunkline.Internal.V1.WatchRoutesResponse>,
    context: ServerContext
  ) async throws(RPCError) {
    try await context.whileAdmitted { () async throws(RPCError) in
      let present = try await page(after: request.afterSequence, limit: 1).feed
      let known = FeedPoint(
        sequence: request.afterSequence, time: request.afterTime.map { Timestamp($0) })
      let start =
        present.continues(known, of: request.epoch)
        ? known : try await sendSnapshot(epoch: present.epoch, to: responses)
      try await sendChanges(after: start, epoch: present.epoch, to: responses)
    }
  }

  /// Sends all routes, and answers where they are at.
  private func sendSnapshot(
    epoch: String, to responses: ResponseWriter<Trunkline.Internal.V1.WatchRoutesResponse>
  ) async throws(RPCError) -> FeedPoint {
    var begin = Trunkline.Internal.V1.WatchRoutesResponse.SnapshotBegin()
    begin.epoch = epoch
    try await responses.write(.init(.snapshotBegin(begin)))
    var point = FeedPoint(sequence: 0, time: nil)
    // Removals that were forgotten before the snapshot began are of no entry in it.
    var forgotten: UInt64?
    while true {
      let page = try await page(after: point.sequence, limit: Self.snapshotEntriesMax)
      let before = forgotten ?? page.feed.prunedThrough
      forgotten = before
      // Events of old routes are forgotten, so that their times can't be compared.
      guard page.feed.agrees(with: point, of: epoch),
        page.feed.prunedThrough <= max(point.sequence, before)
      else { throw Self.beginAnew }
      guard let last = page.changes.last else {
        // All that the store has was sent; what came last may be a removal that it has forgotten.
        point = page.feed.latest
        break
      }
      var entries = Trunkline.Internal.V1.WatchRoutesResponse.RouteEntries()
      entries.entries = page.changes.compactMap { change in
        guard case .put(let entry) = change.kind else { return nil }
        return Trunkline.Internal.V1.RouteEntry(entry, seals)
      }
      if !entries.entries.isEmpty { try await responses.write(.init(.entries(entries))) }
      point = last.point
    }
    var end = Trunkline.Internal.V1.WatchRoutesResponse.SnapshotEnd()
    end.sequence = point.sequence
    end.changeTime = point.time.map { Google.Protobuf.Timestamp($0) }
    try await responses.write(.init(.snapshotEnd(end)))
    return point
  }

  /// Sends each change after `start`, until the call ends.
  private func sendChanges(
    after start: FeedPoint, epoch: String,
    to responses: ResponseWriter<Trunkline.Internal.V1.WatchRoutesResponse>
  ) async throws(RPCError) {
    var point = start
    var lastSent = time.now()
    while true {
      let page = try await page(after: point.sequence, limit: Self.snapshotEntriesMax)
      // Else what the reader has no longer fits what the store tells.
      guard page.feed.continues(point, of: epoch) else { throw Self.beginAnew }
      for change in page.changes {
        point = change.point
        try await responses.write(.init(.change(.init(change, seals))))
        lastSent = time.now()
      }
      if time.now().duration(since: lastSent) >= Self.heartbeatInterval {
        var heartbeat = Trunkline.Internal.V1.WatchRoutesResponse.Heartbeat()
        heartbeat.sequence = point.sequence
        try await responses.write(.init(.heartbeat(heartbeat)))
        lastSent = time.now()
      }
      guard page.changes.isEmpty else { continue }
      point = page.feed.latest
      do {
        try await feed.waitForChange(after: point.sequence)
      } catch {
        throw RPCError(.cancelled, "The call is over.")
      }
    }
  }

  private static var beginAnew: RPCError {
    ErrorDetails(
      .aborted, "ROUTES_BEGIN_ANEW", "The history was shortened meanwhile. Watch again."
    ).error
  }

  private func page(after sequence: UInt64, limit: Int) async throws(RPCError) -> RoutePage {
    // Writes of a cancelled task don't wait for room.
    if Task.isCancelled { throw RPCError(.cancelled, "The call is over.") }
    do throws(RegistryError) {
      return try await feed.page(after: sequence, limit: limit)
    } catch {
      throw RPCError(error)
    }
  }

  package func leaseCredential(
    _ request: Trunkline.Internal.V1.LeaseCredentialRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.Internal.V1.LeaseCredentialResponse {
    var reader = RequestReader()
    let asked: ProviderID? = reader.id("provider_id", request.providerID, form: "prv_")
    try reader.finish()
    guard let id = asked else { throw .unexpected }
    // A provider of another kind has nothing to lend.
    guard let provider = try await provider(id), provider.twilio != nil else {
      throw ErrorDetails(.notFound, "PROVIDER_NOT_FOUND", "There is no provider \(id).").error
    }
    guard request.regions.contains(Trunkline.V1.Region(provider.region)) else {
      throw ErrorDetails(
        .permissionDenied, "WRONG_REGION",
        "Provider \(id) is of region \(provider.region), which the dispatch does not serve."
      ).error
    }
    var response = Trunkline.Internal.V1.LeaseCredentialResponse()
    do throws(SealingError) {
      response.credential = try Trunkline.Internal.V1.Credential(provider, seals)
    } catch {
      throw RPCError(RegistryError(error))
    }
    response.expireTime = Google.Protobuf.Timestamp(time.now().advanced(by: Self.leaseLifetime))
    return response
  }

  package func lookUpToken(
    _ request: Trunkline.Internal.V1.LookUpTokenRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.Internal.V1.LookUpTokenResponse {
    var reader = RequestReader()
    let asked: APITokenID? = reader.id("token_id", request.tokenID, form: "tok_")
    try reader.finish()
    guard let id = asked else { throw .unexpected }
    let grant: TokenGrant?
    do throws(StoreError) {
      grant = try await tokens.grant(id)
    } catch {
      throw RPCError(RegistryError(error))
    }
    guard let grant else {
      throw ErrorDetails(.notFound, "TOKEN_NOT_FOUND", "There is no token \(id).").error
    }
    return .init(token: .init(grant))
  }

  package func noteTokenUse(
    _ request: Trunkline.Internal.V1.NoteTokenUseRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.Internal.V1.NoteTokenUseResponse {
    var reader = RequestReader()
    let asked: APITokenID? = reader.id("token_id", request.tokenID, form: "tok_")
    let owner: TenantID? = reader.id("tenant_id", request.tenantID, form: "ten_")
    try reader.finish()
    guard let id = asked, let tenant = owner else { throw .unexpected }
    let now = time.now()
    // A dispatch whose clock is ahead must not hide the uses of the time in between.
    let use = min(request.useTime.map { Timestamp($0) } ?? now, now)
    do throws(StoreError) {
      try await tokens.noteUse(of: id, tenant: tenant, at: use)
    } catch {
      throw RPCError(RegistryError(error))
    }
    return .init()
  }

  package func noteCredentialUse(
    _ request: Trunkline.Internal.V1.NoteCredentialUseRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.Internal.V1.NoteCredentialUseResponse {
    var reader = RequestReader()
    let asked: ProviderID? = reader.id("provider_id", request.providerID, form: "prv_")
    try reader.finish()
    guard let id = asked else { throw .unexpected }
    do throws(StoreError) {
      try await providers.noteUse(
        of: id, mark: request.mark, CredentialUse(request, now: time.now()))
    } catch {
      throw RPCError(RegistryError(error))
    }
    return .init()
  }

  package func recordAudit(
    _ request: Trunkline.Internal.V1.RecordAuditRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.Internal.V1.RecordAuditResponse {
    guard request.records.count <= AccessLimits.auditRecordsMax else {
      throw ErrorDetails.invalid([
        ("records", "TOO_MANY", "At most \(AccessLimits.auditRecordsMax) are taken at once.")
      ]).error
    }
    do throws(RegistryError) {
      let ids = try await log.record(request.records.compactMap { AuditEntry($0) })
      return .init(recordedIDs: ids.map(\.description))
    } catch {
      throw RPCError(error)
    }
  }

  private func provider(_ id: ProviderID) async throws(RPCError) -> Provider? {
    do throws(StoreError) {
      return try await store.provider(id)
    } catch {
      throw RPCError(RegistryError(error))
    }
  }
}

extension Trunkline.Internal.V1.WatchRoutesResponse {
  fileprivate init(_ step: Step) {
    self.init()
    self.step = step
  }
}
