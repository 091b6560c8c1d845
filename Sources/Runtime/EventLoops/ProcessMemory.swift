/// The memory that this process may use.
package enum ProcessMemory {
  /// What the cgroup allows (memory.max of cgroup v2), in bytes; `nil` without a limit. Blocks for
  /// the read of a small file.
  package static var byteCountMax: Int? {
    SmallFile.read(path: "/sys/fs/cgroup/memory.max", byteCountMax: 64).flatMap {
      limit(String(decoding: $0, as: UTF8.self))
    }
  }

  /// What "max" or "536870912" allows; `nil` for no limit.
  static func limit(_ text: String) -> Int? {
    let digits = text.prefix { !$0.isWhitespace }
    guard let count = Int(digits), count > 0 else { return nil }
    return count
  }
}
