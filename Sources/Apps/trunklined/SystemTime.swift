internal import EventLoops
internal import Telephony

/// The machine's wall clock, and waits by a loop's timers.
struct SystemTime: TimeSource {
  private let loop: EventLoop

  init(loop: EventLoop) { self.loop = loop }

  func now() -> Timestamp { Timestamp(microseconds: WallClock.microseconds()) }

  func sleep(for duration: Duration) async throws(CancellationError) {
    if Task.isCancelled { throw CancellationError() }
    guard duration > .zero else { return }
    try await loop.sleep(for: duration)
  }
}
