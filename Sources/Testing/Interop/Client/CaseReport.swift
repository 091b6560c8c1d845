internal import GRPC
internal import Synchronization

/// What went wrong while a case was played, and what it measured. Callable from any executor.
///
/// A check that fails does not end the case: what follows may say more.
package final class CaseReport: Sendable {
  /// How many failures are kept; a soak may have thousands.
  static let failuresMax = 100

  private struct State {
    var failures: [String] = []
    var failureCount = 0
    var notes: [String] = []
  }

  private let state = Mutex(State())

  package init() {}

  /// Why the case failed: the first hundred reasons; empty when it passed.
  package var failures: [String] { state.withLock { $0.failures } }

  /// What the case measured, for people.
  package var notes: [String] { state.withLock { $0.notes } }

  func fail(_ reason: String) {
    state.withLock { state in
      state.failureCount += 1
      if state.failures.count < Self.failuresMax { state.failures.append(reason) }
    }
  }

  func note(_ text: String) { state.withLock { $0.notes.append(text) } }

  /// Fails unless `value` is `expected`.
  func expect<Value: Equatable>(_ what: String, _ value: Value, is expected: Value) {
    if value != expected { fail("\(what) is \(value); \(expected) is expected.") }
  }

  /// Runs a call that has to end with `code`; gives its error back.
  @discardableResult
  func expectFailure(
    _ what: String, _ code: StatusCode, _ call: () async throws(RPCError) -> Void
  ) async -> RPCError? {
    do throws(RPCError) {
      try await call()
      fail("\(what) ended with OK; \(code) is expected.")
      return nil
    } catch {
      if error.code != code { fail("\(what) ended with \(error); \(code) is expected.") }
      return error
    }
  }
}
