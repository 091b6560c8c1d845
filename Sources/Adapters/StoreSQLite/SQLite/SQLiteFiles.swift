internal import CSQLite
internal import FoundationEssentials

/// A database's files before SQLite opens them: it takes an empty file for a new database, and a
/// write-ahead log that was cut for one that ends earlier.
enum SQLiteFiles {
  /// Makes the file where there is none, else looks at it. For one process at a time.
  static func makeOrCheck(_ path: String) throws(SQLiteError) {
    if FileManager.default.fileExists(atPath: path) { return try check(path) }
    // Under another name until it has its header: from then on an empty file is a damaged one.
    let fresh = path + ".new"
    for suffix in ["", "-wal", "-shm", "-journal"] {
      try? FileManager.default.removeItem(atPath: fresh + suffix)
    }
    do { _ = try SQLiteConnection(path: fresh) }
    do {
      try FileManager.default.moveItem(atPath: fresh, toPath: path)
    } catch {
      throw SQLiteError(code: SQLITE_CANTOPEN, message: "\(fresh) can't be renamed")
    }
  }

  /// Refuses files that lack what was acknowledged. What SQLite finds by itself is left to it; so
  /// is a file that is not there.
  static func check(_ path: String) throws(SQLiteError) {
    guard let start = read(path, limit: 1) else { return }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    guard !start.isEmpty else { throw damage("\(name) is empty") }
    // Another process may write meanwhile: what is found must be found twice.
    for _ in 0..<triesMax {
      let index = LogIndex(read(path + "-shm", limit: LogIndex.size) ?? [])
      guard let finding = finding(index, LogFile(path + "-wal")) else { return }
      if LogIndex(read(path + "-shm", limit: LogIndex.size) ?? []) == index {
        throw damage("\(name)-wal \(finding)")
      }
    }
  }

  private static let triesMax = 3

  private static func damage(_ text: String) -> SQLiteError {
    SQLiteError(code: SQLITE_CORRUPT, message: text)
  }

  /// What a log lacks, for who reads it.
  private static func finding(_ index: LogIndex?, _ log: LogFile) -> String? {
    if log.commitsBehindDamage > 1 { return "is damaged in front of acknowledged writes" }
    guard let index else { return nil }
    switch log.salts {
    case nil where index.frameCount > index.movedCount:
      return "is not there whole: it held acknowledged writes"
    case .some(index.salts) where index.frameCount > log.frameCount:
      return "is not there whole: of \(index.frameCount) pages of acknowledged writes it has "
        + "\(log.frameCount)"
    default: return nil
    }
  }

  fileprivate static func read(_ path: String, limit: Int? = nil) -> [UInt8]? {
    guard let data = try? Data(contentsOf: URL(filePath: path), options: .mappedIfSafe) else {
      return nil
    }
    return Array(limit.map { data.prefix($0) } ?? data)
  }
}

/// The head of the log's index, the -shm file, as the last process left it (walformat.html, section
/// 2.2). It outlives kill -9; a loss of power may leave an older one or none.
private struct LogIndex: Equatable {
  /// Pages in the log up to the last commit.
  let frameCount: UInt32
  /// How many of them stand in the database as well.
  let movedCount: UInt32
  /// Names the log.
  let salts: UInt64

  static let size = 136

  init?(_ bytes: [UInt8]) {
    guard bytes.count >= Self.size, bytes[0..<48] == bytes[48..<96], bytes[12] == 1 else {
      return nil
    }
    func word(_ offset: Int) -> UInt32 { bytes.word(offset) }
    var sum = LogSum(isLittle: UInt32(littleEndian: 1) == 1)
    sum.add(bytes, 0..<40)
    guard word(0) == 3_007_000, sum.first == word(40), sum.second == word(44) else { return nil }
    frameCount = word(16)
    movedCount = word(96)
    salts = UInt64(word(32)) << 32 | UInt64(word(36))
  }
}

/// What a log holds, as SQLite will read it (walformat.html, section 1).
private struct LogFile {
  /// Names the log; nil when it has no good header.
  private(set) var salts: UInt64?
  /// Pages up to the last commit that can be read.
  private(set) var frameCount: UInt32 = 0
  /// Commits behind the first page that is not as it was written. A loss of power leaves one at
  /// most: each commit was on the disk before the next began.
  private(set) var commitsBehindDamage = 0

  private static let headerSize = 32
  private static let frameHeaderSize = 24

  init(_ path: String) {
    guard let bytes = SQLiteFiles.read(path), bytes.count >= Self.headerSize else { return }
    let magic = bytes.bigWord(0)
    guard magic & ~1 == 0x377F_0682 else { return }
    var sum = LogSum(isLittle: magic & 1 == 0)
    sum.add(bytes, 0..<24)
    guard sum.first == bytes.bigWord(24), sum.second == bytes.bigWord(28) else { return }
    salts = UInt64(bytes.word(16)) << 32 | UInt64(bytes.word(20))
    let frameSize = Self.frameHeaderSize + Int(bytes.bigWord(8))
    var isWhole = true
    var number: UInt32 = 0
    for start in stride(
      from: Self.headerSize, through: bytes.count - frameSize, by: frameSize)
    {
      guard bytes[start + 8..<start + 16] == bytes[16..<24] else {
        // Left from an earlier round of the log, unless it is whole behind: then it is damage.
        isWhole = false
        continue
      }
      number += 1
      let isCommit = bytes.bigWord(start + 4) != 0
      if isWhole {
        sum.add(bytes, start..<start + 8)
        sum.add(bytes, start + Self.frameHeaderSize..<start + frameSize)
        isWhole =
          sum.first == bytes.bigWord(start + 16) && sum.second == bytes.bigWord(start + 20)
      }
      if isCommit {
        if isWhole { frameCount = number } else { commitsBehindDamage += 1 }
      }
    }
  }
}

/// The log's running checksum over pairs of 32-bit words.
private struct LogSum {
  let isLittle: Bool
  private(set) var first: UInt32 = 0
  private(set) var second: UInt32 = 0

  init(isLittle: Bool) { self.isLittle = isLittle }

  /// Adds bytes, whose count is a multiple of 8.
  mutating func add(_ bytes: [UInt8], _ range: Range<Int>) {
    unsafe bytes.withUnsafeBytes { buffer in
      for start in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
        let one = unsafe buffer.loadUnaligned(fromByteOffset: start, as: UInt32.self)
        let two = unsafe buffer.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self)
        first &+= (isLittle ? UInt32(littleEndian: one) : UInt32(bigEndian: one)) &+ second
        second &+= (isLittle ? UInt32(littleEndian: two) : UInt32(bigEndian: two)) &+ first
      }
    }
  }
}

extension [UInt8] {
  /// Four bytes in the machine's order.
  fileprivate func word(_ offset: Int) -> UInt32 {
    unsafe withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
  }

  /// Four bytes from the highest.
  fileprivate func bigWord(_ offset: Int) -> UInt32 { UInt32(bigEndian: word(offset)) }
}
