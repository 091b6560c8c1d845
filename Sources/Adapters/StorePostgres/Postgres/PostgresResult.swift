internal import CPostgres
internal import StoreSQL

/// One answer of libpq. Owns the `PGresult` and clears it exactly once.
@safe struct PostgresResult: ~Copyable {
  private let handle: OpaquePointer

  init(takingOwnershipOf handle: OpaquePointer) { unsafe self.handle = handle }

  deinit { unsafe PQclear(handle) }

  enum Kind {
    /// Rows, or the count of those that were changed.
    case rows
    /// The server refused the command.
    case failure
    /// An earlier command of the group failed: this one was not run.
    case skipped
    /// The end of a group.
    case sync
  }

  var kind: Kind {
    switch unsafe PQresultStatus(handle) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: .rows
    case PGRES_PIPELINE_ABORTED: .skipped
    case PGRES_PIPELINE_SYNC: .sync
    default: .failure
    }
  }

  /// Why the server refused; meaningful for `.failure`.
  var error: PostgresError { unsafe PostgresError(borrowing: handle) }

  /// Whether the command's tag is `tag`, as "COMMIT".
  func hasTag(_ tag: String) -> Bool {
    guard let text = unsafe PQcmdStatus(handle) else { return false }
    return unsafe String(cString: text) == tag
  }

  /// The rows as values; a column of a type that we do not store is a failure that names it.
  func decoded() throws(PostgresColumnType.Unknown) -> SQLResult {
    let columnCount = unsafe PQnfields(handle)
    let rowCount = unsafe PQntuples(handle)
    var result = SQLResult(changedCount: changedCount)
    guard rowCount > 0 else { return result }
    var types: [PostgresColumnType] = []
    types.reserveCapacity(Int(columnCount))
    for column in 0..<columnCount {
      let oid = unsafe PQftype(handle, column)
      types.append(try PostgresColumnType(oid: oid))
    }
    result.rows.reserveCapacity(Int(rowCount))
    for row in 0..<rowCount {
      var values: [SQLValue] = []
      values.reserveCapacity(types.count)
      for column in 0..<types.count {
        values.append(value(row: row, column: Int32(column), type: types[column]))
      }
      result.rows.append(SQLRow(values: values))
    }
    return result
  }

  private func value(row: Int32, column: Int32, type: PostgresColumnType) -> SQLValue {
    if unsafe PQgetisnull(handle, row, column) != 0 { return .null }
    let count = Int(unsafe PQgetlength(handle, row, column))
    let bytes = unsafe UnsafeRawBufferPointer(
      start: PQgetvalue(handle, row, column), count: count)
    switch type {
    case .integer:
      // int2, int4, int8 and bool: big-endian, sign first.
      let first = unsafe bytes.first ?? 0
      var integer: Int64 = first >= 0x80 ? -1 : 0
      for index in 0..<count { integer = integer << 8 | Int64(unsafe bytes[index]) }
      return .integer(integer)
    case .text: return .text(unsafe String(decoding: bytes, as: UTF8.self))
    case .blob: return .blob(unsafe Array(bytes))
    }
  }

  /// Rows that INSERT, UPDATE or DELETE changed; a SELECT's tag counts rows that are no change.
  private var changedCount: Int {
    guard let tag = unsafe PQcmdStatus(handle) else { return 0 }
    switch unsafe UInt8(bitPattern: tag.pointee) {
    case UInt8(ascii: "I"), UInt8(ascii: "U"), UInt8(ascii: "D"): break
    default: return 0
    }
    guard let text = unsafe PQcmdTuples(handle) else { return 0 }
    return Int(unsafe String(cString: text)) ?? 0
  }
}

/// The column types that a result may have (pg_type.dat).
enum PostgresColumnType {
  case integer
  case text
  case blob

  struct Unknown: Error {
    let oid: UInt32
  }

  init(oid: Oid) throws(Unknown) {
    switch oid {
    case 20, 21, 23, 16: self = .integer
    case 25, 1043, 1042, 19: self = .text
    case 17: self = .blob
    default: throw Unknown(oid: oid)
    }
  }
}
