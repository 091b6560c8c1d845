internal import Synchronization

/// Counts external steps and makes one of them fail.
///
/// A clean run tells how many steps there are; then each is made to fail in turn.
package final class FaultInjector: Sendable {
  /// How the chosen step fails.
  package enum Fault: Sendable, Hashable, CaseIterable {
    /// It fails and did nothing; the next succeed.
    case beforeEffect
    /// It did its work and its answer is lost; the next succeed.
    case afterEffect
    /// The process dies before it: nothing of this process happens any more.
    case crashBefore
    /// The process dies after it.
    case crashAfter
  }

  /// What a step is to do.
  package enum Verdict: Sendable, Hashable {
    case proceed
    case failBefore
    case failAfter
  }

  private struct State {
    var count = 0
    var crashed = false
  }

  private let target: Int?
  private let fault: Fault
  private let lastStep: Int?
  private let state = Mutex(State())

  /// Fails the step `target`, counted from 1; none when it is nil.
  package init(failing target: Int? = nil, _ fault: Fault = .beforeEffect) {
    self.target = target
    self.fault = fault
    lastStep = nil
  }

  /// The step `step`, counted from 1, is done and its answer arrives; nothing is reached after it.
  package init(cuttingOffAfter step: Int) {
    target = nil
    fault = .crashBefore
    lastStep = step
  }

  /// Nothing is reached from now on.
  package func cutOff() { state.withLock { $0.crashed = true } }

  /// Everything is reached again.
  package func heal() { state.withLock { $0.crashed = false } }

  /// How many steps there were.
  package var count: Int { state.withLock { $0.count } }
  package var crashed: Bool { state.withLock { $0.crashed } }

  /// Counts one step and says what it is to do.
  package func step() -> Verdict {
    state.withLock { state in
      if state.crashed { return .failBefore }
      state.count += 1
      if state.count == lastStep { state.crashed = true }
      guard state.count == target else { return .proceed }
      switch fault {
      case .beforeEffect: return .failBefore
      case .afterEffect: return .failAfter
      case .crashBefore:
        state.crashed = true
        return .failBefore
      case .crashAfter:
        state.crashed = true
        return .failAfter
      }
    }
  }
}
