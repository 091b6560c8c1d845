package import CallDispatch
package import Telephony

extension SQLCallStore {
  package func request(
    _ id: String, tenant: TenantID
  ) async throws(CallStoreError) -> PlacedRequest? {
    let rows = try await rows(CallStatements.request, [SQLValue(tenant), .text(id)])
    guard let row = rows.first else { return nil }
    guard let request = PlacedRequest(row, id: id, tenant: tenant) else { throw .unavailable }
    return request
  }

  package func call(_ id: CallID) async throws(CallStoreError) -> Call? {
    try await calls(CallStatements.call, [SQLValue(id.region), .text(id.description)]).first
  }

  package func call(
    account: AccountSID, carrierCallID: CarrierCallSID
  ) async throws(CallStoreError) -> Call? {
    try await calls(
      CallStatements.callOfCarrier, [SQLValue(account), SQLValue(carrierCallID)]
    ).first
  }

  package func calls(_ query: CallQuery) async throws(CallStoreError) -> [Call] {
    let (statement, values) = CallStatements.page.select(query.filter.values())
    // Every key begins with a hex digit: the first page begins above them all.
    let before = query.before?.orderKey ?? "z"
    return try await calls(
      statement,
      [SQLValue(query.filter.tenant), .text(before)] + values + [SQLValue(query.limit)])
  }

  package func changes(_ query: ChangeQuery) async throws(CallStoreError) -> [Call] {
    let (statement, values) = CallStatements.changes.select(
      query.filter.values(withRegion: false))
    return try await calls(
      statement,
      [
        SQLValue(query.filter.tenant), SQLValue(query.region), .integer(query.after),
        .integer(query.through),
      ] + values + [SQLValue(query.limit)])
  }

  package func changeCounts() async throws(CallStoreError) -> [Region: ChangeCount] {
    var counts: [Region: ChangeCount] = [:]
    for row in try await rows(CallStatements.changeCounts, []) {
      guard let region = Region(rawValue: row.text(0)) else { continue }
      counts[region] = ChangeCount(latest: row.integer(1), prunedThrough: row.integer(2))
    }
    return counts
  }

  package func dueCalls(
    at time: Timestamp, limit: Int
  ) async throws(CallStoreError) -> [Call] {
    try await calls(CallStatements.due, [SQLValue(time), SQLValue(limit)] + regions)
  }

  package func nextDue() async throws(CallStoreError) -> Timestamp? {
    let rows = try await rows(CallStatements.nextDue, regions)
    return rows.first?.optionalInteger(0).map { Timestamp(microseconds: $0) }
  }

  package func sendingCalls(limit: Int) async throws(CallStoreError) -> [Call] {
    try await calls(CallStatements.sending, [SQLValue(limit)] + regions)
  }

  package func unresolvedAttempt(
    account: AccountSID, from: CallParty, to: CallParty
  ) async throws(CallStoreError) -> CallID? {
    let rows = try await rows(
      CallStatements.unresolved, [SQLValue(account), .text(from.text), .text(to.text)])
    guard let row = rows.first else { return nil }
    do throws(IdentifierError) { return try CallID(row.text(0)) } catch { throw .unavailable }
  }

  /// The calls of the rows that can be read. One that can't, damaged or a newer version's, is left
  /// alone and its work with it, or it would be due before all others for good.
  private func calls(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(CallStoreError) -> [Call] {
    var calls: [Call] = []
    for row in try await rows(statement, values) {
      if let call = Call(row) {
        calls.append(call)
      } else {
        damaged("call \(row.text(3))")
        try await setAside([row.values[4], row.values[3]])
      }
    }
    return calls
  }

  private func setAside(_ key: [SQLValue]) async throws(CallStoreError) {
    do throws(SQLFailure) {
      try await engine.transaction { session async throws(SQLFailure) -> SQLEnding<Void> in
        _ = try await session.run(CallStatements.setAside, key)
        return .commit(())
      }
    } catch {
      throw CallStoreError(error)
    }
  }

  private func rows(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(CallStoreError) -> [SQLRow] {
    do throws(SQLFailure) {
      return try await engine.read(statement, values).rows
    } catch {
      throw CallStoreError(error)
    }
  }
}

extension CallFilter {
  /// A value for each filter of the statements, nil where all are taken.
  /// Without `withRegion` for a statement that names the region in any case.
  fileprivate func values(withRegion: Bool = true) -> [SQLValue?] {
    var values: [SQLValue?] = [
      number.map { SQLValue($0) }, agent.map { SQLValue($0) }, provider.map { SQLValue($0) },
    ]
    if withRegion { values.append(region.map { SQLValue($0) }) }
    values.append(state.map { .text($0.rawValue) })
    values.append(direction.map { .text($0.rawValue) })
    // `nil` would be NULL here, which nothing equals.
    values.append(liveOnly ? SQLValue(true) : Optional<SQLValue>.none)
    return values
  }
}

extension PlacedRequest {
  /// From fingerprint, outcomes and time; nil when they can't be read.
  init?(_ row: SQLRow, id: String, tenant: TenantID) {
    guard let bits = UInt128(row.text(0), radix: 16) else { return nil }
    var outcomes: [PlacedOutcome] = []
    for line in row.text(1).split(separator: "\n") {
      guard let outcome = PlacedOutcome(stored: line) else { return nil }
      outcomes.append(outcome)
    }
    self.init(
      tenant: tenant, requestID: id, fingerprint: Fingerprint(bits: bits), outcomes: outcomes,
      createTime: Timestamp(microseconds: row.integer(2)))
  }
}

extension PlacedOutcome {
  /// One line: `call <id>` or `refused <error>`.
  var stored: String {
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
