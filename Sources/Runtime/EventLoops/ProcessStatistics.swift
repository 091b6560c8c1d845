internal import CUV
internal import Glibc

/// What the system says of this process. Reads /proc, so not on a call's path.
package struct ProcessStatistics: Sendable {
  /// Seconds since 1970.
  package var startTime: Double
  /// User and system together.
  package var cpuSeconds: Double
  package var residentBytes: UInt64
  package var virtualBytes: UInt64
  /// `nil` where /proc/self/fd can't be read.
  package var openFileCount: Int?
  /// The limit of open files; `nil` for none.
  package var openFilesMax: UInt64?

  /// As it is now; `nil` where there is no /proc.
  package static func read() -> ProcessStatistics? {
    guard let stat = FileBytes.read(path: "/proc/self/stat", byteCountMax: 4096),
      let boot = FileBytes.read(path: "/proc/stat", byteCountMax: 1 << 20)
    else { return nil }
    return ProcessStatistics(
      stat: String(decoding: stat, as: UTF8.self), boot: String(decoding: boot, as: UTF8.self),
      ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))), pageSize: UInt64(getpagesize()),
      openFileCount: countOpenFiles(), openFilesMax: openFilesLimit())
  }

  /// Reads the texts of /proc/self/stat and /proc/stat (proc(5)).
  init?(
    stat: String, boot: String, ticksPerSecond: Double, pageSize: UInt64, openFileCount: Int?,
    openFilesMax: UInt64?
  ) {
    // The second field is the program's name in parentheses, which may hold anything.
    guard let end = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: end)...].split(whereSeparator: \.isWhitespace)
    // Field n of proc(5) is at n - 3 here.
    guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
      let start = Double(fields[19]), let virtual = UInt64(fields[20]),
      let resident = UInt64(fields[21]),
      let line = boot.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
      let bootTime = Double(line.dropFirst(6)), ticksPerSecond > 0
    else { return nil }
    startTime = bootTime + start / ticksPerSecond
    cpuSeconds = (user + system) / ticksPerSecond
    residentBytes = resident * pageSize
    virtualBytes = virtual
    self.openFileCount = openFileCount
    self.openFilesMax = openFilesMax
  }

  private static func countOpenFiles() -> Int? {
    guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
    defer { unsafe _ = closedir(folder) }
    var count = 0
    while unsafe readdir(folder) != nil { count += 1 }
    // Without ".", ".." and the folder's own descriptor.
    return max(0, count - 3)
  }

  private static func openFilesLimit() -> UInt64? {
    var limit = rlimit()
    let code = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return code == 0 && limit.rlim_cur != UInt.max ? UInt64(limit.rlim_cur) : nil
  }
}
