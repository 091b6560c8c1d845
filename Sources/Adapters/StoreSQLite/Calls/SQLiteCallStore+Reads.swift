package import CallDispatch
package import Telephony

extension SQLiteCallStore {
  /// What ``calls(in:)`` reads.
  private static let columns = "document, version, change, id"

  package func call(_ id: CallID) throws(CallStoreError) -> Call? {
    try calls(
      "SELECT \(Self.columns) FROM calls WHERE id = ?1", [.text(id.description)]
    ).first
  }

  package func call(
    account: AccountSID, carrierCallID: CarrierCallSID
  ) throws(CallStoreError) -> Call? {
    try calls(
      "SELECT \(Self.columns) FROM calls WHERE account_sid = ?1 AND carrier_call_sid = ?2",
      [SQLiteValue(account), SQLiteValue(carrierCallID)]
    ).first
  }

  package func calls(_ query: CallQuery) throws(CallStoreError) -> [Call] {
    var conditions = Conditions(query.filter)
    if let before = query.before { conditions.add("order_key <", .text(before.orderKey)) }
    return try calls(
      "SELECT \(Self.columns) FROM calls WHERE \(conditions.text) ORDER BY order_key DESC"
        + conditions.limit(query.limit), conditions.values)
  }

  package func changes(_ query: ChangeQuery) throws(CallStoreError) -> [Call] {
    var conditions = Conditions(query.filter)
    conditions.add("change >", .integer(query.after))
    conditions.add("change <=", .integer(query.through))
    return try calls(
      "SELECT \(Self.columns) FROM calls WHERE \(conditions.text) ORDER BY change"
        + conditions.limit(query.limit), conditions.values)
  }

  package func lastChange() throws(CallStoreError) -> Int64 {
    try run("SELECT latest FROM call_changes").first?.integer(0) ?? 0
  }

  package func dueCalls(at time: Timestamp, limit: Int) throws(CallStoreError) -> [Call] {
    try calls(
      """
      SELECT \(Self.columns) FROM calls WHERE work_due IS NOT NULL AND work_due <= ?1
      ORDER BY work_due, order_key LIMIT ?2
      """, [SQLiteValue(time), .integer(Int64(limit))])
  }

  package func nextDue() throws(CallStoreError) -> Timestamp? {
    let rows = try run("SELECT min(work_due) FROM calls WHERE work_due IS NOT NULL")
    return rows.first?.optionalInteger(0).map { Timestamp(microseconds: $0) }
  }

  package func sendingCalls(limit: Int) throws(CallStoreError) -> [Call] {
    try calls(
      "SELECT \(Self.columns) FROM calls WHERE is_sending = 1 ORDER BY order_key LIMIT ?1",
      [.integer(Int64(limit))])
  }

  package func unresolvedAttempt(
    account: AccountSID, from: CallParty, to: CallParty
  ) throws(CallStoreError) -> CallID? {
    let rows = try run(
      """
      SELECT id FROM calls
      WHERE account_sid = ?1 AND unresolved_from = ?2 AND unresolved_to = ?3
      """, [SQLiteValue(account), .text(from.text), .text(to.text)])
    guard let row = rows.first else { return nil }
    return try callID(row.text(0))
  }

  /// The calls of the rows that can be read. One that can't, damaged or a newer version's, is left
  /// alone and its work with it, or it would be due before all others for good.
  private func calls(_ sql: String, _ values: [SQLiteValue]) throws(CallStoreError) -> [Call] {
    var calls: [Call] = []
    for row in try run(sql, values) {
      if let document = try? StoredDocument.decode(CallDocument.self, row.blob(0)),
        let call = document.call(version: row.integer(1), change: row.integer(2))
      {
        calls.append(call)
      } else {
        damaged("call \(row.text(3))")
        try run("UPDATE calls SET work_due = NULL, is_sending = 0 WHERE id = ?1", [row.values[3]])
      }
    }
    return calls
  }

  private func callID(_ text: String) throws(CallStoreError) -> CallID {
    do throws(IdentifierError) { return try CallID(text) } catch { throw .unavailable }
  }
}

/// The WHERE clause of a filter.
private struct Conditions {
  private var parts: [String] = []
  private(set) var values: [SQLiteValue] = []

  init(_ filter: CallFilter) {
    add("tenant =", SQLiteValue(filter.tenant))
    add("number_id =", filter.number.map { SQLiteValue($0) })
    add("agent_id =", filter.agent.map { SQLiteValue($0) })
    add("provider_id =", filter.provider.map { SQLiteValue($0) })
    add("region =", filter.region.map { SQLiteValue($0) })
    add("state =", filter.state.map { .text($0.rawValue) })
    add("direction =", filter.direction.map { .text($0.rawValue) })
    if filter.liveOnly { parts.append("is_live = 1") }
  }

  /// Adds `comparison value`; a nil value takes all.
  mutating func add(_ comparison: String, _ value: SQLiteValue?) {
    guard let value else { return }
    values.append(value)
    parts.append("\(comparison) ?\(values.count)")
  }

  var text: String { parts.joined(separator: " AND ") }

  /// A LIMIT clause with its value bound last.
  mutating func limit(_ count: Int) -> String {
    values.append(.integer(Int64(count)))
    return " LIMIT ?\(values.count)"
  }
}
