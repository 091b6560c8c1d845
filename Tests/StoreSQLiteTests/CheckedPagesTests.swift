import FoundationEssentials
import Glibc
import StoreSQL
import Testing

@testable import StoreSQLite

struct CheckedPagesTests {
  let file = TemporaryDatabase()

  /// A closed file with a text that is easy to find.
  private func makeFile() throws {
    try SQLiteFiles.makeOrCheck(file.path)
    let database = try SQLiteConnection(path: file.path)
    try database.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT) STRICT")
    for index in 0..<200 {
      try database.run(
        "INSERT INTO t VALUES (?1, ?2)", [.integer(Int64(index)), .text("name \(index) of many")])
    }
  }

  private func read(_ suffix: String = "") throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: file.path + suffix)))
  }

  private func write(_ bytes: [UInt8], _ suffix: String = "") throws {
    try Data(bytes).write(to: URL(filePath: file.path + suffix))
  }

  private func names() throws -> [String] {
    let database = try SQLiteConnection(path: file.path)
    return try database.run("SELECT name FROM t ORDER BY id").map { $0.text(0) }
  }

  private func index(of text: String, in bytes: [UInt8]) throws -> Int {
    let wanted = Array(text.utf8)
    return try #require(
      bytes.indices.first { bytes[$0...].starts(with: wanted) })
  }

  @Test func aChangedTextIsRefusedAndNotServed() throws {
    try makeFile()
    #expect(try names().count == 200)
    var bytes = try read()
    bytes[try index(of: "name 77 of", in: bytes)] ^= 1
    try write(bytes)
    let error = #expect(throws: SQLiteError.self) { try names() }
    #expect(error?.isDamage == true)
    #expect(error?.message.contains("test.db") == true)
    // A copy with right checksums, when asked for.
    let copy = TemporaryDatabase()
    #expect(throws: SQLiteError.self) { try SQLiteBackup.copy(from: file.path, to: copy.path) }
    let other = TemporaryDatabase()
    try SQLiteBackup.copy(from: file.path, to: other.path, takesWrongChecksums: true)
    let restored = try SQLiteConnection(path: other.path)
    #expect(try restored.run("SELECT name FROM t").count == 200)
  }

  @Test func everyPageOfACopyHasItsChecksum() throws {
    try makeFile()
    let copy = TemporaryDatabase()
    try SQLiteBackup.copy(from: file.path, to: copy.path)
    let bytes = Array(try Data(contentsOf: URL(filePath: copy.path)))
    #expect(bytes[20] == 8)
    for start in stride(from: 0, to: bytes.count, by: 4096) {
      unsafe bytes.withUnsafeBytes { buffer in
        let page = unsafe UnsafeRawBufferPointer(rebasing: buffer[start..<start + 4096])
        let sum = unsafe CheckedPages.checksum(page, at: Int64(start))
        let stored = unsafe CheckedPages.stored(page)
        #expect(sum == stored)
      }
    }
  }

  @Test func everyChangeOfAPageChangesItsChecksum() {
    let page = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
    func sum(_ page: [UInt8], at offset: Int64 = 512) -> UInt64 {
      unsafe page.withUnsafeBytes { unsafe CheckedPages.checksum($0, at: offset) }
    }
    let right = sum(page)
    #expect(sum(page, at: 1024) != right)
    for index in 0..<504 {
      for bit in 0..<8 {
        var changed = page
        changed[index] ^= 1 << bit
        #expect(sum(changed) != right)
      }
    }
    #expect(sum([UInt8](repeating: 0, count: 512)) == 0)
  }

  @Test func anEmptyFileIsNoNewDatabase() throws {
    try makeFile()
    try write([])
    #expect(throws: SQLiteError.self) { try SQLiteFiles.check(file.path) }
    #expect(throws: SQLiteError.self) { try SQLiteFiles.makeOrCheck(file.path) }
  }

  @Test func aLogThatWasCutOrChangedIsFound() throws {
    try makeFile()
    let database = try SQLiteConnection(path: file.path)
    for index in 200..<220 {
      try database.run("INSERT INTO t VALUES (?1, 'late')", [.integer(Int64(index))])
    }
    try SQLiteFiles.check(file.path)
    // While `database` is open nobody takes the log away; the check only reads.
    let log = try read("-wal")
    for count in [0, 31, 40, log.count / 2, log.count - 1] {
      try write(Array(log.prefix(count)), "-wal")
      #expect(throws: SQLiteError.self) { try SQLiteFiles.check(file.path) }
    }
    var changed = log
    changed[log.count / 2] ^= 16
    try write(changed, "-wal")
    #expect(throws: SQLiteError.self) { try SQLiteFiles.check(file.path) }
    // Without the index the commits behind the damage tell.
    let index = try read("-shm")
    try write([UInt8](repeating: 0, count: index.count), "-shm")
    #expect(throws: SQLiteError.self) { try SQLiteFiles.check(file.path) }
    // What a loss of power leaves: an end that is not whole, and an index that is older or gone.
    try write(Array(log.dropLast(100)), "-wal")
    try SQLiteFiles.check(file.path)
    try write(log, "-wal")
    try write(index, "-shm")
    try SQLiteFiles.check(file.path)
  }

  /// A database has any size, and to start is no reason to read all of it.
  @Test func ofALargeFileLittleIsRead() throws {
    try makeFile()
    #expect(unsafe truncate(file.path, 3 << 30) == 0)
    let before = try residentKibibytesMax()
    try SQLiteFiles.check(file.path)
    #expect(try residentKibibytesMax() - before < 1 << 20)
  }

  /// The most memory that this process has had.
  private func residentKibibytesMax() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return try #require(line?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
  }
}
