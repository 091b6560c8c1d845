package import Access
package import Registry
package import Telephony

/// What a tenant has in an SQL database: the tenant stands in every statement's parameters.
package struct SQLTenantStore: TenantStore {
  let reader: RegistryReader
  let tenant: TenantID

  /// The tenant and a page's beginning, as a page's statement takes them. The first page begins
  /// above everything: times are far smaller.
  private func place(_ cursor: PageCursor?) -> [SQLValue] {
    [
      SQLValue(tenant), cursor.map { SQLValue($0.createTime) } ?? .integer(.max),
      .text(cursor?.id ?? ""),
    ]
  }

  private func page<Value: Decodable>(
    _ pages: PageStatements, _ filters: [SQLValue?], after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Value] {
    let (statement, values) = pages.select(filters)
    return try await reader.documents(
      statement, place(cursor) + values + [SQLValue(limit)])
  }

  // MARK: Providers

  package func provider(_ id: ProviderID) async throws(StoreError) -> StoredProvider? {
    try await provider(RegistryStatements.provider, [SQLValue(tenant), SQLValue(id)])
  }

  package func provider(
    key: String, region: Region
  ) async throws(StoreError) -> StoredProvider? {
    try await provider(
      RegistryStatements.providerOfKey, [SQLValue(region), SQLValue(tenant), .text(key)])
  }

  private func provider(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(StoreError) -> StoredProvider? {
    guard let row = try await reader.rows(statement, values).first else { return nil }
    return StoredProvider(
      provider: try StoreError.decode(Provider.self, row.blob(0)),
      numbersRevision: UInt64(clamping: row.integer(1)))
  }

  package func credentialUsed(
    _ id: ProviderID, mark: Version, _ use: CredentialUse
  ) async throws(StoreError) {
    let key = [SQLValue(tenant), SQLValue(id)]
    do throws(SQLFailure) {
      try await reader.engine.transaction {
        session async throws(SQLFailure) -> SQLEnding<Void> in
        let rows = try await session.run(RegistryStatements.lockProviderDocument, key).rows
        // A document that can't be read is told by whoever needs it.
        guard let row = rows.first,
          var provider = try? StoredDocument.decode(Provider.self, row.blob(0)),
          provider.staged?.mark == mark
        else { return .commit(()) }
        provider.staged?.use.add(use)
        _ = try await session.run(
          RegistryStatements.observeProvider,
          [SQLValue(document: provider), .text(row.text(1))] + key)
        return .commit(())
      }
    } catch {
      throw StoreError(error)
    }
  }

  package func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    try await page(
      .providers,
      [
        filter.accountSID.map { SQLValue($0) }, filter.region.map { SQLValue($0) },
        filter.kind.map { .text($0.rawValue) },
      ], after: cursor, limit: limit)
  }

  // MARK: Numbers

  package func number(_ id: PhoneNumberID) async throws(StoreError) -> PhoneNumber? {
    try await reader.document(RegistryStatements.number, [SQLValue(id), SQLValue(tenant)])
  }

  package func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [PhoneNumber] {
    switch filter.kind {
    // Every number is Twilio's until others can have some.
    case nil, .twilio: break
    case .sipTrunk, .liveKit: return []
    }
    return try await page(
      .numbers,
      [
        filter.agentID.map { SQLValue($0) }, filter.providerID.map { SQLValue($0) },
        filter.region.map { SQLValue($0) }, filter.state.map { .text($0.rawValue) },
      ], after: cursor, limit: limit)
  }

  package func numbers(of e164: E164) async throws(StoreError) -> [PhoneNumber] {
    try await reader.documents(
      RegistryStatements.numbersOfE164,
      [SQLValue(tenant), .text(e164.text), SQLValue(RegistryLimits.e164NumbersMax)])
  }

  package func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) async throws(StoreError) -> [NumberClaim] {
    var claims: [NumberClaim] = []
    for (statement, keys) in ListStatements.claims.select(sids.map(\.description)) {
      for row in try await reader.rows(statement, [SQLValue(account)] + keys) {
        claims.append(try NumberClaim(row, account: account))
      }
    }
    return claims
  }

  // MARK: Agents

  package func agent(_ id: AgentID) async throws(StoreError) -> Agent? {
    try await reader.document(RegistryStatements.agent, [SQLValue(tenant), SQLValue(id)])
  }

  package func agents(
    _ kind: AssigneeKind, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Agent] {
    try await page(
      kind == .agent ? .agents : .softphones, [], after: cursor, limit: limit)
  }

  package func numbers(
    of agents: [AgentID]
  ) async throws(StoreError) -> [AgentID: AgentNumbers] {
    let ids = Dictionary(agents.map { ($0.description, $0) }) { first, _ in first }
    var numbers: [String: AgentNumbers] = [:]
    for (statement, keys) in ListStatements.agentCounts.select(ids.keys.sorted()) {
      for row in try await reader.rows(statement, [SQLValue(tenant)] + keys) {
        numbers[row.text(0)] = AgentNumbers(count: Int(row.integer(1)))
      }
    }
    for (statement, keys) in ListStatements.agentNumbers.select(numbers.keys.sorted()) {
      let rows = try await reader.rows(
        statement, [SQLValue(tenant), SQLValue(RegistryLimits.agentNumbersMax)] + keys)
      for row in rows.sorted(by: { ($0.integer(2), $0.text(1)) > ($1.integer(2), $1.text(1)) }) {
        numbers[row.text(0), default: AgentNumbers()].newest.append(
          try StoreError.identifier(row.text(1)))
      }
    }
    var found: [AgentID: AgentNumbers] = [:]
    for (text, of) in numbers { if let id = ids[text] { found[id] = of } }
    return found
  }

  // MARK: Requests and the journal

  package func request(_ id: String) async throws(StoreError) -> RequestRecord? {
    let rows = try await reader.rows(RegistryStatements.request, [SQLValue(tenant), .text(id)])
    return rows.first.map { RequestRecord($0, id: id, tenant: tenant) }
  }

  package func journal(_ id: OperationID) async throws(StoreError) -> ProvisioningJournal? {
    try await reader.document(RegistryStatements.journal, [SQLValue(id), SQLValue(tenant)])
  }

  package func journals(
    _ filter: OperationFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal] {
    try await page(
      .journals,
      [
        filter.subject.map { .text($0.description) },
        filter.state.map { .text($0.rawValue) },
      ],
      after: cursor, limit: limit)
  }

  package func openJournal(
    of subject: OperationSubject
  ) async throws(StoreError) -> ProvisioningJournal? {
    try await reader.document(
      RegistryStatements.openJournal, [.text(subject.description), SQLValue(tenant)])
  }

  // MARK: The tenant, its tokens and its audit log

  package func record() async throws(StoreError) -> Tenant? {
    try await reader.document(FeedStatements.tenant, [SQLValue(tenant)])
  }

  package func count(of kind: CountedKind) async throws(StoreError) -> Int {
    let rows = try await reader.rows(
      FeedStatements.count, [SQLValue(tenant), .text(kind.rawValue)])
    return rows.first.map { Int($0.integer(0)) } ?? 0
  }

  package func token(_ id: APITokenID) async throws(StoreError) -> APIToken? {
    let token = try await reader.token(id)
    return token?.tenant == tenant ? token : nil
  }

  package func tokens(
    after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [APIToken] {
    var tokens: [APIToken] = []
    let rows = try await reader.rows(
      FeedStatements.tokens, place(cursor) + [SQLValue(limit)])
    for row in rows { tokens.append(try APIToken(row)) }
    return tokens
  }

  package func tokenUsed(_ id: APITokenID, at time: Timestamp) async throws(StoreError) {
    let values = [SQLValue(time), SQLValue(id), SQLValue(tenant)]
    do throws(SQLFailure) {
      try await reader.engine.transaction {
        session async throws(SQLFailure) -> SQLEnding<Void> in
        _ = try await session.run(FeedStatements.useToken, values)
        return .commit(())
      }
    } catch {
      throw StoreError(error)
    }
  }

  package func auditEvents(
    _ filter: AuditFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [AuditEntry] {
    try await page(
      .audit,
      [
        filter.resourceKind.map { .text($0.rawValue) }, filter.resourceID.map { .text($0) },
        filter.principal.map { .text($0.description) }, filter.action.map { .text($0.rawValue) },
        filter.since.map { SQLValue($0) }, filter.until.map { SQLValue($0) },
      ], after: cursor, limit: limit)
  }
}

extension NumberClaim {
  /// From carrier's SID, tenant, number and region.
  init(_ row: SQLRow, account: AccountSID) throws(StoreError) {
    guard let region = Region(rawValue: row.text(3)) else {
      throw .damaged(cause: "a stored region is not one")
    }
    self.init(
      accountSID: account, carrierSID: try StoreError.identifier(row.text(0)),
      tenant: try StoreError.identifier(row.text(1)),
      numberID: try StoreError.identifier(row.text(2)), region: region)
  }
}

extension RequestRecord {
  /// From fingerprint, resource and time.
  init(_ row: SQLRow, id: String, tenant: TenantID) {
    self.init(
      tenant: tenant, requestID: id, fingerprint: row.blob(0), resourceID: row.text(1),
      createTime: Timestamp(microseconds: row.integer(2)))
  }
}
