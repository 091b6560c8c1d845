internal import CUV

/// Gives memory that nobody uses back to the system.
///
/// The allocator keeps what was freed below anything still in use: a server that was attacked,
/// or was sent large messages, would stay as large as it was then.
///
/// It takes some milliseconds for each 100 MB that are given back, and for that time no thread gets
/// memory from where it is taken: another thread would be no better place for it. So it is done
/// while there is little to do.
enum FreeMemory {
  /// How much free memory is kept: it will be used again, and giving it back has its price, which
  /// nobody pays while there is little to do.
  static let keptMax = 8 << 20
  /// How often it is looked at.
  static let period = Duration.seconds(10)

  /// Looks at it again and again on `loop`. Call it on the loop.
  static func giveBackRegularly(on loop: EventLoop) { look(QuietTime(), on: loop) }

  private static func look(_ before: QuietTime, on loop: EventLoop) {
    loop.schedule(after: period) { [unowned loop] in
      var quiet = before
      if quiet.isNow(cpuNanoseconds: cpuNanoseconds(), at: uv_hrtime()) { giveBack() }
      look(quiet, on: loop)
    }
  }

  private static func giveBack() {
    if cuv_free_memory() > keptMax { cuv_trim_memory() }
  }

  /// What the process has used so far.
  private static func cpuNanoseconds() -> UInt64 {
    var usage = uv_rusage_t()
    guard unsafe uv_getrusage(&usage) == 0 else { return 0 }
    let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
    return UInt64(seconds) * 1_000_000_000 + UInt64(microseconds) * 1000
  }
}

/// Finds the times at which a process has little to do. A pure core: times are handed in.
struct QuietTime {
  /// Who has used no more than this share of a CPU since the last look has little to do.
  static let shareMax = 0.1
  /// A process that always has much to do is taken for quiet so often.
  static let busyMax = Duration.seconds(300)

  private var lastLook: (cpu: UInt64, at: UInt64)?
  private var lastQuiet: UInt64?

  /// Whether it is now: the process has used `cpuNanoseconds` so far. The first look finds nothing.
  mutating func isNow(cpuNanoseconds: UInt64, at now: UInt64) -> Bool {
    defer { lastLook = (cpuNanoseconds, now) }
    guard let lastLook, let lastQuiet else {
      lastQuiet = now
      return false
    }
    let used = Double(cpuNanoseconds &- lastLook.cpu)
    let isQuiet =
      used <= Self.shareMax * Double(now &- lastLook.at)
      || now &- lastQuiet >= Self.busyMax.wholeNanoseconds
    if isQuiet { self.lastQuiet = now }
    return isQuiet
  }
}
