internal import CUV

/// What waits in a ``DeadlineWheel``.
package protocol DeadlineHandler: AnyObject {
  /// The deadline has passed; called on the loop.
  func deadlinePassed()
}

/// One deadline in a wheel. The handler is kept alive until the deadline has passed or is removed:
/// an object that is referred to weakly counts its references beside itself, which every one of
/// them would pay for.
package final class DeadlineEntry {
  fileprivate var handler: (any DeadlineHandler)?
  /// The tick at which it is due.
  fileprivate let due: UInt64
  fileprivate var next: DeadlineEntry?
  /// The entry whose ``next`` this is.
  fileprivate unowned var previous: DeadlineEntry?
  fileprivate var isWaiting = true

  fileprivate init(handler: any DeadlineHandler, due: UInt64) {
    self.handler = handler
    self.due = due
  }
}

/// Many deadlines over one timer of a loop, in a hashed timing wheel: adding and removing cost the
/// same however many wait. It may be made anywhere; use it on its loop only.
///
/// Deadlines are rounded up to a tick. A slot of the wheel holds those whose tick has the same
/// remainder; the timer sleeps until the next slot that is not empty.
@safe package final class DeadlineWheel {
  private static let slotCount = 1024

  private let tickMilliseconds: UInt64
  private let loop: EventLoop
  private var slots: [DeadlineEntry?]
  private var timer: TimerHandle?
  private var timerTick = UInt64.max
  /// Set when a deadline comes to an empty wheel.
  private var lastTick: UInt64 = 0
  /// How many deadlines wait.
  package private(set) var count = 0

  /// Makes an empty wheel. Long deadlines are better off with a long tick: each is looked at once
  /// in 1024 ticks.
  package init(loop: EventLoop, tickMilliseconds: UInt64 = 4) {
    self.loop = loop
    self.tickMilliseconds = tickMilliseconds
    slots = Array(repeating: nil, count: Self.slotCount)
  }

  private func currentTick() -> UInt64 {
    assert(loop.isCurrent)
    return unsafe uv_now(loop.handle) / tickMilliseconds
  }

  /// Calls `handler` after `delay`, unless the entry is removed before.
  package func add(_ handler: any DeadlineHandler, after delay: Duration) -> DeadlineEntry {
    unsafe uv_update_time(loop.handle)
    if count == 0 { lastTick = currentTick() }
    let now = unsafe uv_now(loop.handle)
    // A century is as good as for ever, and keeps the sum in range.
    let milliseconds = min(delay.wholeMilliseconds, 3_155_760_000_000)
    let due = max(
      (now + milliseconds + tickMilliseconds - 1) / tickMilliseconds, lastTick + 1)
    let entry = DeadlineEntry(handler: handler, due: due)
    let slot = Int(due % UInt64(Self.slotCount))
    entry.next = slots[slot]
    slots[slot]?.previous = entry
    slots[slot] = entry
    count += 1
    wake(at: min(due, lastTick + UInt64(Self.slotCount)))
    return entry
  }

  /// Forgets a deadline. One that has passed or was removed is no mistake.
  package func remove(_ entry: DeadlineEntry) {
    guard entry.isWaiting else { return }
    entry.isWaiting = false
    entry.handler = nil
    if let previous = entry.previous {
      previous.next = entry.next
    } else {
      slots[Int(entry.due % UInt64(Self.slotCount))] = entry.next
    }
    entry.next?.previous = entry.previous
    entry.previous = nil
    entry.next = nil
    count -= 1
    if count == 0 { stopTimer() }
  }

  private func stopTimer() {
    timer?.cancel()
    timer = nil
    timerTick = .max
  }

  private func wake(at tick: UInt64) {
    guard tick < timerTick else { return }
    timer?.cancel()
    timerTick = tick
    let now = unsafe uv_now(loop.handle)
    let at = tick * tickMilliseconds
    timer = loop.schedule(after: .milliseconds(at > now ? at - now : 0)) { [weak self] in
      self?.timerFired()
    }
  }

  private func timerFired() {
    timer = nil
    timerTick = .max
    let now = currentTick()
    var passed: [DeadlineEntry] = []
    let first = max(lastTick + 1, now > 1023 ? now - 1023 : 0)
    if first <= now {
      for tick in first...now { collect(tick: tick, now: now, into: &passed) }
    }
    lastTick = max(lastTick, now)
    let begun = uv_hrtime()
    for (index, entry) in passed.enumerated() {
      if index % 4 == 3, uv_hrtime() - begun > Self.timeMax.wholeNanoseconds {
        return postpone(passed[index...])
      }
      let handler = entry.handler
      remove(entry)
      handler?.deadlinePassed()
    }
    scheduleNext()
  }

  /// After so much time with deadlines others have their turn.
  private static let timeMax = Duration.microseconds(500)

  /// Comes back for `rest`, which are still in their slots.
  private func postpone(_ rest: ArraySlice<DeadlineEntry>) {
    let due = rest.reduce(lastTick) { $1.isWaiting ? min($0, $1.due) : $0 }
    lastTick = due - 1
    guard count > 0 else { return }
    // A timer without a delay would fire again before the loop looks at anything else.
    timer?.cancel()
    timerTick = due
    timer = loop.schedule(after: .milliseconds(1)) { [weak self] in self?.timerFired() }
  }

  private func collect(tick: UInt64, now: UInt64, into passed: inout [DeadlineEntry]) {
    var next = slots[Int(tick % UInt64(Self.slotCount))]
    while let entry = next {
      if entry.due <= now { passed.append(entry) }
      next = entry.next
    }
  }

  private func scheduleNext() {
    guard count > 0 else { return }
    for ahead in 1...UInt64(Self.slotCount) {
      let tick = lastTick + ahead
      if slots[Int(tick % UInt64(Self.slotCount))] != nil { return wake(at: tick) }
    }
  }
}
