internal import COpenSSL
internal import Glibc

/// Key material: bytes in memory that is never swapped out, stands in no core dump, and is wiped
/// when the last reference goes.
///
/// The bytes are written while it is made and never afterwards, so that it may be shared. Where the
/// system locks no more memory (`ulimit -l`) they are unlocked, and ``lockFailure`` says so; they
/// are wiped all the same.
@safe package final class LockedBytes: @unchecked Sendable {
  // Unchecked: the bytes behind the pointer don't change once `init` has returned.
  private let base: UnsafeMutableRawPointer
  /// How many bytes.
  package let count: Int

  /// `count` bytes that `fill` writes, which are 0 before.
  package init<Failure: Error>(
    count: Int, fill: (inout MutableSpan<UInt8>) throws(Failure) -> Void
  ) throws(Failure) {
    precondition(count >= 0, "\(count) locked bytes")
    self.count = count
    unsafe base = LockedPages.shared.allocate(max(count, 1))
    let buffer = unsafe UnsafeMutableRawBufferPointer(start: base, count: count)
      .assumingMemoryBound(to: UInt8.self)
    var span = unsafe MutableSpan(_unsafeElements: buffer)
    // What was allocated is freed by `deinit`, also when `fill` throws: every field is set.
    try fill(&span)
  }

  /// A copy of `bytes`, which the caller wipes.
  package convenience init(copying bytes: [UInt8]) {
    self.init(count: bytes.count) { span in
      for index in bytes.indices { span[index] = bytes[index] }
    }
  }

  /// Fresh random bytes.
  package convenience init(randomCount count: Int) throws(CryptoError) {
    precondition(count > 0 && count <= RandomBytes.countMax, "\(count) random bytes")
    try self.init(count: count) { span throws(CryptoError) in
      let isDone = unsafe span.withUnsafeMutableBufferPointer { buffer in
        unsafe RAND_bytes(buffer.baseAddress, Int32(count)) == 1
      }
      guard isDone else { throw .library(operation: "RAND_bytes") }
    }
  }

  deinit { unsafe LockedPages.shared.free(base, max(count, 1)) }

  /// Lends the bytes.
  package func withBytes<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let buffer = unsafe UnsafeRawBufferPointer(start: base, count: count)
      .assumingMemoryBound(to: UInt8.self)
    let span = unsafe Span(_unsafeElements: buffer)
    return try body(span)
  }

  /// Lends the bytes to libcrypto.
  func withPointer<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    unsafe body(UnsafePointer(base.assumingMemoryBound(to: UInt8.self)))
  }

  /// Why the system locked less memory than was asked for; nil while all of it is locked.
  package static var lockFailure: ProtectedFile.Failure? {
    LockedPages.shared.lockErrno.map { .system(operation: "mlock", errno: $0) }
  }
}

extension LockedBytes: Equatable {
  /// In a time that depends only on the lengths.
  package static func == (left: LockedBytes, right: LockedBytes) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe CRYPTO_memcmp(left.base, right.base, left.count) == 0
  }
}

extension LockedBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<key material>" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

extension [UInt8] {
  /// Overwrites the bytes of the one array that holds them, in a way that no compiler leaves out.
  package mutating func wipe() {
    unsafe withUnsafeMutableBytes { buffer in
      if let base = buffer.baseAddress { unsafe OPENSSL_cleanse(base, buffer.count) }
    }
    removeAll()
  }
}
