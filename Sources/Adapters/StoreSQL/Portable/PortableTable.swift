internal import Crypto

/// A table as an export tells it, read from the schema's own text: none can be forgotten.
package struct PortableTable: Sendable, Hashable {
  package let name: String
  package private(set) var columns: [String]
  /// The columns of the primary key, which also order an export.
  let key: [String]

  /// Every table of the registry and of the dispatch.
  package static let registry = tables(
    of: RegistrySchema.tables + RegistrySchema.accessTables + RegistrySchema.operationColumns
      + RegistrySchema.gatewayColumns)
  package static let calls = tables(of: CallSchema.tables)

  private static func tables(of schema: String) -> [PortableTable] {
    var tables: [PortableTable] = []
    for statement in schema.split(separator: ";") {
      let lines = statement.split(separator: "\n").map { $0.split { " ,()".contains($0) } }
        .filter { !$0.isEmpty }
      guard let head = lines.first else { continue }
      if head.starts(with: ["ALTER", "TABLE"]) {
        guard let index = tables.firstIndex(where: { $0.name == head[2] }),
          head[3...].starts(with: ["ADD", "COLUMN"])
        else { preconditionFailure("an export can't tell what this changes: \(statement)") }
        tables[index].columns.append(String(head[5]))
        continue
      }
      guard head.starts(with: ["CREATE", "TABLE"]) else { continue }
      var (columns, key): ([String], [String]) = ([], [])
      for line in lines.dropFirst() {
        switch line[0] {
        case "PRIMARY": key = line.dropFirst(2).map(String.init)
        case "CONSTRAINT": break
        default: columns.append(String(line[0]))
        }
      }
      tables.append(PortableTable(name: String(head[2]), columns: columns, key: key))
    }
    return tables
  }

  /// Rows of one page of an export, and of one INSERT of an import.
  static let pageSize = 500
  static let batchSize = 50

  private var list: String { columns.joined(separator: ", ") }
  private var order: String { key.joined(separator: ", ") }

  var firstPage: SQLStatement {
    SQLStatement(
      "export_\(name)_first", "SELECT \(list) FROM \(name) ORDER BY \(order) LIMIT $1")
  }

  /// The page behind a row's key.
  var nextPage: SQLStatement {
    let parameters = key.indices.map { "$\($0 + 2)" }.joined(separator: ", ")
    return SQLStatement(
      "export_\(name)_next",
      "SELECT \(list) FROM \(name) WHERE (\(order)) > (\(parameters)) ORDER BY \(order) LIMIT $1")
  }

  var count: SQLStatement { SQLStatement("import_\(name)_count", "SELECT count(*) FROM \(name)") }
  var clear: SQLStatement { SQLStatement("import_\(name)_clear", "DELETE FROM \(name)") }

  func insert(rowCount: Int) -> SQLStatement {
    let rows = (0..<rowCount).map { row in
      let parameters = columns.indices.map { "$\(row * columns.count + $0 + 1)" }
      return "(\(parameters.joined(separator: ", ")))"
    }
    return SQLStatement(
      "import_\(name)_\(rowCount)",
      "INSERT INTO \(name) (\(list)) VALUES \(rows.joined(separator: ", "))")
  }

  /// The values of a row's key.
  func key(of row: [SQLValue]) -> [SQLValue] {
    key.map { column in
      guard let index = columns.firstIndex(of: column) else {
        preconditionFailure("\(name) has no column \(column)")
      }
      return row[index]
    }
  }

  /// 16 bytes of SHA-256 over the table's name and the row's values with their types and lengths: a
  /// row's own check, whatever engine it comes from.
  func digest(of row: [SQLValue]) -> [UInt8] {
    var bytes = Array(name.utf8)
    for value in row {
      let (tag, body): (UInt8, [UInt8]) =
        switch value {
        case .null: (0, [])
        case .integer(let integer):
          (1, (0..<8).map { UInt8(truncatingIfNeeded: integer >> ($0 * 8)) })
        case .text(let text): (2, Array(text.utf8))
        case .blob(let blob): (3, blob)
        }
      bytes.append(tag)
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: body.count >> ($0 * 8)) }
      bytes += body
    }
    return Array(SHA256.digest(bytes).prefix(16))
  }

  /// Reads the whole table in pages and hands over each row.
  func each(
    _ session: any SQLSession, _ body: ([SQLValue]) async throws(SQLFailure) -> Void
  ) async throws(SQLFailure) {
    var last: [SQLValue]?
    while true {
      let size = SQLValue.integer(Int64(Self.pageSize))
      let page =
        if let last {
          try await session.run(nextPage, [size] + key(of: last)).rows
        } else {
          try await session.run(firstPage, [size]).rows
        }
      for row in page { try await body(row.values) }
      guard let end = page.last, page.count == Self.pageSize else { return }
      last = end.values
    }
  }
}
