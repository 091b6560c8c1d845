internal import Synchronization
package import Telephony

/// Time that a test holds in its hand.
package final class ManualTime: TimeSource {
  /// What a sleep does.
  package enum Mode: Sendable {
    /// It returns at once and the time jumps: a test of repeats needs no waiting.
    case jump
    /// It returns when `advance` has passed its end.
    case hold
  }

  private struct Sleeper {
    var end: Duration
    var continuation: CheckedContinuation<Bool, Never>
  }

  private struct State {
    var now: Timestamp
    /// What passed since the beginning; sleeps end by it.
    var uptime: Duration = .zero
    var slept: Duration = .zero
    var next = 0
    var sleepers: [Int: Sleeper] = [:]
  }

  private let mode: Mode
  private let state: Mutex<State>

  package init(_ mode: Mode = .jump, now: Timestamp = Timestamp(milliseconds: 1_700_000_000_000)) {
    self.mode = mode
    self.state = Mutex(State(now: now))
  }

  package func now() -> Timestamp {
    state.withLock { $0.now }
  }

  package func uptime() -> Duration {
    state.withLock { $0.uptime }
  }

  /// Sets the wall clock, as its owner may; nothing passes by it.
  package func setWallClock(_ now: Timestamp) {
    state.withLock { $0.now = now }
  }

  /// How long was slept in all, in `jump`.
  package var slept: Duration { state.withLock { $0.slept } }

  /// How many sleeps are held.
  package var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  /// Lets `duration` pass and ends the sleeps that are over.
  package func advance(by duration: Duration) {
    let over = state.withLock { state in
      state.now = state.now.advanced(by: duration)
      state.uptime += duration
      let over = state.sleepers.filter { $0.value.end <= state.uptime }
      for id in over.keys { state.sleepers[id] = nil }
      return over.values.map(\.continuation)
    }
    for continuation in over { continuation.resume(returning: true) }
  }

  package func sleep(for duration: Duration) async throws(CancellationError) {
    if Task.isCancelled { throw CancellationError() }
    guard duration > .zero else { return }
    switch mode {
    case .jump:
      state.withLock { state in
        state.now = state.now.advanced(by: duration)
        state.uptime += duration
        state.slept += duration
      }
      await Task.yield()
    case .hold:
      guard await hold(for: duration) else { throw CancellationError() }
    }
  }

  private func hold(for duration: Duration) async -> Bool {
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let cancelled = state.withLock { state in
          if Task.isCancelled { return true }
          state.sleepers[id] = Sleeper(
            end: state.uptime + duration, continuation: continuation)
          return false
        }
        if cancelled { continuation.resume(returning: false) }
      }
    } onCancel: {
      let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
      sleeper?.continuation.resume(returning: false)
    }
  }
}

/// Identifiers that count from one, so that a test knows them.
package final class CountingIDs: IDSource {
  private let last = Mutex<UInt64>(0)

  package init() {}

  package func randomBits() -> UInt64 {
    last.withLock { last in
      last += 1
      return last
    }
  }
}

/// A numbering plan for tests: 7 to 15 digits are possible.
package struct FakeNumberPlan: NumberPlan {
  package var emergency: Set<E164>

  package init(emergency: Set<E164> = []) {
    self.emergency = emergency
  }

  package func assess(_ number: E164) -> NumberAssessment {
    NumberAssessment(
      isPossible: number.digits.utf8.count >= 7, isEmergency: emergency.contains(number),
      // +1 is more than one country.
      country: number.digits.hasPrefix("1416")
        ? "CA" : number.digits.hasPrefix("1") ? "US" : nil)
  }
}
