/// A value that SQLite stores (sqlite.org/datatype3.html); we store no REAL.
package enum SQLiteValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case text(String)
  case blob([UInt8])

  package init(_ text: String?) { self = text.map(Self.text) ?? .null }
  package init(_ integer: Int64?) { self = integer.map(Self.integer) ?? .null }
  package init(_ bytes: [UInt8]?) { self = bytes.map(Self.blob) ?? .null }
  package init(_ flag: Bool) { self = .integer(flag ? 1 : 0) }
}

extension SQLiteValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByNilLiteral
{
  package init(stringLiteral text: String) { self = .text(text) }
  package init(integerLiteral integer: Int64) { self = .integer(integer) }
  package init(nilLiteral: ()) { self = .null }
}

/// One row of an answer, with its columns in the order of the SELECT.
package struct SQLiteRow: Hashable, Sendable {
  package let values: [SQLiteValue]

  /// A TEXT column; NULL is nil. Another type is a defect of ours and traps.
  package func optionalText(_ column: Int) -> String? {
    switch values[column] {
    case .null: nil
    case .text(let text): text
    case .integer, .blob: preconditionFailure("column \(column) is not TEXT")
    }
  }

  /// A TEXT column that is NOT NULL.
  package func text(_ column: Int) -> String {
    guard let text = optionalText(column) else { preconditionFailure("column \(column) is NULL") }
    return text
  }

  /// An INTEGER column; NULL is nil.
  package func optionalInteger(_ column: Int) -> Int64? {
    switch values[column] {
    case .null: nil
    case .integer(let integer): integer
    case .text, .blob: preconditionFailure("column \(column) is not INTEGER")
    }
  }

  /// An INTEGER column that is NOT NULL.
  package func integer(_ column: Int) -> Int64 {
    guard let value = optionalInteger(column) else {
      preconditionFailure("column \(column) is NULL")
    }
    return value
  }

  /// A BLOB column; NULL is nil.
  package func optionalBlob(_ column: Int) -> [UInt8]? {
    switch values[column] {
    case .null: nil
    case .blob(let bytes): bytes
    case .text, .integer: preconditionFailure("column \(column) is not BLOB")
    }
  }

  /// A BLOB column that is NOT NULL.
  package func blob(_ column: Int) -> [UInt8] {
    guard let bytes = optionalBlob(column) else { preconditionFailure("column \(column) is NULL") }
    return bytes
  }

  /// An INTEGER column that holds 0 or 1.
  package func flag(_ column: Int) -> Bool { integer(column) != 0 }
}
