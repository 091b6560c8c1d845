package import CallDispatch
package import Telephony

extension SQLiteCallStore {
  /// What a request id stands for, if it is recorded.
  package func request(
    _ id: String, tenant: TenantID
  ) throws(CallStoreError) -> PlacedRequest? {
    let rows = try run(
      """
      SELECT fingerprint, outcomes, create_time FROM dispatch_requests
      WHERE tenant = ?1 AND request_id = ?2
      """, [SQLiteValue(tenant), .text(id)])
    guard let row = rows.first else { return nil }
    guard let bits = UInt128(row.text(0), radix: 16) else { throw .unavailable }
    var outcomes: [PlacedOutcome] = []
    for line in row.text(1).split(separator: "\n") {
      guard let outcome = PlacedOutcome(stored: line) else { throw .unavailable }
      outcomes.append(outcome)
    }
    return PlacedRequest(
      tenant: tenant, requestID: id, fingerprint: Fingerprint(bits: bits), outcomes: outcomes,
      createTime: Timestamp(microseconds: row.integer(2)))
  }

  func insert(_ request: PlacedRequest) throws(CallStoreError) {
    try run(
      "INSERT INTO dispatch_requests VALUES (?1, ?2, ?3, ?4, ?5)",
      [
        SQLiteValue(request.tenant), .text(request.requestID),
        .text(String(request.fingerprint.bits, radix: 16)),
        .text(request.outcomes.map(\.stored).joined(separator: "\n")),
        SQLiteValue(request.createTime),
      ])
  }

  package func forgetRequests(
    createdBefore time: Timestamp, limit: Int
  ) throws(CallStoreError) -> Int {
    do throws(SQLiteError) {
      return try connection.change(
        """
        DELETE FROM dispatch_requests WHERE (tenant, request_id) IN (
          SELECT tenant, request_id FROM dispatch_requests WHERE create_time < ?1
          ORDER BY create_time LIMIT ?2)
        """, [SQLiteValue(time), .integer(Int64(limit))])
    } catch {
      throw .unavailable
    }
  }
}

extension PlacedOutcome {
  /// One line: `call <id>` or `refused <error>`.
  fileprivate var stored: String {
    switch self {
    case .call(let id): "call \(id)"
    case .refused(let error): "refused \(error.rawValue)"
    }
  }

  fileprivate init?(stored line: Substring) {
    let words = line.split(separator: " ")
    guard words.count == 2 else { return nil }
    switch words[0] {
    case "call":
      guard let id = try? CallID(String(words[1])) else { return nil }
      self = .call(id)
    case "refused":
      guard let error = DestinationError(rawValue: String(words[1])) else { return nil }
      self = .refused(error)
    default: return nil
    }
  }
}
