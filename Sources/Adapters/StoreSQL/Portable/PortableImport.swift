internal import Crypto

/// Reads an export into empty tables, all of it in one transaction, and compares every row that is
/// there afterwards with the file.
package struct PortableImport: Sendable {
  /// Why nothing was imported.
  package enum Failure: Error, Hashable, Sendable {
    case notAnExport
    case otherVersion
    /// This line is not what was written, counted from 1.
    case damagedLine(Int)
    /// The file ends before its last line.
    case truncated
    /// The target has data in this table.
    case notEmpty(table: String)
    /// What stands in the table afterwards is not what the file holds.
    case differs(table: String)
    case database(SQLFailure)
  }

  private let open: @Sendable () throws(SQLFailure) -> @Sendable () throws(SQLFailure) -> [UInt8]?

  /// - Parameter open: begins at the file's first line, once for each try of the transaction, and
  ///   gives the function that reads the next.
  package init(
    open:
      @escaping @Sendable () throws(SQLFailure)
      -> @Sendable () throws(SQLFailure) -> [UInt8]?
  ) {
    self.open = open
  }

  /// Imports into `engine`, whose tables are there; answers how many rows.
  package func run(into engine: any SQLEngine) async throws(Failure) -> Int {
    do throws(Interruption<Failure>) {
      return try await engine.transaction(refusing: Failure.self) {
        session async throws(Interruption<Failure>) -> Int in
        var reader = ImportReader(session: session, next: try Self.mapped(open))
        return try await reader.run()
      }
    } catch {
      switch error {
      case .failed(let failure): throw .database(failure)
      case .refused(let refusal): throw refusal
      }
    }
  }

  private static func mapped<Result>(
    _ body: () throws(SQLFailure) -> Result
  ) throws(Interruption<Failure>) -> Result {
    do throws(SQLFailure) { return try body() } catch { throw .failed(error) }
  }
}

/// One try of an import.
private struct ImportReader {
  typealias Stop = Interruption<PortableImport.Failure>

  let session: any SQLSession
  let next: @Sendable () throws(SQLFailure) -> [UInt8]?
  private var lineNumber = 0

  init(
    session: any SQLSession, next: @escaping @Sendable () throws(SQLFailure) -> [UInt8]?
  ) {
    self.session = session
    self.next = next
  }

  mutating func run() async throws(Stop) -> Int {
    guard let head = try? line(), head.trunklineExport != nil else {
      throw .refused(.notAnExport)
    }
    guard head.trunklineExport == PortableLine.version, head.schema == PortableSchema.versions
    else { throw .refused(.otherVersion) }
    let tables = PortableTable.registry + PortableTable.calls
    for table in tables { try await empty(table) }
    var (rowCount, tableCount) = (0, 0)
    while true {
      let line = try line()
      if line.end == "export" {
        guard line.tables == tableCount else { throw damaged }
        return rowCount
      }
      guard let table = tables.first(where: { $0.name == line.table }),
        line.columns == table.columns
      else { throw damaged }
      rowCount += try await read(table)
      tableCount += 1
    }
  }

  /// The next line, which must be there.
  private mutating func line() throws(Stop) -> PortableLine {
    let bytes: [UInt8]?
    do throws(SQLFailure) { bytes = try next() } catch { throw .failed(error) }
    guard let bytes else { throw .refused(.truncated) }
    lineNumber += 1
    guard let line = PortableLine(bytes) else { throw damaged }
    return line
  }

  private var damaged: Stop { .refused(.damagedLine(lineNumber)) }

  private func run(_ statement: SQLStatement, _ values: [SQLValue]) async throws(Stop) -> SQLResult
  {
    do throws(SQLFailure) {
      return try await session.run(statement, values)
    } catch {
      throw .failed(error)
    }
  }

  /// Refuses a table with data. Counters that stand at nothing make way.
  private func empty(_ table: PortableTable) async throws(Stop) {
    if let latest = table.columns.firstIndex(of: "latest") {
      let rows = try await run(table.firstPage, [SQLValue(PortableTable.pageSize)]).rows
      guard rows.allSatisfy({ $0.integer(latest) == 0 }) else {
        throw .refused(.notEmpty(table: table.name))
      }
      _ = try await run(table.clear, [])
    }
    guard try await run(table.count, []).rows.first?.integer(0) == 0 else {
      throw .refused(.notEmpty(table: table.name))
    }
  }

  /// Reads a table's rows up to its end, writes them and compares. Answers how many.
  private mutating func read(_ table: PortableTable) async throws(Stop) -> Int {
    var digests: [UInt8] = []
    var expected: [[UInt8]: Int] = [:]
    var batch: [SQLValue] = []
    var count = 0
    while true {
      let line = try line()
      if line.end == table.name {
        guard line.rows == count, line.sha256 == PortableLine.hex(SHA256.digest(digests)) else {
          throw damaged
        }
        break
      }
      guard let row = line.row?.map(\.value), row.count == table.columns.count else {
        throw damaged
      }
      let digest = table.digest(of: row)
      guard line.sha256 == PortableLine.hex(digest) else { throw damaged }
      digests += digest
      expected[digest, default: 0] += 1
      batch += row
      count += 1
      if batch.count == PortableTable.batchSize * table.columns.count {
        _ = try await run(table.insert(rowCount: PortableTable.batchSize), batch)
        batch.removeAll(keepingCapacity: true)
      }
    }
    for start in stride(from: 0, to: batch.count, by: table.columns.count) {
      _ = try await run(
        table.insert(rowCount: 1), Array(batch[start..<(start + table.columns.count)]))
    }
    try await compare(table, expected)
    return count
  }

  /// Reads the table back: each of its rows is one of the file's, and none of those is missing.
  private func compare(_ table: PortableTable, _ expected: [[UInt8]: Int]) async throws(Stop) {
    var left = expected
    var strangers = 0
    do throws(SQLFailure) {
      try await table.each(session) { row async throws(SQLFailure) in
        let digest = table.digest(of: row)
        switch left[digest] {
        case nil: strangers += 1
        case 1: left[digest] = nil
        case .some(let count): left[digest] = count - 1
        }
      }
    } catch {
      throw .failed(error)
    }
    guard left.isEmpty, strangers == 0 else { throw .refused(.differs(table: table.name)) }
  }
}
