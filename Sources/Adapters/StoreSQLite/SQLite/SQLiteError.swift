internal import CSQLite

/// SQLite refused or failed.
///
/// The text is SQLite's own and names tables and columns, never the values that were bound.
package struct SQLiteError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The extended result code (sqlite.org/rescode.html).
  package let code: Int32
  package let message: String

  package var description: String { "SQLite error \(code): \(message)" }

  /// Whether a UNIQUE or PRIMARY KEY constraint refused the row.
  package var isUniqueViolation: Bool {
    code == Self.constraintUnique || code == Self.constraintPrimaryKey
  }

  /// Whether the file is no database, is damaged, or lacks what a statement names: trying again
  /// helps nobody.
  package var isDamage: Bool {
    if code == Self.wrongChecksum { return true }
    return switch code & 0xff {
    case SQLITE_ERROR, SQLITE_INTERNAL, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_SCHEMA,
      SQLITE_MISMATCH, SQLITE_MISUSE, SQLITE_CONSTRAINT, SQLITE_RANGE, SQLITE_FORMAT:
      true
    default: false
    }
  }

  /// SQLITE_IOERR_DATA, a macro that Swift can't import: a page does not have its checksum.
  static let wrongChecksum = SQLITE_IOERR | (32 << 8)

  /// SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY, macros that Swift can't import.
  private static let constraintUnique = SQLITE_CONSTRAINT | (8 << 8)
  private static let constraintPrimaryKey = SQLITE_CONSTRAINT | (6 << 8)
}
