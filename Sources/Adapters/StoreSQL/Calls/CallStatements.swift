internal import CallDispatch

/// The call store's statements.
enum CallStatements {
  /// What makes a call: its document, with what the columns say better, and its key.
  private static let columns = "document, version, change, id, region"

  static let call = SQLStatement(
    "call_get", "SELECT \(columns) FROM calls WHERE region = $1 AND id = $2")
  static let callOfCarrier = SQLStatement(
    "call_of_carrier",
    """
    SELECT \(columns) FROM calls
    WHERE region IN ('us1', 'ie1', 'au1') AND account_sid = $1 AND carrier_call_sid = $2
    """)
  static let unresolved = SQLStatement(
    "call_unresolved",
    """
    SELECT id FROM calls
    WHERE region IN ('us1', 'ie1', 'au1') AND account_sid = $1 AND unresolved_from = $2
      AND unresolved_to = $3
    """)
  static let lock = SQLStatement(
    "call_lock", "SELECT version FROM calls WHERE region = $1 AND id = $2 FOR UPDATE")
  /// The change's number, last of all: the region's row stays taken until the commit, so that the
  /// order of its numbers is the order of commits.
  static let nextChange = SQLStatement(
    "call_next_change",
    "UPDATE call_sequences SET latest = latest + 1 WHERE region = $1 RETURNING latest")
  static let changeCounts = SQLStatement(
    "call_change_counts",
    """
    SELECT region, latest, pruned_through FROM call_sequences
    WHERE region IN ('us1', 'ie1', 'au1')
    """)
  static let insert = SQLStatement(
    "call_insert",
    """
    INSERT INTO calls (region, id, order_key, tenant, account_sid, number_id, provider_id,
      direction, carrier_call_sid, agent_id, state, is_live, unresolved_from, unresolved_to,
      is_sending, work_due, version, change, document)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
    """)
  /// What a call is made of never changes; the rest does.
  static let update = SQLStatement(
    "call_update",
    """
    UPDATE calls SET carrier_call_sid = $3, agent_id = $4, state = $5, is_live = $6,
      unresolved_from = $7, unresolved_to = $8, is_sending = $9, work_due = $10, version = $11,
      change = $12, document = $13
    WHERE region = $1 AND id = $2
    """)
  /// Leaves a call alone whose row can't be read.
  static let setAside = SQLStatement(
    "call_set_aside",
    "UPDATE calls SET work_due = NULL, is_sending = 0 WHERE region = $1 AND id = $2")

  /// All calls, for what is done to each row and changes nothing that a client sees.
  static let documents = SQLStatement(
    "call_documents",
    """
    SELECT document, region, id, version FROM calls WHERE (region, id) > ($1, $2)
    ORDER BY region, id LIMIT $3
    """)
  static let replaceDocument = SQLStatement(
    "call_replace_document",
    "UPDATE calls SET document = $1 WHERE region = $2 AND id = $3 AND version = $4")

  static let due = SQLStatement(
    "call_due",
    """
    SELECT \(columns) FROM calls
    WHERE work_due IS NOT NULL AND work_due <= $1 AND region IN ($3, $4, $5)
    ORDER BY work_due, order_key LIMIT $2
    """)
  static let nextDue = SQLStatement(
    "call_next_due",
    """
    SELECT min(work_due) FROM calls WHERE work_due IS NOT NULL AND region IN ($1, $2, $3)
    """)
  static let sending = SQLStatement(
    "call_sending",
    """
    SELECT \(columns) FROM calls WHERE is_sending = 1 AND region IN ($2, $3, $4)
    ORDER BY order_key LIMIT $1
    """)

  static let insertRequest = SQLStatement(
    "call_request_insert",
    """
    INSERT INTO dispatch_requests (tenant, request_id, fingerprint, outcomes, create_time)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
    """)
  static let request = SQLStatement(
    "call_request_get",
    """
    SELECT fingerprint, outcomes, create_time FROM dispatch_requests
    WHERE tenant = $1 AND request_id = $2
    """)
  static let forgetRequests = SQLStatement(
    "call_request_prune",
    """
    DELETE FROM dispatch_requests WHERE (tenant, request_id) IN (
      SELECT tenant, request_id FROM dispatch_requests WHERE create_time < $1
      ORDER BY create_time LIMIT $2)
    """)

  /// The oldest: an id begins with its time. Two that delete at once choose the same rows, so that
  /// the second waits for the first and finds none of them.
  static let forgetCalls = SQLStatement(
    "call_forget",
    """
    DELETE FROM calls WHERE (region, id) IN (
      SELECT region, id FROM calls
      WHERE region = $1 AND id < $2 AND is_live = 0 AND is_sending = 0 AND work_due IS NULL
        AND unresolved_to IS NULL
      ORDER BY id LIMIT $3)
    RETURNING change
    """)
  /// Last of all, as with any write of a call.
  static let prunedThrough = SQLStatement(
    "call_pruned_through",
    "UPDATE call_sequences SET pruned_through = $1 WHERE region = $2 AND pruned_through < $1")

  static let insertAudit = SQLStatement(
    "call_audit_insert", "INSERT INTO call_audit (region, id, document) VALUES ($1, $2, $3)")
  static let untoldAudit = SQLStatement(
    "call_audit_untold",
    "SELECT id, document FROM call_audit WHERE region = $1 AND id > $2 ORDER BY id LIMIT $3")
  /// As many ids as there are told at once; of fewer the last is repeated.
  static let forgetAudit = SQLStatement(
    "call_audit_forget",
    "DELETE FROM call_audit WHERE region = $1 AND id IN ("
      + (0..<Limits.auditBatchMax).map { "$\($0 + 2)" }.joined(separator: ", ") + ")")

  private static let filters = [
    "number_id = ?", "agent_id = ?", "provider_id = ?", "region = ?", "state = ?",
    "direction = ?", "is_live = 1",
  ]
  static let page = PageStatements(
    name: "calls_page", select: "SELECT \(columns) FROM calls",
    conditions: "tenant = $1 AND order_key < $2", fixedCount: 2, filters: filters,
    order: "order_key DESC")
  static let changes = PageStatements(
    name: "calls_changes", select: "SELECT \(columns) FROM calls",
    conditions: "tenant = $1 AND region = $2 AND change > $3 AND change <= $4", fixedCount: 4,
    filters: filters.filter { $0 != "region = ?" }, order: "change")

  static let all: [SQLStatement] =
    [
      call, callOfCarrier, unresolved, lock, nextChange, changeCounts, insert, update, setAside,
      documents, replaceDocument, due,
      nextDue, sending, insertRequest, request, forgetRequests,
      forgetCalls, prunedThrough, insertAudit, untoldAudit, forgetAudit,
    ] + page.all + changes.all
}
