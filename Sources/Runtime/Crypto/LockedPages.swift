internal import COpenSSL
internal import Glibc
internal import Synchronization

/// The pages behind ``LockedBytes``: locked, left out of core dumps and out of forked children.
///
/// Keys share pages in slots, since the system counts what may be locked by the page; what is
/// larger than a slot gets pages of its own.
@safe final class LockedPages: Sendable {
  static let shared = LockedPages()

  private struct State {
    /// Addresses of slots that nobody has.
    var free: [UInt] = []
    var lockErrno: Int32?
  }

  /// Two keys of 256 bits.
  private static let slotSize = 64
  private static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))

  private let state = Mutex(State())

  private init() {}

  var lockErrno: Int32? { state.withLock { $0.lockErrno } }

  /// `size` bytes that are 0.
  func allocate(_ size: Int) -> UnsafeMutableRawPointer {
    guard size <= Self.slotSize else { return unsafe map(Self.wholePages(size)) }
    let known = state.withLock { $0.free.popLast() }
    if let known, let slot = unsafe UnsafeMutableRawPointer(bitPattern: known) {
      return unsafe slot
    }
    let page = unsafe map(Self.pageSize)
    let first = UInt(bitPattern: page)
    let others = stride(from: Self.slotSize, to: Self.pageSize, by: Self.slotSize)
    state.withLock { $0.free += others.map { first + UInt($0) } }
    return unsafe page
  }

  /// Wipes what ``allocate(_:)`` gave.
  func free(_ base: UnsafeMutableRawPointer, _ size: Int) {
    guard size <= Self.slotSize else {
      let length = Self.wholePages(size)
      unsafe OPENSSL_cleanse(base, length)
      unsafe _ = munmap(base, length)
      return
    }
    unsafe OPENSSL_cleanse(base, Self.slotSize)
    let address = UInt(bitPattern: base)
    state.withLock { $0.free.append(address) }
  }

  private static func wholePages(_ size: Int) -> Int {
    (size + pageSize - 1) / pageSize * pageSize
  }

  private func map(_ length: Int) -> UnsafeMutableRawPointer {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS
    let mapped = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let base = unsafe mapped, unsafe base != MAP_FAILED else {
      preconditionFailure("no memory for key material: mmap of \(length) bytes failed")
    }
    if unsafe mlock(base, length) != 0 {
      let reason = errno
      state.withLock { $0.lockErrno = reason }
    }
    unsafe _ = madvise(base, length, MADV_DONTDUMP)
    unsafe _ = madvise(base, length, MADV_DONTFORK)
    return unsafe base
  }
}
