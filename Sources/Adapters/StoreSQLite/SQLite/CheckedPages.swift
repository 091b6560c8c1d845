internal import CSQLite

/// SQLite's own files with a checksum at the end of each page of a database: a page that the disk
/// or another program has changed is refused (SQLITE_IOERR_DATA). SQLite itself looks no closer
/// than it must, and would give a changed text out as it is.
///
/// SQLite leaves the last 8 bytes of each page free (fileformat2.html, "Reserved bytes per page");
/// that is set when a file is made, and its header tells it. A file that was made without stays
/// without. The write-ahead log has SQLite's own checksums, so that the bytes are filled in when a
/// page moves from there to the database. A program that writes to the file and knows nothing of
/// this leaves pages behind that look damaged: ``Reading/unchecked`` takes those.
enum CheckedPages {
  enum Reading: String {
    case checked = "trunkline"
    /// Wrong checksums are overlooked, and put right when the page is written.
    case unchecked = "trunkline-unchecked"
  }

  /// Bytes of the checksum.
  static let size = 8

  /// The name under which SQLite knows these files; nil when it has no memory for it.
  static func name(_ reading: Reading) -> String? {
    switch reading {
    case .checked: isRegistered ? reading.rawValue : nil
    case .unchecked: isUncheckedRegistered ? reading.rawValue : nil
    }
  }

  private static let isRegistered = unsafe register(.checked) { system, name, file, flags, out in
    unsafe CheckedPages.open(system, name, file, flags, out, isVerifying: true)
  }
  private static let isUncheckedRegistered = unsafe register(.unchecked) {
    system, name, file, flags, out in
    unsafe CheckedPages.open(system, name, file, flags, out, isVerifying: false)
  }

  typealias Open =
    @convention(c) (
      UnsafeMutablePointer<sqlite3_vfs>?, UnsafePointer<CChar>?,
      UnsafeMutablePointer<sqlite3_file>?, Int32, UnsafeMutablePointer<Int32>?
    ) -> Int32

  /// Registers the machine's files under another name, with another way to open them. What SQLite
  /// keeps a pointer to lives as long as the process.
  private static func register(_ reading: Reading, _ open: @escaping Open) -> Bool {
    guard let machine = unsafe sqlite3_vfs_find(nil) else { return false }
    let text = reading.rawValue.utf8CString
    let name = UnsafeMutableBufferPointer<CChar>.allocate(capacity: text.count)
    unsafe _ = name.initialize(from: text)
    let system = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    unsafe system.initialize(to: machine.pointee)
    unsafe system.pointee.pNext = nil
    unsafe system.pointee.zName = UnsafePointer(name.baseAddress)
    unsafe system.pointee.szOsFile += Int32(CheckedFile.size)
    unsafe system.pointee.xOpen = open
    return unsafe sqlite3_vfs_register(system, 0) == SQLITE_OK
  }

  private static func open(
    _ system: UnsafeMutablePointer<sqlite3_vfs>?, _ name: UnsafePointer<CChar>?,
    _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32,
    _ out: UnsafeMutablePointer<Int32>?, isVerifying: Bool
  ) -> Int32 {
    guard let machine = unsafe sqlite3_vfs_find(nil), let open = unsafe machine.pointee.xOpen,
      let file = unsafe file
    else { return SQLITE_CANTOPEN }
    // Logs and journals are the machine's own.
    guard flags & SQLITE_OPEN_MAIN_DB != 0 else {
      return unsafe open(machine, name, file, flags, out)
    }
    let checked = unsafe CheckedFile(file)
    unsafe checked.state.pointee = CheckedFile.State(isVerifying: isVerifying)
    let code = unsafe open(machine, name, checked.machines, flags, out)
    if code == SQLITE_OK {
      unsafe checked.state.pointee.base.pMethods = UnsafePointer(CheckedFile.methods)
    }
    return code
  }

  /// The checksum of a page less its last 8 bytes. One word that differs gives another sum; so does
  /// a page in another's place. A page of zeros, which nothing was ever written to, has the sum 0.
  static func checksum(_ page: UnsafeRawBufferPointer, at offset: Int64) -> UInt64 {
    var sum: UInt64 = 0
    for index in stride(from: 0, to: page.count - size, by: 8) {
      let word = unsafe UInt64(
        littleEndian: page.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let mixed = (sum ^ word) &* 0x9E37_79B9_7F4A_7C15
      sum = mixed << 31 | mixed >> 33
    }
    return sum == 0 ? 0 : sum ^ UInt64(bitPattern: offset) &* 0xD6E8_FEB8_6659_FD93
  }

  /// Whether so many bytes are a page: all else that SQLite reads of a database is a part of its
  /// header.
  static func isPage(_ count: Int) -> Bool { count >= 512 && count & (count - 1) == 0 }

  /// How the header of a database begins.
  static let magic = Array("SQLite format 3\0".utf8)

  /// The sum that stands at the end of a page.
  static func stored(_ page: UnsafeRawBufferPointer) -> UInt64 {
    unsafe UInt64(
      littleEndian: page.loadUnaligned(fromByteOffset: page.count - size, as: UInt64.self))
  }
}
