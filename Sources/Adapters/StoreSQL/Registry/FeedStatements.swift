/// The statements of the feed, and of what goes with each change: counts, tokens, tenants, audit.
enum FeedStatements {
  // MARK: The feed

  /// Gives numbers to the changes of a transaction, last of all: the row stays taken until the
  /// commit, so that the order of numbers is the order of commits, and none is missing.
  static let advance = SQLStatement(
    "feed_advance",
    "UPDATE change_feed SET latest = latest + $1 WHERE one = 1 RETURNING latest")
  static let putRoute = SQLStatement(
    "route_put",
    """
    INSERT INTO routes (kind, tenant, id, sequence, is_removed, change_time, document)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, tenant, id) DO UPDATE
    SET sequence = excluded.sequence, is_removed = excluded.is_removed,
      change_time = excluded.change_time, document = excluded.document
    """)
  static let insertEvent = SQLStatement(
    "event_insert",
    """
    INSERT INTO events (sequence, tenant, kind, resource_id, version, change, change_time, document)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """)

  /// The page, the feed's row, and the times of the last change and of the one after which is
  /// asked, in one statement, so that all are of one moment: a row that was pruned between two
  /// would be a gap that nobody sees.
  static let routes = SQLStatement(
    "route_page",
    """
    SELECT f.latest, f.routes_pruned_through, f.epoch, l.change_time, p.change_time,
      r.sequence, r.kind, r.tenant, r.id, r.is_removed, r.change_time, r.document
    FROM change_feed f LEFT JOIN events l ON l.sequence = f.latest
    LEFT JOIN events p ON p.sequence = $1 LEFT JOIN (
      SELECT sequence, kind, tenant, id, is_removed, change_time, document FROM routes
      WHERE sequence > $1 ORDER BY sequence LIMIT $2) r ON 1 = 1
    WHERE f.one = 1 ORDER BY r.sequence
    """)
  static let events = SQLStatement(
    "event_page",
    """
    SELECT f.latest, f.events_pruned_through, f.epoch, l.change_time, p.change_time,
      e.sequence, e.tenant, e.kind, e.resource_id, e.version, e.change, e.change_time, e.document
    FROM change_feed f LEFT JOIN events l ON l.sequence = f.latest
    LEFT JOIN events p ON p.sequence = $1 LEFT JOIN (
      SELECT sequence, tenant, kind, resource_id, version, change, change_time, document
      FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2) e ON 1 = 1
    WHERE f.one = 1 ORDER BY e.sequence
    """)
  static let eventsOfTenant = SQLStatement(
    "event_page_tenant",
    """
    SELECT f.latest, f.events_pruned_through, f.epoch, l.change_time, p.change_time,
      e.sequence, e.tenant, e.kind, e.resource_id, e.version, e.change, e.change_time, e.document
    FROM change_feed f LEFT JOIN events l ON l.sequence = f.latest
    LEFT JOIN events p ON p.sequence = $1 LEFT JOIN (
      SELECT sequence, tenant, kind, resource_id, version, change, change_time, document
      FROM events WHERE tenant = $3 AND kind = $4 AND sequence > $1
      ORDER BY sequence LIMIT $2) e ON 1 = 1
    WHERE f.one = 1 ORDER BY e.sequence
    """)

  // MARK: Pruning, with the feed's row taken first, as a commit has it when it writes these tables

  static let lockFeed = SQLStatement(
    "feed_lock",
    """
    SELECT latest, routes_pruned_through, events_pruned_through FROM change_feed
    WHERE one = 1 FOR UPDATE
    """)
  static let pruneRoutes = SQLStatement(
    "route_prune",
    """
    DELETE FROM routes WHERE (kind, tenant, id) IN (
      SELECT kind, tenant, id FROM routes WHERE is_removed = 1 AND change_time < $1
      ORDER BY change_time LIMIT $2)
    RETURNING sequence
    """)
  static let oldEvents = SQLStatement(
    "event_oldest", "SELECT sequence, change_time FROM events ORDER BY sequence LIMIT $1")
  static let deleteEvents = SQLStatement(
    "event_delete", "DELETE FROM events WHERE sequence <= $1")
  static let pruned = SQLStatement(
    "feed_pruned",
    """
    UPDATE change_feed SET routes_pruned_through = $1, events_pruned_through = $2 WHERE one = 1
    """)

  // MARK: Counts

  static let count = SQLStatement(
    "count_get", "SELECT total FROM tenant_counts WHERE tenant = $1 AND kind = $2")
  static let addToCount = SQLStatement(
    "count_add",
    """
    INSERT INTO tenant_counts (tenant, kind, total) VALUES ($1, $2, $3)
    ON CONFLICT (tenant, kind) DO UPDATE SET total = tenant_counts.total + excluded.total
    RETURNING total
    """)

  // MARK: Tenants and tokens

  static let insertTenant = SQLStatement(
    "tenant_insert",
    "INSERT INTO tenants (id, create_time, document) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
  static let tenant = SQLStatement("tenant_get", "SELECT document FROM tenants WHERE id = $1")
  static let tenants = SQLStatement(
    "tenant_page", "SELECT document FROM tenants WHERE id > $1 ORDER BY id LIMIT $2")
  static let insertToken = SQLStatement(
    "token_insert",
    """
    INSERT INTO api_tokens (id, tenant, create_time, last_use_time, revoke_time, document)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
    """)
  static let token = SQLStatement(
    "token_get", "SELECT document, last_use_time, revoke_time FROM api_tokens WHERE id = $1")
  static let tokens = SQLStatement(
    "token_page",
    """
    SELECT document, last_use_time, revoke_time FROM api_tokens
    WHERE tenant = $1 AND (create_time, id) < ($2, $3)
    ORDER BY create_time DESC, id DESC LIMIT $4
    """)
  static let lockToken = SQLStatement(
    "token_lock",
    "SELECT revoke_time FROM api_tokens WHERE id = $1 AND tenant = $2 FOR UPDATE")
  static let revokeToken = SQLStatement(
    "token_revoke", "UPDATE api_tokens SET revoke_time = $1 WHERE id = $2 AND tenant = $3")
  static let useToken = SQLStatement(
    "token_use",
    """
    UPDATE api_tokens SET last_use_time = $1
    WHERE id = $2 AND tenant = $3 AND (last_use_time IS NULL OR last_use_time < $1)
    """)

  // MARK: Audit

  static let insertAudit = SQLStatement(
    "audit_insert",
    """
    INSERT INTO audit_events (tenant, entry_time, id, resource_kind, resource_id, principal, action,
      document)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """)

  /// The oldest. Two that delete at once choose the same rows, so that the second waits for the
  /// first and finds none of them.
  static let pruneAudit = SQLStatement(
    "audit_prune",
    """
    DELETE FROM audit_events WHERE (tenant, entry_time, id) IN (
      SELECT tenant, entry_time, id FROM audit_events WHERE entry_time < $1
      ORDER BY entry_time LIMIT $2)
    """)
  /// An entry that was made elsewhere, and may have come before.
  static let recordAudit = SQLStatement(
    "audit_record", insertAudit.text + " ON CONFLICT DO NOTHING")

  static let all: [SQLStatement] = [
    advance, putRoute, insertEvent, routes, events, eventsOfTenant, lockFeed, pruneRoutes,
    oldEvents, deleteEvents, pruned, count, addToCount, insertTenant, tenant, tenants,
    insertToken, token, tokens, lockToken, revokeToken, useToken, insertAudit,
    recordAudit, pruneAudit,
  ]
}
