package import Access
package import CallDispatch
internal import Synchronization
package import Telephony

/// The dispatch's store on an SQL database. See `CallStore` for what it promises.
///
/// A process writes one transaction at a time: who observes gets the calls in the order of their
/// changes. Between processes a region's counter lets only one commit at a time; regions don't wait
/// for each other.
package final class SQLCallStore: CallStore {
  typealias Stop = Interruption<CallStoreError>

  let engine: any SQLEngine
  /// Told of a row that can't be read and is left alone; names it, and quotes nothing.
  let damaged: @Sendable (String) -> Void
  /// Whose due work is this process's, three times: a region, or a word that none has.
  let regions: [SQLValue]
  let unreadableAudit = Reported()
  private let turns = Turns()
  let unconfirmed = UnconfirmedCalls()
  private let sink = Mutex<Sink?>(nil)

  /// A closure that stands in a `Mutex` by itself is wrapped twice more each time it is read, until
  /// a call of it takes the whole stack (Swift 6.3.1).
  private struct Sink: Sendable {
    let tell: @Sendable (Call) -> Void
  }

  /// - Parameters:
  ///   - regions: whose due work and unfinished dials this process sees: on a database that several
  ///     regions' dispatches share, another region's are not ours to go on with.
  ///   - damaged: told of a row that can't be read. It must not stop the others' work: it is passed
  ///     over.
  package init(
    engine: any SQLEngine, regions: Set<Region> = Set(Region.allCases),
    damaged: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.engine = engine
    self.damaged = damaged
    self.regions = Region.allCases.map { .text(regions.contains($0) ? $0.rawValue : "") }
  }

  package func observe(_ sink: @escaping @Sendable (Call) -> Void) async {
    self.sink.withLock { $0 = Sink(tell: sink) }
  }

  // MARK: Writes

  package func place(_ placement: Placement) async throws(CallStoreError) -> PlacementResult {
    try await write { transaction async throws(Stop) in
      if let request = placement.request, let known = try await transaction.insert(request) {
        return (.repeated(known), [])
      }
      var written: [Call] = []
      for call in placement.calls { written.append(try await transaction.insert(call)) }
      for (call, entry) in zip(written, placement.audit) {
        try await transaction.insert(entry, of: call)
      }
      return (.placed(written), written)
    }
  }

  /// How long the write of an inbound call may take, its turn included: the caller hears nothing
  /// meanwhile, and the carrier waits for 15 s.
  package static let inboundWriteMax: Duration = .seconds(2)

  /// How long a write without a deadline waits for its turn.
  package static let turnWaitMax: Duration = .seconds(5)

  package func createInbound(_ call: Call) async throws(CallStoreError) -> InboundCreation {
    let until = ContinuousClock.now.advanced(by: Self.inboundWriteMax)
    let created = await SQLDeadline.$current.withValue(until) {
      () async -> Result<InboundCreation, CallStoreError> in
      do throws(CallStoreError) {
        return .success(try await insertInbound(call))
      } catch {
        return .failure(error)
      }
    }
    return try created.get()
  }

  private func insertInbound(_ call: Call) async throws(CallStoreError) -> InboundCreation {
    try await write { transaction async throws(Stop) in
      if let id = call.carrierCallID,
        let known = try await transaction.call(account: call.account, carrierCallID: id)
      {
        return (.existed(known), [])
      }
      let created = try await transaction.insert(call)
      return (.created(created), [created])
    }
  }

  package func update(
    _ call: Call, audit: AuditEntry?
  ) async throws(CallStoreError) -> Call {
    try await write { transaction async throws(Stop) in
      let updated = try await transaction.update(call)
      if let audit { try await transaction.insert(audit, of: updated) }
      return (updated, [updated])
    }
  }

  /// Runs `body` in a transaction when it is its turn, and shows what was written.
  private func write<Result: Sendable>(
    _ body: @Sendable (CallTransaction) async throws(Stop) -> (Result, [Call])
  ) async throws(CallStoreError) -> Result {
    let asked = ContinuousClock.now
    guard await turns.enter() else { throw .unavailable }
    defer { turns.leave() }
    // When the database does not answer, those in the queue give up together, not one by one.
    let until = SQLDeadline.current ?? asked.advanced(by: Self.turnWaitMax)
    guard ContinuousClock.now < until else { throw .unavailable }
    do throws(Stop) {
      let (result, written) = try await confirmed(body)
      if let sink = sink.withLock({ $0 }) { for call in written { sink.tell(call) } }
      return result
    } catch {
      switch error {
      case .failed(let failure): throw CallStoreError(failure)
      case .refused(let refusal): throw refusal
      }
    }
  }

  package func forgetRequests(
    createdBefore time: Timestamp, limit: Int
  ) async throws(CallStoreError) -> Int {
    do throws(SQLFailure) {
      return try await engine.transaction {
        session async throws(SQLFailure) -> SQLEnding<Int> in
        let result = try await session.run(
          CallStatements.forgetRequests, [SQLValue(time), SQLValue(limit)])
        return .commit(result.changedCount)
      }
    } catch {
      throw CallStoreError(error)
    }
  }
}

extension CallStoreError {
  /// A failure of the database that no rule of ours foresees.
  init(_ failure: SQLFailure) {
    switch failure {
    case .damaged(let cause): self = .damaged(cause: SQLFailure.told(cause))
    case .serialization, .uniqueViolation, .unavailable, .deadline: self = .unavailable
    }
  }
}

/// One write under way. Made anew for each attempt at the transaction.
struct CallTransaction: Sendable {
  typealias Stop = Interruption<CallStoreError>

  let session: any SQLSession

  @discardableResult
  func run(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(Stop) -> SQLResult {
    do throws(SQLFailure) {
      return try await session.run(statement, values)
    } catch {
      throw .failed(error)
    }
  }

  /// Records a request id, or gives what it already stands for.
  func insert(_ request: PlacedRequest) async throws(Stop) -> PlacedRequest? {
    let key = [SQLValue(request.tenant), SQLValue.text(request.requestID)]
    let inserted = try await run(
      CallStatements.insertRequest,
      key + [
        .text(String(request.fingerprint.bits, radix: 16)),
        .text(request.outcomes.map(\.stored).joined(separator: "\n")),
        SQLValue(request.createTime),
      ])
    guard inserted.changedCount == 0 else { return nil }
    guard let row = try await run(CallStatements.request, key).rows.first else {
      throw .failed(.serialization)
    }
    guard let known = PlacedRequest(row, id: request.requestID, tenant: request.tenant) else {
      throw .refused(.unavailable)
    }
    return known
  }

  func insert(_ call: Call) async throws(Stop) -> Call {
    precondition(call.version == 0, "a new call of version \(call.version)")
    let call = try await checkedAndNumbered(call)
    let fixed: [SQLValue] = [
      SQLValue(call.region), .text(call.id.description), .text(call.id.orderKey),
      SQLValue(call.tenant), SQLValue(call.account), SQLValue(call.number),
      SQLValue(call.provider), .text(call.direction.rawValue),
    ]
    try await run(CallStatements.insert, fixed + Self.columns(of: call))
    return call
  }

  func update(_ call: Call) async throws(Stop) -> Call {
    let key = [SQLValue(call.region), SQLValue.text(call.id.description)]
    guard let row = try await run(CallStatements.lock, key).rows.first else {
      throw .refused(.notFound)
    }
    guard row.integer(0) == call.version else { throw .refused(.conflict) }
    let call = try await checkedAndNumbered(call)
    try await run(CallStatements.update, key + Self.columns(of: call))
    return call
  }

  /// The call with its next version and change, once nothing stands in its way. Of two that come at
  /// once the second fails at a unique key, and is told here when it is repeated.
  private func checkedAndNumbered(_ call: Call) async throws(Stop) -> Call {
    if call.isUnresolved {
      let rows = try await run(
        CallStatements.unresolved,
        [SQLValue(call.account), .text(call.from.text), .text(call.to.text)]
      ).rows
      if let row = rows.first, row.text(0) != call.id.description {
        guard let other = try? CallID(row.text(0)) else { throw .refused(.unavailable) }
        throw .refused(.attemptUnresolved(other))
      }
    }
    if let carrierCallID = call.carrierCallID,
      let other = try await self.call(account: call.account, carrierCallID: carrierCallID),
      other.id != call.id
    {
      throw .refused(.carrierCallTaken(other.id))
    }
    guard let row = try await run(CallStatements.nextChange, [SQLValue(call.region)]).rows.first
    else {
      throw .refused(.unavailable)
    }
    var call = call
    call.version += 1
    call.change = row.integer(0)
    return call
  }

  func call(
    account: AccountSID, carrierCallID: CarrierCallSID
  ) async throws(Stop) -> Call? {
    let rows = try await run(
      CallStatements.callOfCarrier, [SQLValue(account), SQLValue(carrierCallID)]
    ).rows
    guard let row = rows.first else { return nil }
    // One that can't be read is in the way, and can't be shown.
    guard let call = Call(row) else { throw .refused(.unavailable) }
    return call
  }

  /// What may change, in the order of both statements.
  private static func columns(of call: Call) -> [SQLValue] {
    [
      call.carrierCallID.map { SQLValue($0) } ?? .null,
      call.agent.map { SQLValue($0) } ?? .null, .text(call.state.rawValue),
      SQLValue(!call.state.isTerminal),
      call.isUnresolved ? .text(call.from.text) : .null,
      call.isUnresolved ? .text(call.to.text) : .null,
      SQLValue(call.dial?.phase == .sending),
      call.work.map { SQLValue($0.due) } ?? .null, .integer(call.version),
      .integer(call.change), SQLValue(document: CallDocument(call)),
    ]
  }
}

extension Call {
  /// From document, version and change; nil when it can't be read.
  init?(_ row: SQLRow) {
    guard let document = try? StoredDocument.decode(CallDocument.self, row.blob(0)),
      let call = document.call(version: row.integer(1), change: row.integer(2))
    else { return nil }
    self = call
  }
}

extension CallID {
  /// Sorts as the id does: its bits, then its region.
  var orderKey: String {
    let hex = String(bits, radix: 16)
    return String(repeating: "0", count: 32 - hex.utf8.count) + hex + region.rawValue
  }
}
