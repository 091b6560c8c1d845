package import Registry
internal import Synchronization
package import Telephony

/// What a diagnosis reads of a carrier, and what answers at a public URL, as a test sets it.
package final class FakeDiagnostics: CarrierDiagnostics, PublicURLProbe {
  private struct State {
    var calls: CarrierError?
    var permissions: [CountryCode: Result<DialingPermission, CarrierError>] = [:]
    var trunks: [CarrierTrunkSID: Result<CarrierTrunk, CarrierError>] = [:]
    var url: String? = "https://hooks.example.com"
    var answer = PublicURLAnswer.ours
    /// Requests that were made, those that wait too.
    var asked: [String] = []
    /// Every request waits until its task is cancelled.
    var hangs = false
  }

  private let state = Mutex(State())

  package init() {}

  // MARK: What a test sets

  package func refuseCalls(_ error: CarrierError) { state.withLock { $0.calls = error } }

  package func set(
    _ country: CountryCode, _ permission: Result<DialingPermission, CarrierError>
  ) {
    state.withLock { $0.permissions[country] = permission }
  }

  package func set(_ sid: CarrierTrunkSID, _ trunk: Result<CarrierTrunk, CarrierError>) {
    state.withLock { $0.trunks[sid] = trunk }
  }

  package func setPublicURL(_ url: String?, answer: PublicURLAnswer = .ours) {
    state.withLock { ($0.url, $0.answer) = (url, answer) }
  }

  package func hang() { state.withLock { $0.hangs = true } }

  package var asked: [String] { state.withLock { $0.asked } }

  // MARK: The ports

  package func tryCalls(_ access: CarrierAccess) async throws(CarrierError) {
    try await ask("calls")
    if let error = state.withLock({ $0.calls }) { throw error }
  }

  package func dialingPermission(
    for country: CountryCode, _ access: CarrierAccess
  ) async throws(CarrierError) -> DialingPermission {
    try await ask("country \(country)")
    guard let set = state.withLock({ $0.permissions[country] }) else {
      throw CarrierError(.notFound, effect: .refused, code: 20404)
    }
    return try set.get()
  }

  package func trunk(
    _ sid: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunk {
    try await ask("trunk \(sid)")
    guard let set = state.withLock({ $0.trunks[sid] }) else {
      throw CarrierError(.notFound, effect: .refused, code: 20404)
    }
    return try set.get()
  }

  package func url(of region: Region) -> String? { state.withLock { $0.url } }

  package func ask(_ region: Region) async -> PublicURLAnswer {
    try? await ask("public URL of \(region)")
    return state.withLock { $0.answer }
  }

  private func ask(_ what: String) async throws(CarrierError) {
    let hangs = state.withLock { state in
      state.asked.append(what)
      return state.hangs
    }
    guard hangs else { return }
    let (stream, end) = AsyncStream.makeStream(of: Never.self)
    await withTaskCancellationHandler {
      for await _ in stream {}
    } onCancel: {
      end.finish()
    }
    throw CarrierError(.unavailable, effect: .unknown)
  }
}
