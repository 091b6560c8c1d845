package import Registry
package import Telephony

extension SQLiteRegistryStore {
  package func routes(after sequence: UInt64, limit: Int) throws(StoreError) -> RoutePage {
    let feeds = try run("SELECT latest, pruned_through, epoch FROM route_feed")
    guard let feed = feeds.first else { throw .damaged(cause: "the route feed has no row") }
    let rows = try run(
      """
      SELECT r.sequence, r.kind, r.tenant, r.id, r.is_removed,
        CASE r.kind
        WHEN 'number' THEN (SELECT document FROM phone_numbers n WHERE n.id = r.id)
        WHEN 'provider' THEN (SELECT document FROM providers p WHERE p.id = r.id)
        WHEN 'agent' THEN
          (SELECT document FROM agents a WHERE a.tenant = r.tenant AND a.id = r.id)
        END
      FROM routes r WHERE r.sequence > ?1 ORDER BY r.sequence LIMIT ?2
      """,
      [SQLiteValue(sequence), .integer(Int64(limit))])
    var changes: [RouteChange] = []
    for row in rows {
      let kind: RouteChange.Kind =
        row.flag(4) ? .removed(try removal(in: row)) : .put(try entry(in: row))
      changes.append(RouteChange(sequence: UInt64(clamping: row.integer(0)), kind: kind))
    }
    return RoutePage(
      changes: changes, latest: UInt64(clamping: feed.integer(0)),
      prunedThrough: UInt64(clamping: feed.integer(1)),
      epoch: feed.text(2))
  }

  private func kind(in row: SQLiteRow) throws(StoreError) -> RouteFeedWriter.Kind {
    guard let kind = RouteFeedWriter.Kind(rawValue: row.text(1)) else {
      throw .damaged(cause: "the route feed has an unknown kind")
    }
    return kind
  }

  private func removal(in row: SQLiteRow) throws(StoreError) -> RouteRemoval {
    let tenant: TenantID = try identifier(row.text(2))
    switch try kind(in: row) {
    case .number: return .number(try identifier(row.text(3)), tenant: tenant)
    case .provider: return .provider(try identifier(row.text(3)), tenant: tenant)
    case .agent:
      do throws(IdentifierError) {
        return .agent(try AgentID(row.text(3)), tenant: tenant)
      } catch {
        throw .damaged(cause: "a stored agent id is not one: \(error)")
      }
    }
  }

  private func entry(in row: SQLiteRow) throws(StoreError) -> RouteEntry {
    guard let document = row.optionalBlob(5) else {
      throw .damaged(cause: "the route feed names a thing that is gone")
    }
    switch try kind(in: row) {
    case .number: return .number(NumberRoute(try decode(PhoneNumber.self, document)))
    case .provider: return .provider(ProviderRoute(try decode(Provider.self, document)))
    case .agent: return .agent(AgentRoute(try decode(Agent.self, document)))
    }
  }

  @discardableResult
  package func prune(
    requestsBefore: Timestamp, historyBefore: Timestamp, limit: Int
  ) throws(StoreError) -> Int {
    try connection.withTransaction(mapping: StoreError.init) { () throws(StoreError) in
      let limit = SQLiteValue.integer(Int64(limit))
      var count = try change(
        """
        DELETE FROM registry_requests WHERE (tenant, request_id) IN (
          SELECT tenant, request_id FROM registry_requests WHERE create_time < ?1
          ORDER BY create_time LIMIT ?2)
        """, [SQLiteValue(requestsBefore), limit])
      count += try change(
        """
        DELETE FROM provisioning_journal WHERE id IN (
          SELECT id FROM provisioning_journal WHERE is_open = 0 AND update_time < ?1
          ORDER BY update_time LIMIT ?2)
        """, [SQLiteValue(historyBefore), limit])
      return try count + pruneRoutes(before: historyBefore, limit)
    }
  }

  /// Forgets removals, and notes up to which sequence a reader may have missed one.
  private func pruneRoutes(
    before time: Timestamp, _ limit: SQLiteValue
  ) throws(StoreError) -> Int {
    let rows = try run(
      """
      SELECT kind, tenant, id, sequence FROM routes WHERE is_removed = 1 AND change_time < ?1
      ORDER BY change_time LIMIT ?2
      """, [SQLiteValue(time), limit])
    guard let last = rows.map({ $0.integer(3) }).max() else { return 0 }
    for row in rows {
      try run(
        "DELETE FROM routes WHERE kind = ?1 AND tenant = ?2 AND id = ?3",
        Array(row.values.prefix(3)))
    }
    try run(
      "UPDATE route_feed SET pruned_through = max(pruned_through, ?1)", [.integer(last)])
    return rows.count
  }
}
