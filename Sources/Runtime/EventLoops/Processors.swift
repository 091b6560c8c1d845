internal import CUV
internal import Glibc

/// The processors that this process may use.
package enum Processors {
  /// At least 1: the smallest of the machine's, the process's affinity and the cgroup's quota
  /// (cpu.max of cgroup v2, rounded up).
  package static var usableCount: Int {
    let affinity = max(1, Int(uv_available_parallelism()))
    guard let text = contents(of: "/sys/fs/cgroup/cpu.max"), let quota = quota(text) else {
      return affinity
    }
    return min(affinity, quota)
  }

  /// What "max 100000" or "150000 100000" allows; nil for no limit.
  static func quota(_ text: String) -> Int? {
    let words = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    guard words.count == 2, words[0] > 0, words[1] > 0 else { return nil }
    return max(1, (words[0] + words[1] - 1) / words[1])
  }

  private static func contents(of path: String) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { _ = close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = unsafe read(descriptor, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
  }
}
