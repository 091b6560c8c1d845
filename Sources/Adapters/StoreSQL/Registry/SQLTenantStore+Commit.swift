package import Registry
internal import Telephony

extension SQLTenantStore {
  @discardableResult
  package func commit(_ write: RegistryWrite) async throws(StoreError) -> RegistryReceipt {
    let tenant = tenant
    do throws(Interruption<StoreError>) {
      return try await reader.engine.transaction(refusing: StoreError.self) {
        session async throws(Interruption<StoreError>) -> RegistryReceipt in
        var transaction = RegistryTransaction(session: session, tenant: tenant, time: write.time)
        return try await transaction.apply(write)
      }
    } catch {
      throw StoreError(error)
    }
  }
}

/// One write under way. Made anew for each attempt at the transaction.
///
/// Its rows are taken in this order: request id, resources as they come, counts, the feed's row
/// last. Two transactions that take resources in another order may meet in a deadlock; the database
/// ends one, and the engine repeats it.
struct RegistryTransaction {
  typealias Stop = Interruption<StoreError>

  let session: any SQLSession
  let tenant: TenantID
  let time: Timestamp
  /// What the feed will tell, in order.
  private var changes: [FeedChange] = []
  /// How the tenant's counts differ after it.
  private var differences: [CountedKind: Int] = [:]

  init(session: any SQLSession, tenant: TenantID, time: Timestamp) {
    self.session = session
    self.tenant = tenant
    self.time = time
  }

  mutating func apply(_ write: RegistryWrite) async throws(Stop) -> RegistryReceipt {
    if let request = write.request { try await insert(request) }
    for change in write.changes { try await apply(change) }
    for entry in write.audit { try await insert(entry) }
    try await count(within: write.quotas)
    return RegistryReceipt(routeSequence: try await publish())
  }

  private mutating func apply(_ change: RegistryChange) async throws(Stop) {
    switch change {
    case .insertProvider(let provider): try await insert(provider)
    case .updateProvider(let provider, let from, let numbersRevision):
      try await update(provider, from: from, numbersRevision: numbersRevision)
    case .deleteProvider(let id, let from): try await deleteProvider(id, from: from)
    case .expectNumber(let provider, let region):
      try await expectNumber(under: provider, region)
    case .insertNumber(let number, let providerVersion):
      try await insert(number, providerVersion: providerVersion)
    case .updateNumber(let number, let from): try await update(number, from: from)
    case .nameNumber(let number, let from): try await name(number, from: from)
    case .deleteNumber(let id, let from): try await deleteNumber(id, from: from)
    case .insertAgent(let agent): try await insert(agent)
    case .updateAgent(let agent, let from): try await update(agent, from: from)
    case .deleteAgent(let id, let from): try await deleteAgent(id, from: from)
    case .insertJournal(let journal): try await insert(journal)
    case .updateJournal(let journal, let from): try await update(journal, from: from)
    case .insertTenant(let tenant): try await insert(tenant)
    case .insertToken(let token): try await insert(token)
    case .revokeToken(let id, let time): try await revoke(id, at: time)
    case .forgetRequests(let resourceID):
      try await run(RegistryStatements.forgetRequests, [SQLValue(tenant), .text(resourceID)])
    }
  }

  // MARK: For the changes

  /// Runs one statement, with the database's failure as the transaction's.
  @discardableResult
  func run(_ statement: SQLStatement, _ values: [SQLValue]) async throws(Stop) -> SQLResult {
    do throws(SQLFailure) {
      return try await session.run(statement, values)
    } catch {
      throw .failed(error)
    }
  }

  /// Refuses what belongs to another tenant as if it were not there.
  func check(_ owner: TenantID, _ kind: StoredKind) throws(Stop) {
    guard owner == tenant else { throw .refused(.notFound(kind)) }
  }

  /// Notes a change for the feed, and its difference to the count of its kind.
  mutating func changed(_ change: FeedChange, count difference: Int = 0) {
    changes.append(change)
    if difference != 0 { differences[change.kind.counted, default: 0] += difference }
  }

  /// Notes a difference to a count that no change of a resource's own kind tells.
  mutating func counted(_ kind: CountedKind, _ difference: Int) {
    differences[kind, default: 0] += difference
  }

  /// Records a request id, or refuses with what it already stands for.
  private func insert(_ request: RequestRecord) async throws(Stop) {
    let key = [SQLValue(tenant), SQLValue.text(request.requestID)]
    let inserted = try await run(
      RegistryStatements.insertRequest,
      key + [
        .blob(request.fingerprint), .text(request.resourceID), SQLValue(request.createTime),
      ])
    guard inserted.changedCount == 0 else { return }
    let known = try await run(RegistryStatements.request, key).rows.first
    // What was in the way is gone by now: the next attempt finds the way free.
    guard let known else { throw .failed(.serialization) }
    throw .refused(
      .requestRepeated(RequestRecord(known, id: request.requestID, tenant: tenant)))
  }

  // MARK: The end

  private func count(within quotas: [Quota]) async throws(Stop) {
    // In one order, so that two writes of a tenant don't wait for each other in a ring.
    for kind in CountedKind.allCases {
      guard let difference = differences[kind], difference != 0 else { continue }
      let result = try await run(
        FeedStatements.addToCount,
        [SQLValue(tenant), .text(kind.rawValue), SQLValue(difference)])
      let total = result.rows.first.map { Int($0.integer(0)) } ?? 0
      for quota in quotas
      where quota.kind == kind && difference > 0 && total > quota.countMax {
        throw .refused(.quotaExceeded(kind, countMax: quota.countMax))
      }
    }
  }

  /// Numbers the changes and writes routes and events. Answers the last number.
  private func publish() async throws(Stop) -> UInt64? {
    guard !changes.isEmpty else { return nil }
    let result = try await run(FeedStatements.advance, [SQLValue(changes.count)])
    guard let latest = result.rows.first?.integer(0) else {
      throw .refused(.damaged(cause: "the feed has no row"))
    }
    for (index, change) in changes.enumerated() {
      let sequence = latest - Int64(changes.count - 1 - index)
      try await run(
        FeedStatements.putRoute, change.route(sequence, tenant: tenant, time: time))
      try await run(
        FeedStatements.insertEvent, change.event(sequence, tenant: tenant, time: time))
    }
    do throws(SQLFailure) {
      try await session.announceChange()
    } catch {
      throw .failed(error)
    }
    return UInt64(clamping: latest)
  }
}

/// One change as the feed will tell it.
struct FeedChange {
  var kind: ChangeEvent.Kind
  /// The id's text.
  var id: String
  var version: Version
  var change: ChangeEvent.Change
  /// The present form for dispatches; nil when it is gone.
  var entry: RouteEntry?
  /// The number for watchers; nil of other kinds, which may hold secrets, and when it is gone.
  var number: PhoneNumber?

  func route(_ sequence: Int64, tenant: TenantID, time: Timestamp) -> [SQLValue] {
    [
      .text(kind.rawValue), SQLValue(tenant), .text(id), .integer(sequence),
      SQLValue(entry == nil), SQLValue(time),
      entry.map { .blob(RouteDocument.encode($0)) } ?? .null,
    ]
  }

  func event(_ sequence: Int64, tenant: TenantID, time: Timestamp) -> [SQLValue] {
    [
      .integer(sequence), SQLValue(tenant), .text(kind.rawValue), .text(id), SQLValue(version),
      .text(change.rawValue), SQLValue(time), number.map { SQLValue(document: $0) } ?? .null,
    ]
  }
}

extension ChangeEvent.Kind {
  var counted: CountedKind {
    switch self {
    case .provider: .provider
    case .number: .number
    case .agent: .agent
    case .token: .token
    }
  }
}
