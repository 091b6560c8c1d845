internal import Glibc

/// A small file that only its owner may read, written whole or not at all.
///
/// For keys and sealed caches. The calls block; use them at start-up or on an executor of their
/// own.
package enum ProtectedFile {
  /// Why a file could not be read or written.
  package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
    case notFound
    case exists
    /// Others than the owner and its group may read or write it.
    case exposed(mode: UInt32)
    case tooLarge(limit: Int)
    case folder
    case system(operation: String, errno: Int32)

    package var description: String {
      switch self {
      case .notFound: "the file does not exist"
      case .exists: "the file exists already"
      case .exposed(let mode):
        "its mode is 0\(String(mode, radix: 8)); make it 0600 so that others can't read it"
      case .tooLarge(let limit): "it is larger than \(limit) bytes"
      case .folder: "it is a folder"
      case .system(let operation, let errno):
        "\(operation) failed: \(unsafe String(cString: strerror(errno)))"
      }
    }
  }

  /// The bytes of the file at `path`. Refuses one that others may read, and more than `limit`
  /// bytes.
  package static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
    try withDescriptor(path) { (descriptor, _) throws(Failure) in
      var bytes = [UInt8](repeating: 0, count: limit + 1)
      var span = bytes.mutableSpan
      let count = try unsafe span.withUnsafeMutableBytes { buffer throws(Failure) in
        try unsafe fill(buffer, from: descriptor)
      }
      guard count <= limit else { throw .tooLarge(limit: limit) }
      return Array(bytes.prefix(count))
    }
  }

  /// The bytes of a file of keys, with the same refusals: they never lie in other memory.
  package static func readLocked(_ path: String, limit: Int) throws(Failure) -> LockedBytes {
    try withDescriptor(path) { (descriptor, size) throws(Failure) in
      guard size <= limit else { throw .tooLarge(limit: limit) }
      return try LockedBytes(count: size) { span throws(Failure) in
        let count = try unsafe span.withUnsafeMutableBytes { buffer throws(Failure) in
          try unsafe fill(buffer, from: descriptor)
        }
        // It was cut meanwhile: what is there now is read the next time.
        guard count == size else { throw .system(operation: "read", errno: EAGAIN) }
      }
    }
  }

  /// Opens the file, which others may not read, and gives its size.
  private static func withDescriptor<Result>(
    _ path: String, _ body: (Int32, _ size: Int) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOENT ? .notFound : .system(operation: "open", errno: errno)
    }
    defer { _ = close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw .system(operation: "fstat", errno: errno)
    }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw .folder }
    let mode = status.st_mode & 0o777
    guard mode & 0o007 == 0 else { throw .exposed(mode: mode) }
    return try body(descriptor, Int(status.st_size))
  }

  /// Reads until the buffer is full or the file ends; answers how many bytes.
  private static func fill(
    _ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32
  ) throws(Failure) -> Int {
    var count = 0
    while count < buffer.count {
      let room = buffer.count - count
      let got = unsafe Glibc.read(
        descriptor, buffer.baseAddress.map { unsafe $0 + count }, room)
      if got < 0 {
        if errno == EINTR { continue }
        throw .system(operation: "read", errno: errno)
      }
      if got == 0 { break }
      count += got
    }
    return count
  }

  /// Makes the file with mode 0600; `.exists` when there is one. It is on the disk when this
  /// returns.
  package static func create(_ path: String, _ bytes: [UInt8]) throws(Failure) {
    try write(bytes, to: path) { (temporary) throws(Failure) in
      // link(2) fails where rename(2) would overwrite a file that another process just made.
      guard unsafe link(temporary, path) == 0 else {
        throw errno == EEXIST ? .exists : .system(operation: "link", errno: errno)
      }
      unsafe _ = unlink(temporary)
    }
  }

  /// Makes or replaces the file with mode 0600. After a crash it holds the old bytes or the new
  /// ones.
  package static func replace(_ path: String, _ bytes: [UInt8]) throws(Failure) {
    try write(bytes, to: path) { (temporary) throws(Failure) in
      guard unsafe rename(temporary, path) == 0 else {
        throw .system(operation: "rename", errno: errno)
      }
    }
  }

  private static func write(
    _ bytes: [UInt8], to path: String, _ place: (String) throws(Failure) -> Void
  ) throws(Failure) {
    let temporary = "\(path).\(getpid()).tmp"
    let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
    let descriptor = unsafe open(temporary, flags, 0o600)
    guard descriptor >= 0 else { throw .system(operation: "open", errno: errno) }
    do throws(Failure) {
      defer { _ = close(descriptor) }
      try writeAll(bytes, to: descriptor)
      guard fsync(descriptor) == 0 else { throw .system(operation: "fsync", errno: errno) }
    } catch {
      unsafe _ = unlink(temporary)
      throw error
    }
    do throws(Failure) {
      try place(temporary)
    } catch {
      unsafe _ = unlink(temporary)
      throw error
    }
    try synchronizeFolder(of: path)
  }

  static func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(Failure) {
    var written = 0
    while written < bytes.count {
      let rest = bytes.count - written
      let done = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + written }, rest)
      }
      if done < 0 {
        if errno == EINTR { continue }
        throw .system(operation: "write", errno: errno)
      }
      written += done
    }
  }

  /// A new name is durable only when its folder is (fsync(2)).
  static func synchronizeFolder(of path: String) throws(Failure) {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let descriptor = unsafe open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(operation: "open", errno: errno) }
    defer { _ = close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .system(operation: "fsync", errno: errno) }
  }
}
