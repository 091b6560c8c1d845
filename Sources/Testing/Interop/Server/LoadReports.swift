internal import GRPC
internal import Synchronization
internal import TestAPI

/// What the server tells out of band about its load (gRFC A51). Callable from any executor.
///
/// Clients of the interop tests set it; one at a time, so that two tests on one server don't read
/// each other's numbers.
package final class LoadReports: Sendable {
  typealias Report = Xds.Data.Orca.V3.OrcaLoadReport

  /// How many calls may wait for their turn to set the report. One more is RESOURCE_EXHAUSTED.
  static let waitersMax = 100

  private struct State {
    var report = Report()
    var isHeld = false
    var nextWaiter = 0
    var waiters: [(id: Int, turn: CheckedContinuation<Bool, Never>)] = []
  }

  private let state = Mutex(State())

  package init() {}

  /// The report as it is now.
  var report: Report { state.withLock { $0.report } }

  /// Replaces the report. Only who holds the turn calls it.
  func set(_ report: Report) { state.withLock { $0.report = report } }

  /// Waits until no other call sets the report; ``release()`` ends the turn.
  func hold() async throws(RPCError) {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    let isHeld = await withTaskCancellationHandler {
      await withCheckedContinuation { turn in
        let answer = state.withLock { state -> Bool? in
          if Task.isCancelled || state.waiters.count == Self.waitersMax { return false }
          guard state.isHeld else {
            state.isHeld = true
            return true
          }
          state.waiters.append((id, turn))
          return nil
        }
        if let answer { turn.resume(returning: answer) }
      }
    } onCancel: {
      let turn = state.withLock { state -> CheckedContinuation<Bool, Never>? in
        guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
        return state.waiters.remove(at: index).turn
      }
      turn?.resume(returning: false)
    }
    guard isHeld else {
      throw RPCError(
        .resourceExhausted,
        "\(Self.waitersMax) calls wait to set the load report, or the call was cancelled.")
    }
  }

  /// Ends the turn, with an empty report for the next.
  func release() {
    let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      state.report = Report()
      guard !state.waiters.isEmpty else {
        state.isHeld = false
        return nil
      }
      return state.waiters.removeFirst().turn
    }
    next?.resume(returning: true)
  }
}

extension Xds.Data.Orca.V3.OrcaLoadReport {
  /// What the tests' words mean.
  init(_ asked: TestAPI.Grpc.Testing.TestOrcaReport) {
    self.init(
      cpuUtilization: asked.cpuUtilization, memUtilization: asked.memoryUtilization,
      requestCost: asked.requestCost, utilization: asked.utilization)
  }
}
