internal import EventLoops
internal import Telephony

/// The machine's wall clock, and waits by a loop's timers.
struct SystemTime: TimeSource {
  private let loop: EventLoop
  private let start = ContinuousClock.now

  init(loop: EventLoop) { self.loop = loop }

  func now() -> Timestamp { Timestamp(microseconds: WallClock.microseconds()) }

  func uptime() -> Duration { start.duration(to: .now) }

  func sleep(for duration: Duration) async throws(CancellationError) {
    if Task.isCancelled { throw CancellationError() }
    guard duration > .zero else { return }
    try await loop.sleep(for: duration)
  }
}
