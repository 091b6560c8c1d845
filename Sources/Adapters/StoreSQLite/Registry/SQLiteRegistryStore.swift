package import Registry
package import Telephony

/// The registry's store on one SQLite file. See `RegistryStore` for what it promises.
///
/// An actor on the ``SQLiteExecutor``: each method runs whole, one after the other.
package actor SQLiteRegistryStore: RegistryStore {
  private let executor: SQLiteExecutor
  let connection: SQLiteConnection
  /// Told of a row that can't be read and is left alone; names it, and quotes nothing.
  let damaged: @Sendable (String) -> Void

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
    try RegistrySchema.migrations.run(on: connection)
  }

  func commit(_ write: RegistryWrite, tenant: TenantID) throws(StoreError) -> RegistryReceipt {
    try connection.withTransaction(mapping: StoreError.init) { () throws(StoreError) in
      if let request = write.request { try insert(request) }
      var feed = RouteFeedWriter(
        connection: connection, tenant: tenant, time: write.time)
      for change in write.changes { try apply(change, tenant: tenant, feed: &feed) }
      return RegistryReceipt(routeSequence: try feed.finish())
    }
  }

  package nonisolated func tenant(_ id: TenantID) -> any TenantStore {
    SQLiteTenantStore(store: self, tenant: id)
  }

  package func provider(_ id: ProviderID) throws(StoreError) -> Provider? {
    let rows = try run("SELECT document FROM providers WHERE id = ?1", [SQLiteValue(id)])
    return try rows.first.map { row throws(StoreError) in try decode(Provider.self, row.blob(0)) }
  }

  /// Runs one statement, with SQLite's failure as the port's.
  @discardableResult
  func run(_ sql: String, _ values: [SQLiteValue] = []) throws(StoreError) -> [SQLiteRow] {
    do throws(SQLiteError) {
      return try connection.run(sql, values)
    } catch {
      throw StoreError(error)
    }
  }

  /// Runs one statement and answers how many rows it changed.
  func change(_ sql: String, _ values: [SQLiteValue]) throws(StoreError) -> Int {
    do throws(SQLiteError) {
      return try connection.change(sql, values)
    } catch {
      throw StoreError(error)
    }
  }

  func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8]
  ) throws(StoreError) -> Value {
    do throws(StoredDocument.Damaged) {
      return try StoredDocument.decode(type, bytes)
    } catch {
      throw .damaged(cause: "a stored \(error.type) can't be read")
    }
  }
}

extension StoreError {
  /// A failure of SQLite that no rule of ours foresees.
  init(_ error: SQLiteError) {
    self = .unavailable(cause: error.description)
  }
}

extension SQLiteValue {
  init(_ time: Timestamp) { self = .integer(time.microseconds) }
  init(_ version: UInt64) { self = .integer(Int64(clamping: version)) }
  init<Kind>(_ id: HexIdentifier<Kind>) { self = .text(id.description) }
  init(_ id: AgentID) { self = .text(id.description) }
  init(_ region: Region) { self = .text(region.rawValue) }
}
