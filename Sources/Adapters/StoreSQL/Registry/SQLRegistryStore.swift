package import Access
package import Registry
package import Telephony

/// The registry's store on an SQL database. See `RegistryStore` for what it promises.
package struct SQLRegistryStore: RegistryStore {
  let reader: RegistryReader

  /// - Parameter damaged: told of a row that can't be read and is left alone; names it, and quotes
  ///   nothing. One such row must not stop the others' work.
  package init(
    engine: any SQLEngine, damaged: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    reader = RegistryReader(engine: engine, damaged: damaged)
  }

  package func tenant(_ id: TenantID) -> any TenantStore {
    SQLTenantStore(reader: reader, tenant: id)
  }

  package func openJournals(
    after id: OperationID?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal] {
    let rows = try await reader.rows(
      RegistryStatements.openJournals, [.text(id?.description ?? ""), SQLValue(limit)])
    // One entry that can't be read must not keep the others from being resumed.
    return rows.compactMap { row in
      let journal = try? StoredDocument.decode(ProvisioningJournal.self, row.blob(0))
      if journal == nil { reader.damaged("journal entry \(row.text(1))") }
      return journal
    }
  }

  package func provider(_ id: ProviderID) async throws(StoreError) -> Provider? {
    try await reader.document(RegistryStatements.providerOfAnyTenant, [SQLValue(id)])
  }

  package func providers(
    after id: ProviderID?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    let rows = try await reader.rows(
      RegistryStatements.allProviders, [.text(id?.description ?? ""), SQLValue(limit)])
    return rows.compactMap { row in
      let provider = try? StoredDocument.decode(Provider.self, row.blob(0))
      if provider == nil { reader.damaged("provider \(row.text(1))") }
      return provider
    }
  }

  package func providers(
    notSealedUnder key: String, after id: ProviderID?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    try await reader.documents(
      RegistryStatements.providersToReseal,
      [.text(id?.description ?? ""), Self.wanted(key), SQLValue(limit)])
  }

  /// What stands beside a document that is sealed as it should be.
  private static func wanted(_ key: String) -> SQLValue {
    .text([Seal(keyName: key, isEnvelope: true)].text)
  }

  package func agents(
    notSealedUnder key: String, after place: (tenant: TenantID, id: AgentID)?, limit: Int
  ) async throws(StoreError) -> [Agent] {
    try await reader.documents(
      RegistryStatements.agentsToReseal,
      [
        .text(place?.tenant.description ?? ""), .text(place?.id.description ?? ""),
        Self.wanted(key), SQLValue(limit),
      ])
  }

  package func sealCounts() async throws(StoreError) -> [SealCount] {
    var counts: [String: Int] = [:]
    for statement in [
      RegistryStatements.countSealedProviders, RegistryStatements.countSealedAgents,
    ] {
      for row in try await reader.rows(statement, []) {
        counts[row.text(0), default: 0] += Int(row.integer(1))
      }
    }
    return counts.sorted { $0.key < $1.key }
      .map { SealCount(seals: [Seal](text: $0.key), rowCount: $0.value) }
  }

  package func providers(
    sealed seals: [Seal], limit: Int
  ) async throws(StoreError) -> [Provider] {
    try await reader.documents(
      RegistryStatements.providersSealed, [.text(seals.text), SQLValue(limit)])
  }

  package func agents(sealed seals: [Seal], limit: Int) async throws(StoreError) -> [Agent] {
    try await reader.documents(
      RegistryStatements.agentsSealed, [.text(seals.text), SQLValue(limit)])
  }

  package func token(_ id: APITokenID) async throws(StoreError) -> APIToken? {
    try await reader.token(id)
  }

  package func tenants(after id: TenantID?, limit: Int) async throws(StoreError) -> [Tenant] {
    try await reader.documents(
      FeedStatements.tenants, [.text(id?.description ?? ""), SQLValue(limit)])
  }
}

/// Reads rows and makes values of them.
struct RegistryReader: Sendable {
  let engine: any SQLEngine
  let damaged: @Sendable (String) -> Void

  /// Runs a lone SELECT.
  func rows(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(StoreError) -> [SQLRow] {
    do throws(SQLFailure) {
      return try await engine.read(statement, values).rows
    } catch {
      throw StoreError(error)
    }
  }

  func document<Value: Decodable>(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(StoreError) -> Value? {
    guard let row = try await rows(statement, values).first else { return nil }
    return try StoreError.decode(Value.self, row.blob(0))
  }

  func documents<Value: Decodable>(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(StoreError) -> [Value] {
    var found: [Value] = []
    for row in try await rows(statement, values) {
      found.append(try StoreError.decode(Value.self, row.blob(0)))
    }
    return found
  }

  func token(_ id: APITokenID) async throws(StoreError) -> APIToken? {
    guard let row = try await rows(FeedStatements.token, [SQLValue(id)]).first else { return nil }
    return try APIToken(row)
  }
}

extension APIToken {
  /// From document, last use and revocation: the columns say what changed after the token was made.
  init(_ row: SQLRow) throws(StoreError) {
    self = try StoreError.decode(APIToken.self, row.blob(0))
    lastUseTime = row.optionalInteger(1).map { Timestamp(microseconds: $0) }
    revokeTime = row.optionalInteger(2).map { Timestamp(microseconds: $0) }
  }
}

extension StoreError {
  /// A failure of the database that no rule of ours foresees.
  init(_ failure: SQLFailure) {
    switch failure {
    case .serialization: self = .unavailable(cause: "others were faster each time")
    case .uniqueViolation(let constraint): self = .damaged(cause: "\(constraint) is violated")
    case .unavailable(let cause, _): self = .unavailable(cause: SQLFailure.told(cause))
    case .deadline: self = .unavailable(cause: "the deadline came first")
    case .damaged(let cause): self = .damaged(cause: SQLFailure.told(cause))
    }
  }

  init(_ interruption: Interruption<StoreError>) {
    switch interruption {
    case .failed(let failure): self.init(failure)
    case .refused(let refusal): self = refusal
    }
  }

  static func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8]
  ) throws(StoreError) -> Value {
    do throws(StoredDocument.Damaged) {
      return try StoredDocument.decode(type, bytes)
    } catch {
      throw .damaged(cause: "a stored \(error.type) can't be read")
    }
  }

  /// An id that we stored ourselves.
  static func identifier<Kind>(_ text: String) throws(StoreError) -> HexIdentifier<Kind> {
    do throws(IdentifierError) {
      return try HexIdentifier<Kind>(text)
    } catch {
      throw .damaged(cause: "a stored id is not one: \(error)")
    }
  }
}
