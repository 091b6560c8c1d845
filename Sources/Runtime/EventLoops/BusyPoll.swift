/// Decides whether a tick of a loop may sleep: not for some time after the last work. Time is
/// handed in, in nanoseconds.
struct BusyPoll {
  /// 0 is off.
  private let length: UInt64
  private var lastWork: UInt64?

  init(_ length: Duration) { self.length = length.wholeNanoseconds }

  /// Whether there is anything to decide: then the time need not be read.
  var isOff: Bool { length == 0 }

  /// Whether the loop may sleep at `now`. `hadWork` says that this tick had something to do.
  mutating func maySleep(hadWork: Bool, at now: UInt64) -> Bool {
    if hadWork { lastWork = now }
    guard let lastWork else { return true }
    return now - lastWork >= length
  }
}
