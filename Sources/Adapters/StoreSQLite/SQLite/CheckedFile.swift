internal import CSQLite

/// A database file behind ``CheckedPages``. SQLite owns the memory: our state, then the file of the
/// machine. Used as SQLite uses a connection: by one thread at a time.
@unsafe struct CheckedFile {
  @unsafe struct State {
    /// SQLite's part, at the front.
    var base = unsafe sqlite3_file()
    /// Whether wrong checksums are refused.
    var isVerifying: Bool
    /// Whether the file's header reserves room for checksums.
    var hasChecksums = false
  }

  /// Bytes of our state; the machine's file begins behind them.
  static let size = unsafe (MemoryLayout<State>.size + 15) & ~15

  private typealias File = UnsafeMutablePointer<sqlite3_file>

  let state: UnsafeMutablePointer<State>
  /// The file as the machine has it.
  let machines: UnsafeMutablePointer<sqlite3_file>

  init(_ file: UnsafeMutablePointer<sqlite3_file>) {
    let start = UnsafeMutableRawPointer(file)
    unsafe state = start.assumingMemoryBound(to: State.self)
    unsafe machines = (start + Self.size).assumingMemoryBound(to: sqlite3_file.self)
  }

  private static func machines(_ file: File?) -> File? {
    unsafe file.map { unsafe Self($0).machines }
  }

  /// What SQLite calls. There is no mapping of pages into memory (version 2), which would go past
  /// the checks. Written here and never again.
  nonisolated(unsafe) static let methods: UnsafeMutablePointer<sqlite3_io_methods> = {
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    unsafe methods.initialize(to: sqlite3_io_methods())
    unsafe methods.pointee.iVersion = 2
    unsafe methods.pointee.xClose = { file in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xClose?(own) ?? SQLITE_OK
    }
    unsafe methods.pointee.xRead = { file, buffer, count, offset in
      guard let file = unsafe file, let buffer = unsafe buffer else { return SQLITE_IOERR }
      return unsafe CheckedFile(file).read(buffer, Int(count), offset)
    }
    unsafe methods.pointee.xWrite = { file, buffer, count, offset in
      guard let file = unsafe file, let buffer = unsafe buffer else { return SQLITE_IOERR }
      return unsafe CheckedFile(file).write(buffer, Int(count), offset)
    }
    unsafe methods.pointee.xTruncate = { file, size in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xTruncate?(own, size) ?? SQLITE_IOERR
    }
    unsafe methods.pointee.xSync = { file, flags in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xSync?(own, flags) ?? SQLITE_IOERR
    }
    unsafe methods.pointee.xFileSize = { file, size in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xFileSize?(own, size) ?? SQLITE_IOERR
    }
    unsafe CheckedFile.addLocks(methods)
    unsafe CheckedFile.addSharedMemory(methods)
    return unsafe methods
  }()

  private static func addLocks(_ methods: UnsafeMutablePointer<sqlite3_io_methods>) {
    unsafe methods.pointee.xLock = { file, lock in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xLock?(own, lock) ?? SQLITE_IOERR
    }
    unsafe methods.pointee.xUnlock = { file, lock in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xUnlock?(own, lock) ?? SQLITE_IOERR
    }
    unsafe methods.pointee.xCheckReservedLock = { file, result in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xCheckReservedLock?(own, result)
        ?? SQLITE_IOERR
    }
    unsafe methods.pointee.xFileControl = { file, operation, argument in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xFileControl?(own, operation, argument)
        ?? SQLITE_NOTFOUND
    }
    unsafe methods.pointee.xSectorSize = { file in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xSectorSize?(own) ?? 0
    }
    unsafe methods.pointee.xDeviceCharacteristics = { file in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xDeviceCharacteristics?(own) ?? 0
    }
  }

  /// The index of the write-ahead log, which all connections share.
  private static func addSharedMemory(_ methods: UnsafeMutablePointer<sqlite3_io_methods>) {
    unsafe methods.pointee.xShmMap = { file, page, size, extends, out in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xShmMap?(own, page, size, extends, out)
        ?? SQLITE_IOERR
    }
    unsafe methods.pointee.xShmLock = { file, offset, count, flags in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xShmLock?(own, offset, count, flags)
        ?? SQLITE_IOERR
    }
    unsafe methods.pointee.xShmBarrier = { file in
      let own = unsafe CheckedFile.machines(file)
      unsafe own?.pointee.pMethods?.pointee.xShmBarrier?(own)
    }
    unsafe methods.pointee.xShmUnmap = { file, deletes in
      let own = unsafe CheckedFile.machines(file)
      return unsafe own?.pointee.pMethods?.pointee.xShmUnmap?(own, deletes) ?? SQLITE_IOERR
    }
  }

  private func read(_ buffer: UnsafeMutableRawPointer, _ count: Int, _ offset: Int64) -> Int32 {
    guard let read = unsafe machines.pointee.pMethods?.pointee.xRead else { return SQLITE_IOERR }
    let code = unsafe read(machines, buffer, Int32(count), offset)
    guard code == SQLITE_OK else { return code }
    let bytes = unsafe UnsafeRawBufferPointer(start: buffer, count: count)
    unsafe noteHeader(bytes, offset)
    guard unsafe state.pointee.hasChecksums && state.pointee.isVerifying,
      CheckedPages.isPage(count),
      unsafe CheckedPages.checksum(bytes, at: offset) != CheckedPages.stored(bytes)
    else { return SQLITE_OK }
    return SQLiteError.wrongChecksum
  }

  private func write(_ buffer: UnsafeRawPointer, _ count: Int, _ offset: Int64) -> Int32 {
    guard let write = unsafe machines.pointee.pMethods?.pointee.xWrite else { return SQLITE_IOERR }
    let bytes = unsafe UnsafeRawBufferPointer(start: buffer, count: count)
    unsafe noteHeader(bytes, offset)
    guard unsafe state.pointee.hasChecksums, CheckedPages.isPage(count) else {
      return unsafe write(machines, buffer, Int32(count), offset)
    }
    // SQLite's own page stays as it is.
    return unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { copy in
      unsafe copy.copyMemory(from: bytes)
      let sum = unsafe CheckedPages.checksum(UnsafeRawBufferPointer(copy), at: offset)
      unsafe copy.storeBytes(
        of: sum.littleEndian, toByteOffset: count - CheckedPages.size, as: UInt64.self)
      return unsafe write(machines, copy.baseAddress, Int32(count), offset)
    }
  }

  /// Byte 20 of the header says how much of each page is reserved.
  private func noteHeader(_ bytes: UnsafeRawBufferPointer, _ offset: Int64) {
    guard offset == 0, bytes.count >= 100, unsafe bytes.starts(with: CheckedPages.magic) else {
      return
    }
    unsafe state.pointee.hasChecksums = bytes[20] == UInt8(CheckedPages.size)
  }
}
