internal import CUV

/// A one-shot timer on a loop. Use it on that loop only.
///
/// Dropping the handle does not cancel the timer.
@safe package final class TimerHandle: UVHandleOwner {
  private var work: (() -> Void)?

  fileprivate init(loop: EventLoop, after delay: Duration, work: @escaping () -> Void) {
    self.work = work
    super.init()
    let timer = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
    unsafe _ = uv_timer_init(loop.handle, timer)
    unsafe adopt(timer)
    unsafe uv_update_time(loop.handle)
    let started = unsafe uv_timer_start(timer, timerFired, delay.wholeMilliseconds, 0)
    precondition(started == 0, "uv_timer_start: \(started)")
  }

  /// Ends the timer. When it returns the work has run or never will.
  package func cancel() {
    work = nil
    closeHandle()
  }

  fileprivate func fired() {
    let work = self.work
    cancel()
    work?()
  }

  override func closeAtStop() { cancel() }
}

private func timerFired(_ timer: UnsafeMutablePointer<uv_timer_t>?) {
  unsafe _ = withOwner(of: timer?.pointee.data, as: TimerHandle.self) { $0.fired() }
}

extension EventLoop {
  /// Runs `work` on the loop after `delay`, rounded up to a millisecond. Call it on the loop.
  @discardableResult
  package func schedule(after delay: Duration, _ work: @escaping () -> Void) -> TimerHandle {
    assert(isCurrent)
    return TimerHandle(loop: self, after: delay, work: work)
  }

  /// Suspends the caller for `duration`, or until its task is cancelled, which throws.
  ///
  /// Callable from any executor; the timer runs on the loop.
  package func sleep(for duration: Duration) async throws(CancellationError) {
    let sleeper = Sleeper()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        execute { sleeper.begin(on: self, for: duration, continuation) }
      }
    } onCancel: {
      execute { sleeper.wake() }
    }
    if Task.isCancelled { throw CancellationError() }
  }
}

/// What one ``EventLoop/sleep(for:)`` waits with. Confined to its loop.
private final class Sleeper: @unchecked Sendable {
  // @unchecked: used only inside blocks that the loop executes.
  private var continuation: CheckedContinuation<Void, Never>?
  private var timer: TimerHandle?
  private var wasWoken = false

  func begin(
    on loop: EventLoop, for duration: Duration, _ continuation: CheckedContinuation<Void, Never>
  ) {
    guard !wasWoken else { return continuation.resume() }
    self.continuation = continuation
    timer = loop.schedule(after: duration) { self.wake() }
  }

  func wake() {
    wasWoken = true
    timer?.cancel()
    timer = nil
    continuation?.resume()
    continuation = nil
  }
}

extension Duration {
  /// Milliseconds, rounded up; a negative duration is 0.
  var wholeMilliseconds: UInt64 {
    guard self > .zero else { return 0 }
    let (seconds, attoseconds) = components
    let fraction = UInt64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1000)
    return overflow ? .max : whole &+ fraction
  }

  /// Nanoseconds; a negative duration is 0, one that does not fit is the largest number.
  package var wholeNanoseconds: UInt64 {
    guard self > .zero else { return 0 }
    let (seconds, attoseconds) = components
    let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : whole &+ UInt64(attoseconds / 1_000_000_000)
  }
}
