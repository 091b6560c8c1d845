internal import CUV
internal import Synchronization

/// Gives memory that nobody uses back to the system.
///
/// The allocator keeps what was freed below anything still in use, and the end of each thread's
/// heap: a server that was attacked, or was sent large messages, would stay as large as it was.
///
/// It takes some milliseconds for each 100 MB that are given back, and for that time no thread gets
/// memory from where it is taken: another thread would be no better place for it. So it is done
/// while there is little to do, and at no other time.
enum FreeMemory {
  /// How much free memory is kept: giving it back has its price, which nobody pays while there is
  /// little to do.
  static let keptMax = 1 << 20
  /// How often it is looked at.
  static let period = Duration.seconds(10)
  /// Larger blocks are mapped one by one. Messages as large as they may be are not: to map and
  /// unmap their memory costs more than all else that is done with them.
  static let heapBlockSizeMax = 8 << 20
  /// What the end of a thread's heap keeps when it is given back.
  private static let heapEndMax = 256 << 10
  /// Held by the thread for whose sake ends of heaps are given back.
  private static let trimming = Mutex(())

  /// Has no thread give memory back by itself: to do so while it is busy has held up a loop for
  /// 20 ms.
  private static let preparation: Void = {
    cuv_set_heap_block_max(Int32(heapBlockSizeMax))
    cuv_set_heap_end_max(.max)
  }()

  static func prepare() { preparation }

  /// Looks at it again and again on `loop`: at the ends of its threads' heaps, and, if it `isFirst`
  /// of its group, at all free memory. Call it on the loop.
  static func giveBackRegularly(on loop: EventLoop, isFirst: Bool) {
    prepare()
    look(QuietTime(), on: loop, isFirst: isFirst)
  }

  private static func look(_ before: QuietTime, on loop: EventLoop, isFirst: Bool) {
    loop.schedule(after: period) { [unowned loop] in
      var quiet = before
      if quiet.isNow(cpuNanoseconds: cpuNanoseconds(), at: uv_hrtime()),
        cuv_free_memory() > keptMax
      {
        giveBack(on: loop, isFirst: isFirst)
      }
      look(quiet, on: loop, isFirst: isFirst)
    }
  }

  /// Does it now. Call it on the loop.
  static func giveBack(on loop: EventLoop, isFirst: Bool) {
    if isFirst { cuv_trim_memory() }
    giveBackHeapEnd()
    loop.giveBackSideHeapEnd()
  }

  /// Gives back the end of the calling thread's heap.
  static func giveBackHeapEnd() {
    trimming.withLock { _ in
      cuv_set_heap_end_max(Int32(heapEndMax))
      cuv_trim_heap_end()
      cuv_set_heap_end_max(.max)
    }
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
