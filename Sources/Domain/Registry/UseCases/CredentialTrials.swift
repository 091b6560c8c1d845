internal import Synchronization
internal import Telephony

/// Which providers' credentials are being tried on every number: one trial of a provider at a time,
/// and few over all, so that the carrier's requests of calls have their turn. Callable from any
/// executor.
final class CredentialTrials: Sendable {
  private let running = Mutex<Set<ProviderID>>([])

  init() {}

  /// Tries while nobody else tries credentials of this provider.
  func run<Result: Sendable>(
    _ provider: ProviderID, _ body: () async throws(RegistryError) -> Result
  ) async throws(RegistryError) -> Result {
    let entered = running.withLock { running in
      guard running.count < RegistryLimits.keyTrialsMax else { return false }
      return running.insert(provider).inserted
    }
    guard entered else { throw .tooManyTrials }
    defer { running.withLock { _ = $0.remove(provider) } }
    return try await body()
  }
}
