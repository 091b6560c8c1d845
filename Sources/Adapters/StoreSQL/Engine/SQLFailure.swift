/// How a database failed, as far as a store must tell it apart.
///
/// No text holds a bound value. A `cause` up to its first semicolon is also for the callers of the
/// API; what follows may name machines and is for logs and for who runs the server.
package enum SQLFailure: Error, Sendable, Hashable {
  /// The transaction lost against another and did nothing: SQLSTATE 40001 and 40P01. The engine
  /// repeats it whole; a store sees it only when the repeats ran out.
  case serialization
  /// A key is taken, 23505. The transaction did nothing and may be repeated: a second look finds
  /// the row that was in the way.
  case uniqueViolation(constraint: String)
  /// There is no database now: a lost connection, none in time, a server that shuts down (57P01),
  /// a standby that takes no write (25006), a full disk (53100). With `mayHaveCommitted` the
  /// connection was lost while COMMIT was under way.
  case unavailable(cause: String, mayHaveCommitted: Bool)
  /// The deadline came first; nothing was done.
  case deadline
  /// The database refuses what no rule of ours foresees: a table that is missing, a damaged file.
  case damaged(cause: String)
}

extension SQLFailure {
  /// What callers are told of a cause.
  static func told(_ cause: String) -> String {
    String(cause.prefix { $0 != ";" })
  }
}
