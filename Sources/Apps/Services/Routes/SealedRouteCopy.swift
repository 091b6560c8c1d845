internal import API
package import CallDispatch
internal import Protobuf
package import Registry
internal import Synchronization
package import Telemetry
internal import Telephony

/// The dispatch's copy of routes, tokens' hashes and leases on its own disk, sealed under the
/// keyring, so that a restart answers inbound calls with registry and database dead (MODEL,
/// section 5).
///
/// A copy that can't be written any more stays as it was, whole up to its place, until the next
/// snapshot; dispatch goes on from memory and the log says so. Callable from any executor; one task
/// records.
package final class SealedRouteCopy: Sendable {
  private enum Condition {
    case good
    /// Something could not be written; what comes before the next snapshot is not written either.
    case behind
  }

  private let store: any RouteCopyStore
  private let sealer: any SecretSealer
  /// What seals the secrets within the rows.
  private let seals: TravelSeals
  private let log: Logger
  private let condition = Mutex(Condition.good)

  /// Rows that are read at a time.
  private static let pageSize = 1000
  /// Pages that are opened while the next one is read.
  private static let pagesAtOnceMax = 4

  /// - Parameters:
  ///   - sealer: seals the rows.
  ///   - secrets: the keyring that secrets within them came sealed under.
  package init(
    store: any RouteCopyStore, sealer: any SecretSealer, secrets: any SecretSealer, log: Logger
  ) {
    self.store = store
    self.sealer = sealer
    seals = TravelSeals(sealer: secrets)
    self.log = log
  }

  /// The copy missed something: whoever opens the feed asks for a snapshot.
  package var needsSnapshot: Bool { condition.withLock { $0 == .behind } }

  // MARK: Reading

  /// Puts what was kept into `routes` and `credentials`; answers whether there were whole routes.
  /// Called once, before the feed is followed.
  package func load(
    into routes: RouteDirectory, _ credentials: RegistryCredentialSource
  ) async -> Bool {
    do throws(RouteCopyError) {
      guard let place = try await store.place() else { return false }
      routes.apply(.snapshotBegan)
      let unreadableCount = try await loadRows(routes, credentials)
      guard unreadableCount == 0 else {
        log.error(
          "rows of the routes' copy can't be read and are left out",
          ["count": .integer(Int64(unreadableCount))])
        condition.withLock { $0 = .behind }
        // The routes that could be read are in use; the feed begins anew.
        routes.apply(.snapshotEnded(RoutePlace(epoch: "", revision: 0)))
        return true
      }
      routes.apply(.snapshotEnded(place))
      return true
    } catch {
      failed(error, "read")
      return false
    }
  }

  /// Reads page after page while those before are opened, on as many threads as there are CPUs: a
  /// million rows would keep a start waiting. Answers how many rows can't be read.
  private func loadRows(
    _ routes: RouteDirectory, _ credentials: RegistryCredentialSource
  ) async throws(RouteCopyError) -> Int {
    let result = await withTaskGroup(of: Int.self) { group in
      var (unreadableCount, pageCount) = (0, 0)
      var last: RouteCopyKey?
      while true {
        let rows: [RouteCopyRow]
        do throws(RouteCopyError) {
          rows = try await store.rows(after: last, limit: Self.pageSize)
        } catch {
          return Result<Int, RouteCopyError>.failure(error)
        }
        if pageCount == Self.pagesAtOnceMax {
          unreadableCount += await group.next() ?? 0
        } else {
          pageCount += 1
        }
        // On any thread: the caller's loop alone would open them one after the other.
        group.addTask(executorPreference: globalConcurrentExecutor) {
          var changes: [CallDispatch.RouteChange] = []
          let unreadableCount = rows.count { !self.take($0, &changes, credentials) }
          routes.apply(changes)
          return unreadableCount
        }
        guard let key = rows.last?.key, rows.count == Self.pageSize else { break }
        last = key
      }
      return .success(await group.reduce(unreadableCount, +))
    }
    return try result.get()
  }

  private func take(
    _ row: RouteCopyRow, _ changes: inout [CallDispatch.RouteChange],
    _ credentials: RegistryCredentialSource
  ) -> Bool {
    guard let bytes = open(row) else { return false }
    if row.key.kind == .lease {
      guard
        let response = try? Trunkline.Internal.V1.LeaseCredentialResponse(serialized: bytes)
      else { return false }
      return credentials.restore(response)
    }
    if row.key.kind == .number, let number = CallDispatch.NumberRoute(kept: bytes) {
      changes.append(.setNumber(number))
      return true
    }
    guard let entry = try? Trunkline.Internal.V1.RouteEntry(serialized: bytes),
      let change = CallDispatch.RouteChange(setting: entry)
    else { return false }
    if case .setProvider(let route) = change {
      credentials.expect(route.id, route.credentialRevision)
    }
    changes.append(change)
    return true
  }

  // MARK: Writing

  /// Writes down a step of the feed; `epoch` is that of the stream.
  func record(_ response: Trunkline.Internal.V1.WatchRoutesResponse, epoch: String) async {
    if case .snapshotBegin = response.step { condition.withLock { $0 = .good } }
    guard !needsSnapshot else { return }
    do {
      guard let change = try change(response, epoch: epoch) else { return }
      try await store.apply(change)
    } catch {
      failed(error, "written")
    }
  }

  /// Keeps a lease, in place of an earlier one of that provider.
  func keep(_ lease: Trunkline.Internal.V1.LeaseCredentialResponse, of provider: ProviderID) async {
    do {
      let key = RouteCopyKey(.lease, provider.description)
      try await store.apply(.kept(try seal(lease, key)))
    } catch {
      log.error("a lease of credentials can't be kept", ["error": .text("\(error)")])
    }
  }

  /// What a step means to the copy; nil for one that this version does not know.
  private func change(
    _ response: Trunkline.Internal.V1.WatchRoutesResponse, epoch: String
  ) throws -> RouteCopyChange? {
    switch response.step {
    case .snapshotBegin: return .snapshotBegan
    case .entries(let entries):
      return .put(try entries.entries.compactMap { try row($0) })
    case .snapshotEnd(let end):
      return .snapshotEnded(place: RoutePlace(end, epoch: epoch))
    case .change(let change):
      let place = RoutePlace(change, epoch: epoch)
      switch change.change {
      case .entry(let entry):
        return try row(entry).map { .changed(put: $0, removed: [], place: place) }
      case .removal(let removal):
        let keys = Self.keys(of: removal)
        return keys.isEmpty ? nil : .changed(put: nil, removed: keys, place: place)
      case nil: return nil
      }
    case .heartbeat, nil: return nil
    }
  }

  private func row(_ entry: Trunkline.Internal.V1.RouteEntry) throws -> RouteCopyRow? {
    switch entry.entry {
    case .number(let number): try seal(entry, RouteCopyKey(.number, number.id))
    case .provider(let provider): try seal(entry, RouteCopyKey(.provider, provider.id))
    case .agent(let agent):
      try seal(entry, RouteCopyKey(.agent, "\(agent.tenantID)/\(agent.id)"))
    case .token(let token): try seal(entry, RouteCopyKey(.token, token.id))
    case nil: nil
    }
  }

  private static func keys(of removal: Trunkline.Internal.V1.RouteRemoval) -> [RouteCopyKey] {
    switch removal.removed {
    case .numberID(let id): [RouteCopyKey(.number, id)]
    case .providerID(let id): [RouteCopyKey(.provider, id), RouteCopyKey(.lease, id)]
    case .agentID(let id): [RouteCopyKey(.agent, "\(removal.tenantID)/\(id)")]
    case .tokenID(let id): [RouteCopyKey(.token, id)]
    case nil: []
    }
  }

  private func failed(_ error: any Error, _ what: String) {
    let before = condition.withLock { condition in
      defer { condition = .behind }
      return condition
    }
    guard before == .good else { return }
    log.error("the routes' copy can't be \(what)", ["error": .text("\(error)")])
  }

  // MARK: Sealing

  /// Seals under the present keys what is under others, rows and the secrets within them, while
  /// another task may record. What `routes` has in memory is replaced likewise.
  package func reseal(_ routes: RouteDirectory) async {
    let name = sealer.currentKeyName
    do throws(RouteCopyError) {
      var last: RouteCopyKey?
      while !Task.isCancelled {
        let rows = try await store.rows(after: last, limit: Self.pageSize)
        let others = rows.compactMap { resealed($0, under: name, routes) }
        if !others.isEmpty { try await store.apply(.resealed(others)) }
        guard let key = rows.last?.key, rows.count == Self.pageSize else { return }
        last = key
      }
    } catch {
      log.error("the routes' copy can't be sealed anew", ["error": .text("\(error)")])
    }
  }

  /// nil: nothing of the row is under another key.
  private func resealed(
    _ row: RouteCopyRow, under name: String, _ routes: RouteDirectory
  ) -> RouteCopyReseal? {
    guard let sealed = Self.sealed(row),
      sealed.keyName != name || row.key.kind == .agent || row.key.kind == .lease,
      let bytes = open(row)
    else { return nil }
    let renewed = renewed(bytes, row.key.kind, routes)
    guard renewed != nil || sealed.keyName != name,
      let next = try? seal(renewed ?? bytes, row.key)
    else { return nil }
    return RouteCopyReseal(row, sealed: next.sealed)
  }

  /// A row's content with the secrets in it sealed anew; nil when none had to be.
  private func renewed(
    _ bytes: [UInt8], _ kind: RouteCopyKind, _ routes: RouteDirectory
  ) -> [UInt8]? {
    switch kind {
    case .lease:
      guard
        let lease = try? Trunkline.Internal.V1.LeaseCredentialResponse(serialized: bytes)
      else { return nil }
      return seals.renewed(lease)?.serialized()
    case .agent:
      guard let entry = try? Trunkline.Internal.V1.RouteEntry(serialized: bytes),
        let next = seals.renewed(entry)
      else { return nil }
      if case .setAgent(let before)? = CallDispatch.RouteChange(setting: entry),
        case .setAgent(let agent)? = CallDispatch.RouteChange(setting: next)
      {
        routes.replace(before, with: agent)
      }
      return next.serialized()
    default: return nil
    }
  }

  private func seal(
    _ message: some Message, _ key: RouteCopyKey
  ) throws(SealingError) -> RouteCopyRow {
    try seal(message.serialized(), key)
  }

  private func seal(
    _ bytes: [UInt8], _ key: RouteCopyKey
  ) throws(SealingError) -> RouteCopyRow {
    let sealed = Trunkline.Internal.V1.Sealed(
      try sealer.seal(Secret(bytes), associatedData: Self.associatedData(key)))
    return RouteCopyRow(key, sealed: sealed.serialized())
  }

  private func open(_ row: RouteCopyRow) -> [UInt8]? {
    guard let sealed = Self.sealed(row) else { return nil }
    let secret = try? sealer.open(sealed, associatedData: Self.associatedData(row.key))
    return secret?.revealed
  }

  private static func sealed(_ row: RouteCopyRow) -> SealedSecret? {
    SealedSecret(kept: row.sealed)
      ?? (try? Trunkline.Internal.V1.Sealed(serialized: row.sealed)).map { SealedSecret($0) }
  }

  /// A row opens under its own name only.
  private static func associatedData(_ key: RouteCopyKey) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(96)
    bytes.append(contentsOf: "trunkline/dispatch/route_copy/".utf8)
    bytes.append(contentsOf: key.kind.rawValue.utf8)
    bytes.append(UInt8(ascii: "/"))
    bytes.append(contentsOf: key.id.utf8)
    return bytes
  }
}
