internal import Access
package import Registry
package import Telephony

extension SQLRegistryStore {
  package func routes(
    after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> RoutePage {
    let rows = try await reader.rows(
      FeedStatements.routes, [SQLValue(sequence), SQLValue(limit)])
    var changes: [RouteChange] = []
    for row in rows where row.optionalInteger(FeedStand.columnCount) != nil {
      let point = FeedPoint(
        sequence: UInt64(clamping: row.integer(5)), time: Timestamp(microseconds: row.integer(10)))
      changes.append(RouteChange(point: point, kind: try routeKind(row)))
    }
    return RoutePage(changes: changes, feed: try FeedStand(rows))
  }

  private func routeKind(_ row: SQLRow) throws(StoreError) -> RouteChange.Kind {
    guard let kind = RouteDocument.Kind(rawValue: row.text(6)) else {
      throw .damaged(cause: "the feed has an unknown kind")
    }
    if row.flag(9) { return .removed(try removal(kind, row)) }
    do throws(RouteDocument.Damaged) {
      return .put(try RouteDocument.decode(kind, row.blob(11)))
    } catch {
      throw .damaged(cause: "a stored route of a \(kind.rawValue) can't be read")
    }
  }

  private func removal(
    _ kind: RouteDocument.Kind, _ row: SQLRow
  ) throws(StoreError) -> RouteRemoval {
    let tenant: TenantID = try StoreError.identifier(row.text(7))
    switch kind {
    case .number: return .number(try StoreError.identifier(row.text(8)), tenant: tenant)
    case .provider: return .provider(try StoreError.identifier(row.text(8)), tenant: tenant)
    case .token: return .token(try StoreError.identifier(row.text(8)), tenant: tenant)
    case .agent:
      do throws(IdentifierError) {
        return .agent(try AgentID(row.text(8)), tenant: tenant)
      } catch {
        throw .damaged(cause: "a stored agent id is not one: \(error)")
      }
    }
  }

  package func events(
    after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> EventPage {
    try EventPage(
      try await reader.rows(FeedStatements.events, [SQLValue(sequence), SQLValue(limit)]))
  }

  // MARK: Pruning

  @discardableResult
  package func prune(
    requestsBefore: Timestamp, historyBefore: Timestamp, limit: Int
  ) async throws(StoreError) -> Int {
    do throws(SQLFailure) {
      return try await reader.engine.transaction {
        session async throws(SQLFailure) -> SQLEnding<Int> in
        var count = try await session.run(
          RegistryStatements.pruneRequests, [SQLValue(requestsBefore), SQLValue(limit)]
        ).changedCount
        count += try await session.run(
          RegistryStatements.pruneJournals, [SQLValue(historyBefore), SQLValue(limit)]
        ).changedCount
        count += try await Self.pruneFeed(session, before: historyBefore, limit)
        return .commit(count)
      }
    } catch {
      throw StoreError(error)
    }
  }

  /// Forgets removals and events, and notes up to which sequence a reader may have missed one. A
  /// fixed number of statements: every commit waits for the feed's row meanwhile.
  private static func pruneFeed(
    _ session: any SQLSession, before time: Timestamp, _ limit: Int
  ) async throws(SQLFailure) -> Int {
    guard let feed = try await session.run(FeedStatements.lockFeed, []).rows.first else {
      throw .damaged(cause: "the feed has no row")
    }
    let removed = try await session.run(
      FeedStatements.pruneRoutes, [SQLValue(time), SQLValue(limit)]
    ).rows
    let oldest = try await session.run(FeedStatements.oldEvents, [SQLValue(limit)]).rows
    let keptFrom = feed.integer(0) - Int64(RegistryLimits.eventCountMax)
    // The last one stays: its time tells this history from another.
    let gone = oldest.prefix { row in
      row.integer(0) < feed.integer(0)
        && (row.integer(1) < time.microseconds || row.integer(0) <= keptFrom)
    }
    let lastEvent = gone.last?.integer(0)
    if let lastEvent {
      _ = try await session.run(FeedStatements.deleteEvents, [.integer(lastEvent)])
    }
    let lastRoute = removed.map { $0.integer(0) }.max()
    guard lastRoute != nil || lastEvent != nil else { return 0 }
    _ = try await session.run(
      FeedStatements.pruned,
      [
        .integer(max(feed.integer(1), lastRoute ?? 0)),
        .integer(max(feed.integer(2), lastEvent ?? 0)),
      ])
    return removed.count + gone.count
  }
}

extension SQLTenantStore {
  package func events(
    of kind: ChangeEvent.Kind, after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> EventPage {
    try EventPage(
      try await reader.rows(
        FeedStatements.eventsOfTenant,
        [SQLValue(sequence), SQLValue(limit), SQLValue(tenant), .text(kind.rawValue)]))
  }
}

extension FeedStand {
  /// What stands at the head of each row of a page.
  fileprivate static let columnCount = 5

  fileprivate init(_ rows: [SQLRow]) throws(StoreError) {
    guard let row = rows.first else { throw .damaged(cause: "the feed has no row") }
    self.init(
      epoch: row.text(2),
      latest: FeedPoint(
        sequence: UInt64(clamping: row.integer(0)),
        time: row.optionalInteger(3).map(Timestamp.init(microseconds:))),
      prunedThrough: UInt64(clamping: row.integer(1)),
      askedTime: row.optionalInteger(4).map(Timestamp.init(microseconds:)))
  }
}

extension EventPage {
  init(_ rows: [SQLRow]) throws(StoreError) {
    var events: [ChangeEvent] = []
    for row in rows where row.optionalInteger(FeedStand.columnCount) != nil {
      guard let kind = ChangeEvent.Kind(rawValue: row.text(7)),
        let change = ChangeEvent.Change(rawValue: row.text(10))
      else { throw .damaged(cause: "the feed has an unknown kind") }
      var number: PhoneNumber?
      if let document = row.optionalBlob(12) {
        number = try StoreError.decode(PhoneNumber.self, document)
      }
      events.append(
        ChangeEvent(
          sequence: UInt64(clamping: row.integer(5)),
          tenant: try StoreError.identifier(row.text(6)), kind: kind, resourceID: row.text(8),
          version: Version(clamping: row.integer(9)), change: change,
          time: Timestamp(microseconds: row.integer(11)), number: number))
    }
    self.init(events: events, feed: try FeedStand(rows))
  }
}
