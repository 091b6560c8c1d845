internal import Telephony

/// One step of a watch of numbers.
package struct NumberStep: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// A number as it is, in the snapshot.
    case snapshot(PhoneNumber)
    case snapshotEnd
    case changed(ChangeEvent)
    /// Nothing changed for `RegistryLimits.watchHeartbeatInterval`.
    case heartbeat
  }

  package var kind: Kind
  /// A later watch goes on after this step.
  package var resumeToken: String
}

/// One watch of a tenant's numbers: first what is there, then each change once and in order. Read
/// by one task; ends when it is let go.
///
/// It holds one page at most, and reads the next when that was taken: a slow reader falls back to
/// the store.
package final class NumberWatch {
  private let feed: NumberFeed
  private let subscription: Int
  private let store: any TenantStore
  private let tokens: ResumeTokens
  private let time: any TimeSource

  /// What the reader has.
  private var place: WatchPlace
  private var isInSnapshot: Bool
  private var pending: ArraySlice<NumberStep.Kind> = []
  /// Where the reader stands when it has taken what is pending.
  private var through: FeedPoint
  private var lastStep: Timestamp

  /// Rows that are read, and held, at a time.
  private static let pageSize = RegistryLimits.watchPageSize

  init(
    feed: NumberFeed, subscription: Int, store: any TenantStore, tokens: ResumeTokens,
    time: any TimeSource, place: WatchPlace, isInSnapshot: Bool
  ) {
    self.feed = feed
    self.subscription = subscription
    self.store = store
    self.tokens = tokens
    self.time = time
    self.place = place
    self.isInSnapshot = isInSnapshot
    through = FeedPoint(sequence: place.sequence, time: nil)
    lastStep = time.now()
  }

  deinit { feed.unsubscribe(subscription) }

  /// The next step; waits for it.
  ///
  /// Throws `resumeTokenExpired` when the reader was so slow that what it did not read is
  /// forgotten, `shuttingDown`, `cancelled`, `storeUnavailable`; then the watch is over.
  package func next() async throws(RegistryError) -> NumberStep {
    while true {
      if Task.isCancelled { throw .cancelled }
      if let kind = pending.popFirst() { return try step(kind) }
      place.advance(to: through)
      if isInSnapshot {
        try await readSnapshot()
      } else if try await readChanges() {
        try await wait()
      }
    }
  }

  private func step(_ kind: NumberStep.Kind) throws(RegistryError) -> NumberStep {
    switch kind {
    case .snapshot(let number):
      place.snapshot = .init(createTime: number.revision.createTime, id: number.id)
    case .snapshotEnd: place.snapshot = nil
    case .changed(let event): place.advance(to: event.point)
    case .heartbeat: place.advance(to: through)
    }
    lastStep = time.now()
    return NumberStep(kind: kind, resumeToken: try tokens.text(of: place))
  }

  private func readSnapshot() async throws(RegistryError) {
    let cursor = place.snapshot?.cursor
    let numbers = try await reading { () async throws(StoreError) in
      try await store.numbers(PhoneNumberFilter(), after: cursor, limit: Self.pageSize)
    }
    // The numbers may rest on changes up to here.
    let feed = try await page(after: place.known.sequence, limit: 0).feed
    try Self.check(place, feed)
    place.know(feed.latest)
    pending = numbers.map { .snapshot($0) }[...]
    if numbers.count < Self.pageSize {
      pending.append(.snapshotEnd)
      isInSnapshot = false
    }
  }

  /// Reads on; true when there is nothing.
  private func readChanges() async throws(RegistryError) -> Bool {
    switch feed.take(subscription, after: place.sequence, limit: Self.pageSize) {
    case .events(let events, let through):
      take(events, through: through)
    case .inStore:
      let page = try await page(after: place.sequence, limit: Self.pageSize)
      let feed =
        place.sequence == place.known.sequence
        ? page.feed : try await self.page(after: place.known.sequence, limit: 0).feed
      try Self.check(place, feed)
      take(page.events, through: page.end(limit: Self.pageSize))
    case .isOver: throw .resumeTokenExpired
    case .shutDown: throw .shuttingDown
    }
    return pending.isEmpty
  }

  private func page(
    after sequence: UInt64, limit: Int
  ) async throws(RegistryError) -> EventPage {
    try await reading { () async throws(StoreError) in
      try await store.events(of: .number, after: sequence, limit: limit)
    }
  }

  private func take(_ events: [ChangeEvent], through: FeedPoint) {
    pending = events.map { .changed($0) }[...]
    self.through = through
  }

  /// Waits for a change; puts in a heartbeat when none came for long enough.
  private func wait() async throws(RegistryError) {
    place.advance(to: through)
    let quiet = time.now().duration(since: lastStep)
    let rest = RegistryLimits.watchHeartbeatInterval - quiet
    if rest > .zero { await feed.wait(subscription, after: place.sequence, atMost: rest) }
    guard time.now().duration(since: lastStep) >= RegistryLimits.watchHeartbeatInterval else {
      return
    }
    // Nothing is known of changes: the reader looks for a registry that knows.
    if feed.isAway { throw .storeUnavailable(cause: "the feed of changes is away") }
    if try await readChanges() { pending = [.heartbeat] }
  }

  /// Refuses a place from which the store can't go on. `feed` was read after what is known there.
  static func check(_ place: WatchPlace, _ feed: FeedStand) throws(RegistryError) {
    guard place.history == history(of: feed.epoch),
      feed.continues(place.known, of: feed.epoch), place.sequence >= feed.prunedThrough
    else { throw .resumeTokenExpired }
  }

  static func history(of epoch: String) -> UInt64 { PageToken.hash(Array(epoch.utf8)) }
}
