internal import Telephony

/// What a watcher is told.
package enum CallUpdate: Sendable, Hashable {
  /// The call as it is after a change, or at the beginning.
  case changed(Call, resumeToken: String)
  /// What was to be sent at the beginning has been sent; changes follow as they happen.
  case level(resumeToken: String)

  /// A later watch with the same filter goes on after this update.
  package var resumeToken: String {
    switch self {
    case .changed(_, let token), .level(let token): token
    }
  }
}

/// One watch: first what is there, then each change. Read by one task; ends when it is let go.
package final class CallWatch {
  private let feed: CallFeed
  private let subscription: Int
  private let store: any CallStore
  private let filter: CallFilter
  private let tokens: WatchTokens
  private let regions: [Region]

  /// What is to be read from the store before changes are waited for, in each region: after its
  /// `cursor`, up to its `head`.
  private var cursor: WatchPlace
  private var head: WatchPlace
  private let catchUpFilter: CallFilter
  private var isLevel = false
  private var pending: [Call] = []
  private var pendingIndex = 0

  init(
    feed: CallFeed, subscription: Int, store: any CallStore, filter: CallFilter,
    after place: WatchPlace?, counts: [Region: ChangeCount], tokens: WatchTokens
  ) {
    self.feed = feed
    self.subscription = subscription
    self.store = store
    self.filter = filter
    self.tokens = tokens
    regions = filter.region.map { [$0] } ?? Region.allCases
    cursor = place ?? [:]
    head = counts.mapValues(\.latest)
    var catchUpFilter = filter
    if place == nil { catchUpFilter.liveOnly = true }
    self.catchUpFilter = catchUpFilter
  }

  /// Whether all that came since the place where it begins is there: not when calls were forgotten
  /// meanwhile, or when the store went back to an older copy of itself.
  func isWhole(_ counts: [Region: ChangeCount]) -> Bool {
    guard !cursor.isEmpty else { return true }
    return regions.allSatisfy { region in
      let count = counts[region] ?? ChangeCount()
      return (count.prunedThrough...max(count.latest, count.prunedThrough))
        .contains(cursor[region] ?? 0)
    }
  }

  deinit { feed.unsubscribe(subscription) }

  /// The next update; waits for it.
  ///
  /// Throws `watcherTooSlow` with the token to go on from, `shuttingDown`, `cancelled`,
  /// `storeUnavailable`; then the watch is over.
  package func next() async throws(DispatchError) -> CallUpdate {
    while true {
      if Task.isCancelled { throw .cancelled }
      if let call = nextPending() {
        told(call.region, through: call.change)
        return .changed(call, resumeToken: token)
      }
      if let region = regions.first(where: { cursor[$0, default: 0] < head[$0, default: 0] }) {
        if try await readPage(of: region) { told(region, through: head[region] ?? 0) }
      } else if isLevel {
        try await takeChanges()
      } else {
        isLevel = true
        return .level(resumeToken: token)
      }
    }
  }

  private var token: String { tokens.text(of: cursor) }

  private func told(_ region: Region, through change: Int64) {
    cursor[region] = max(cursor[region] ?? 0, change)
  }

  private func nextPending() -> Call? {
    guard pendingIndex < pending.count else { return nil }
    defer { pendingIndex += 1 }
    return pending[pendingIndex]
  }

  /// Reads on towards the region's head; true when there is no more.
  private func readPage(of region: Region) async throws(DispatchError) -> Bool {
    let limit = Limits.pageSizeMax
    do throws(CallStoreError) {
      pending = try await store.changes(
        ChangeQuery(
          filter: isLevel ? filter : catchUpFilter, region: region, after: cursor[region] ?? 0,
          through: head[region] ?? 0, limit: limit))
    } catch .damaged(let cause) {
      throw .storeDamaged(cause: cause)
    } catch {
      throw .storeUnavailable
    }
    pendingIndex = 0
    return pending.isEmpty
  }

  private func takeChanges() async throws(DispatchError) {
    await feed.wait(subscription)
    switch feed.take(subscription) {
    case .calls(let calls):
      // What came between the subscription and the head was read from the store.
      pending = calls.filter { $0.change > head[$0.region, default: 0] }
      pendingIndex = 0
    case .look:
      do throws(CallStoreError) {
        head = try await store.changeCounts().mapValues(\.latest)
      } catch {
        throw .storeUnavailable
      }
    case .overflowed: throw .watcherTooSlow(resumeToken: token)
    case .shutDown: throw .shuttingDown
    }
  }
}

/// The tokens of lists. Each is bound to the filter that it was made for.
enum CallToken {
  static func fingerprint(of filter: CallFilter) -> Fingerprint {
    var fingerprint = Fingerprint()
    fingerprint.combine(filter.tenant.description)
    fingerprint.combine(filter.number?.description)
    fingerprint.combine(filter.agent?.description)
    fingerprint.combine(filter.provider?.description)
    fingerprint.combine(filter.region?.rawValue)
    fingerprint.combine(filter.state?.rawValue)
    fingerprint.combine(filter.direction?.rawValue)
    fingerprint.combine(filter.liveOnly ? 1 : 0)
    return fingerprint
  }

  static func page(after call: CallID, fingerprint: Fingerprint) -> String {
    "p\(String(fingerprint.bits, radix: 16)).\(call)"
  }

  /// The last call of the page before; nil when the token is not of this filter.
  static func call(ofPage token: String, fingerprint: Fingerprint) -> CallID? {
    suffix(of: token, kind: "p", fingerprint: fingerprint).flatMap { try? CallID($0) }
  }

  private static func suffix(
    of token: String, kind: String, fingerprint: Fingerprint
  ) -> String? {
    let prefix = "\(kind)\(String(fingerprint.bits, radix: 16))."
    guard token.utf8.count <= Limits.tokenLengthMax, token.hasPrefix(prefix) else { return nil }
    return String(token.dropFirst(prefix.count))
  }
}
