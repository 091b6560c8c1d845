internal import Glibc

/// Blocking reads and writes of whole byte strings.
enum FileBytes {
  /// One of the descriptors that a process is born with.
  enum Stream: Int32 {
    case standardInput = 0
    case standardOutput = 1
    case standardError = 2
  }

  /// Writes all bytes; false when they could not be written.
  static func write(_ bytes: [UInt8], to stream: Stream) -> Bool {
    var written = 0
    while written < bytes.count {
      let rest = bytes.count - written
      let done = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(stream.rawValue, buffer.baseAddress.map { unsafe $0 + written }, rest)
      }
      if done < 0 && errno != EINTR { return false }
      written += max(done, 0)
    }
    return true
  }

  /// Reads to the end, but no more than `byteCountMax` + 1 bytes. Nil when it can't be read.
  static func read(_ stream: Stream, byteCountMax: Int) -> [UInt8]? {
    read(descriptor: stream.rawValue, byteCountMax: byteCountMax)
  }

  /// Reads a file in the same way.
  static func read(path: String, byteCountMax: Int) -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return read(descriptor: descriptor, byteCountMax: byteCountMax)
  }

  /// Bytes of the memory that a read begins with; it doubles as the file turns out to be longer.
  private static let sizeFirst = 16 << 10

  private static func read(descriptor: Int32, byteCountMax: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var count = 0
    while count <= byteCountMax {
      if count == bytes.count {
        let wanted = min(max(2 * count, sizeFirst), byteCountMax + 1)
        bytes.append(contentsOf: repeatElement(0, count: wanted - count))
      }
      let rest = bytes.count - count
      let done = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(descriptor, buffer.baseAddress.map { unsafe $0 + count }, rest)
      }
      if done == 0 { break }
      if done < 0 && errno != EINTR { return nil }
      count += max(done, 0)
    }
    return Array(bytes.prefix(count))
  }
}
