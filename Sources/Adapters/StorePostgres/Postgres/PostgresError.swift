internal import CPostgres
internal import StoreSQL

/// What a server says of a failure, less everything that may quote a value: its message, detail and
/// hint are dropped where they come in.
struct PostgresError: Error, Hashable, Sendable {
  enum Severity: Hashable, Sendable {
    case note
    case warning
    /// The command failed; the connection goes on.
    case error
    /// The connection is over: FATAL or PANIC.
    case fatal
  }

  let severity: Severity
  /// Five characters (PostgreSQL, appendix A).
  let state: String
  /// The constraint's name, where one was violated.
  let constraint: String?

  init(severity: Severity, state: String, constraint: String? = nil) {
    self.severity = severity
    self.state = state
    self.constraint = constraint
  }

  /// The error in `result`, which stays the caller's.
  init(borrowing result: OpaquePointer) {
    func field(_ code: Int32) -> String? {
      guard let text = unsafe PQresultErrorField(result, code) else { return nil }
      return unsafe String(cString: text)
    }
    severity =
      switch field(CPostgres_diag_severity()) {
      case "FATAL", "PANIC": .fatal
      case "ERROR", nil: .error
      case "WARNING": .warning
      default: .note
      }
    // libpq's own failures have none; they are losses of the connection.
    state = field(CPostgres_diag_sqlstate()) ?? "08006"
    constraint = field(CPostgres_diag_constraint())
  }

  /// The prepared statement is gone (a pooler's DISCARD) or its columns changed under it (a
  /// migration), or another's is there under its name: prepared anew, it works.
  var isStalePreparation: Bool { ["26000", "0A000", "42P05"].contains(state) }

  /// The server takes no writes: it is a standby, or became one.
  var isReadOnlyServer: Bool { state == "25006" }

  /// As the port tells it. With `committing` the failure answers COMMIT.
  func failure(committing: Bool = false) -> SQLFailure {
    // Of an ERROR the server says itself that the transaction is gone. After FATAL, and where it
    // can't know (CockroachDB's 40003), COMMIT may have been done.
    let isUnknown = committing && (severity == .fatal || state == "40003")
    if isUnknown {
      return .unavailable(cause: "COMMIT ended with SQLSTATE \(state)", mayHaveCommitted: true)
    }
    switch state {
    // 42710, 42P07: of two that create a table at once where none is, one is refused though it said
    // IF NOT EXISTS: the table's row type is there already, or the table.
    case "40001", "40P01", "42710", "42P07": return .serialization
    case "23505": return .uniqueViolation(constraint: constraint ?? "")
    case "57014": return .deadline
    case "25006": return unavailable("the server is read-only")
    case "25P03": return unavailable("the transaction stood still for too long")
    case "53100": return unavailable("the database's disk is full")
    case "53300": return unavailable("the server has no connection free")
    case "55P03": return unavailable("a lock was not to be had in time")
    case "57P01", "57P02", "57P03": return unavailable("the server starts or stops")
    case "25P02": return .damaged(cause: "a statement came after one that failed")
    default: break
    }
    switch state.prefix(2) {
    case "08", "53", "57", "58", "25", "40": return unavailable("the server failed")
    default: return .damaged(cause: "PostgreSQL refused a statement with SQLSTATE \(state)")
    }
  }

  private func unavailable(_ text: String) -> SQLFailure {
    .unavailable(cause: "\(text) (SQLSTATE \(state))", mayHaveCommitted: false)
  }
}
