package import CallDispatch
internal import EventLoops
internal import Telephony

/// The dispatch's store on one SQLite file. See `CallStore` for what it promises.
///
/// An actor on the ``SQLiteExecutor``: each method runs whole, one after the other.
package actor SQLiteCallStore: CallStore {
  private let executor: SQLiteExecutor
  let connection: SQLiteConnection
  /// Told of a row that can't be read and is left alone; names it, and quotes nothing.
  let damaged: @Sendable (String) -> Void
  private var sink: (@Sendable (Call) -> Void)?

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe executor.loop.asUnownedSerialExecutor()
  }

  /// Opens or creates the file at `path` and brings it to this program's version.
  ///
  /// One row that can't be read must not stop the others' work: it is passed over, and `damaged` is
  /// told of it.
  package init(
    path: String, executor: SQLiteExecutor,
    damaged: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws(SQLiteMigrations.Failure) {
    self.executor = executor
    self.damaged = damaged
    do throws(SQLiteError) {
      connection = try SQLiteConnection(path: path)
    } catch {
      throw .sqlite(error)
    }
    try CallSchema.migrations.run(on: connection)
  }

  package func observe(_ sink: @escaping @Sendable (Call) -> Void) { self.sink = sink }

  // MARK: Writes

  package func place(_ placement: Placement) throws(CallStoreError) -> PlacementResult {
    let result = try transaction { () throws(CallStoreError) -> PlacementResult in
      if let request = placement.request {
        if let known = try self.request(request.requestID, tenant: request.tenant) {
          return .repeated(known)
        }
        try insert(request)
      }
      var written: [Call] = []
      for call in placement.calls { written.append(try insert(call)) }
      return .placed(written)
    }
    if case .placed(let calls) = result { for call in calls { sink?(call) } }
    return result
  }

  package func createInbound(_ call: Call) throws(CallStoreError) -> InboundCreation {
    let result = try transaction { () throws(CallStoreError) -> InboundCreation in
      if let id = call.carrierCallID,
        let known = try self.call(account: call.account, carrierCallID: id)
      {
        return .existed(known)
      }
      return .created(try insert(call))
    }
    if case .created(let call) = result { sink?(call) }
    return result
  }

  package func update(_ call: Call) throws(CallStoreError) -> Call {
    let written = try transaction { () throws(CallStoreError) -> Call in
      let found = try run("SELECT version FROM calls WHERE id = ?1", [.text(call.id.description)])
      guard let row = found.first else { throw .notFound }
      guard row.integer(0) == call.version else { throw .conflict }
      return try write(call)
    }
    sink?(written)
    return written
  }

  private func insert(_ call: Call) throws(CallStoreError) -> Call {
    precondition(call.version == 0, "a new call of version \(call.version)")
    return try write(call)
  }

  /// Writes the call's row with its next version and change.
  private func write(_ call: Call) throws(CallStoreError) -> Call {
    if call.isUnresolved,
      let other = try unresolvedAttempt(account: call.account, from: call.from, to: call.to),
      other != call.id
    {
      throw .attemptUnresolved(other)
    }
    if let carrierCallID = call.carrierCallID,
      let other = try self.call(account: call.account, carrierCallID: carrierCallID),
      other.id != call.id
    {
      throw .carrierCallTaken(other.id)
    }
    var call = call
    call.version += 1
    call.change = try nextChange()
    try run(Self.writeRow, Self.columns(of: call))
    return call
  }

  private func nextChange() throws(CallStoreError) -> Int64 {
    let rows = try run("UPDATE call_changes SET latest = latest + 1 RETURNING latest")
    guard let row = rows.first else { throw .unavailable }
    return row.integer(0)
  }

  /// What a call is made of never changes; the rest does.
  private static let writeRow = """
    INSERT INTO calls VALUES
      (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
    ON CONFLICT (id) DO UPDATE SET carrier_call_sid = ?6, agent_id = ?8, state = ?11,
      is_live = ?12, unresolved_from = ?13, unresolved_to = ?14, is_sending = ?15,
      work_due = ?16, version = ?17, change = ?18, document = ?19
    """

  private static func columns(of call: Call) -> [SQLiteValue] {
    [
      .text(call.id.description), .text(call.id.orderKey), SQLiteValue(call.tenant),
      SQLiteValue(call.region), SQLiteValue(call.account),
      call.carrierCallID.map { SQLiteValue($0) } ?? .null, SQLiteValue(call.number),
      call.agent.map { SQLiteValue($0) } ?? .null, SQLiteValue(call.provider),
      .text(call.direction.rawValue), .text(call.state.rawValue),
      SQLiteValue(!call.state.isTerminal),
      call.isUnresolved ? .text(call.from.text) : .null,
      call.isUnresolved ? .text(call.to.text) : .null,
      SQLiteValue(call.dial?.phase == .sending),
      call.work.map { SQLiteValue($0.due) } ?? .null, .integer(call.version),
      .integer(call.change), StoredDocument.encode(CallDocument(call)),
    ]
  }

  // MARK: Plumbing

  private func transaction<Result>(
    _ body: () throws(CallStoreError) -> Result
  ) throws(CallStoreError) -> Result {
    try connection.withTransaction(mapping: { _ in .unavailable }, body)
  }

  /// Runs one statement, with SQLite's failure as the port's.
  @discardableResult
  func run(_ sql: String, _ values: [SQLiteValue] = []) throws(CallStoreError) -> [SQLiteRow] {
    do throws(SQLiteError) {
      return try connection.run(sql, values)
    } catch {
      throw .unavailable
    }
  }
}

extension CallID {
  /// Sorts as the id does: its bits, then its region.
  var orderKey: String {
    let hex = String(bits, radix: 16)
    return String(repeating: "0", count: 32 - hex.utf8.count) + hex + region.rawValue
  }
}
