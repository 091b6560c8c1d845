internal import CSQLite
internal import FoundationEssentials
internal import Glibc

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
    guard let start = PartFile(path)?.read(at: 0, count: 1) else { return }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    guard !start.isEmpty else { throw damage("\(name) is empty") }
    // Another process may write meanwhile: what is found must be found twice.
    for _ in 0..<triesMax {
      let index = LogIndex(path + "-shm")
      guard let finding = finding(index, LogFile(path + "-wal")) else { return }
      if LogIndex(path + "-shm") == index {
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
}

/// A file of which parts are read. A database has any size: it is never read whole.
///
/// No connection of this process may have the file open: closing it would end the locks that SQLite
/// holds (sqlite.org/howtocorrupt.html, section 2.2).
private final class PartFile {
  private let descriptor: Int32

  /// nil when there is no such file, or it can't be opened.
  init?(_ path: String) {
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The bytes from `offset` on; fewer at the end of the file, or where it can't be read.
  func read(at offset: Int, count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let part = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe pread(
          descriptor, buffer.baseAddress.map { unsafe $0 + done }, count - done, offset + done)
      }
      if part < 0 && errno == EINTR { continue }
      guard part > 0 else { break }
      done += part
    }
    bytes.removeLast(count - done)
    return bytes
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

  init?(_ path: String) {
    guard let bytes = PartFile(path)?.read(at: 0, count: Self.size) else { return nil }
    guard bytes.count == Self.size, bytes[0..<48] == bytes[48..<96], bytes[12] == 1 else {
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
    guard let file = PartFile(path) else { return }
    let header = file.read(at: 0, count: Self.headerSize)
    guard header.count == Self.headerSize else { return }
    let magic = header.bigWord(0)
    guard magic & ~1 == 0x377F_0682 else { return }
    var sum = LogSum(isLittle: magic & 1 == 0)
    sum.add(header, 0..<24)
    guard sum.first == header.bigWord(24), sum.second == header.bigWord(28) else { return }
    salts = UInt64(header.word(16)) << 32 | UInt64(header.word(20))
    // A page has at most 64 KiB (section 1.3.2 of the file's format).
    let pageSize = Int(header.bigWord(8))
    guard pageSize <= 1 << 16 else { return }
    readFrames(file, Self.headerSize, Self.frameHeaderSize + pageSize, header[16..<24], sum)
  }

  private mutating func readFrames(
    _ file: PartFile, _ first: Int, _ size: Int, _ salts: ArraySlice<UInt8>, _ sum: LogSum
  ) {
    var (sum, isWhole) = (sum, true)
    var number: UInt32 = 0
    var offset = first
    while true {
      let frame = file.read(at: offset, count: size)
      guard frame.count == size else { return }
      offset += size
      guard frame[8..<16] == salts else {
        // Left from an earlier round of the log, unless it is whole behind: then it is damage.
        isWhole = false
        continue
      }
      number += 1
      let isCommit = frame.bigWord(4) != 0
      if isWhole {
        sum.add(frame, 0..<8)
        sum.add(frame, Self.frameHeaderSize..<size)
        isWhole = sum.first == frame.bigWord(16) && sum.second == frame.bigWord(20)
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
