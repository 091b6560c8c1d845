/// A value that a store writes or reads.
///
/// `integer` is PostgreSQL's int8, `text` its text and `blob` its bytea; SQLite's INTEGER, TEXT and
/// BLOB. A flag is an integer, 0 or 1. No column of ours has another type, so that an engine may
/// always bind and read these in their binary form.
package enum SQLValue: Sendable, Hashable {
  case null
  case integer(Int64)
  /// UTF-8. PostgreSQL stores no U+0000; no text that reaches a store as a column holds one.
  case text(String)
  case blob([UInt8])

  package init(_ text: String?) { self = text.map(Self.text) ?? .null }
  package init(_ integer: Int64?) { self = integer.map(Self.integer) ?? .null }
  package init(_ bytes: [UInt8]?) { self = bytes.map(Self.blob) ?? .null }
  package init(_ flag: Bool) { self = .integer(flag ? 1 : 0) }
}

extension SQLValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral text: String) { self = .text(text) }
  package init(integerLiteral integer: Int64) { self = .integer(integer) }
  package init(nilLiteral: ()) { self = .null }
}

/// One row of an answer, with its columns in the order of the SELECT or RETURNING.
package struct SQLRow: Sendable, Hashable {
  package let values: [SQLValue]

  package init(values: [SQLValue]) { self.values = values }

  /// A text column; NULL is nil. Another type is a defect of ours and traps.
  package func optionalText(_ column: Int) -> String? {
    switch values[column] {
    case .null: nil
    case .text(let text): text
    case .integer, .blob: preconditionFailure("column \(column) is not text")
    }
  }

  /// A text column that is NOT NULL.
  package func text(_ column: Int) -> String {
    guard let text = optionalText(column) else { preconditionFailure("column \(column) is NULL") }
    return text
  }

  /// An integer column; NULL is nil.
  package func optionalInteger(_ column: Int) -> Int64? {
    switch values[column] {
    case .null: nil
    case .integer(let integer): integer
    case .text, .blob: preconditionFailure("column \(column) is not an integer")
    }
  }

  /// An integer column that is NOT NULL.
  package func integer(_ column: Int) -> Int64 {
    guard let value = optionalInteger(column) else {
      preconditionFailure("column \(column) is NULL")
    }
    return value
  }

  /// A blob column; NULL is nil.
  package func optionalBlob(_ column: Int) -> [UInt8]? {
    switch values[column] {
    case .null: nil
    case .blob(let bytes): bytes
    case .text, .integer: preconditionFailure("column \(column) is not a blob")
    }
  }

  /// A blob column that is NOT NULL.
  package func blob(_ column: Int) -> [UInt8] {
    guard let bytes = optionalBlob(column) else { preconditionFailure("column \(column) is NULL") }
    return bytes
  }

  /// An integer column that holds 0 or 1.
  package func flag(_ column: Int) -> Bool { integer(column) != 0 }
}

/// What a statement answered.
package struct SQLResult: Sendable, Hashable {
  package var rows: [SQLRow]
  /// Rows that were inserted, updated or deleted; 0 of a SELECT.
  package var changedCount: Int

  package init(rows: [SQLRow] = [], changedCount: Int = 0) {
    self.rows = rows
    self.changedCount = changedCount
  }
}
