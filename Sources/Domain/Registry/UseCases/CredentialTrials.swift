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

/// Numbers that credentials do not reach.
struct UnreachableNumbers: Sendable, Hashable {
  /// At most `RegistryLimits.rotationRowsMax`.
  var numbers: [UnreachableNumber] = []
  var total = 0

  mutating func add(_ failed: [UnreachableNumber]) {
    total += failed.count
    numbers += failed.prefix(max(0, RegistryLimits.rotationRowsMax - numbers.count))
  }
}

/// How far a trial of credentials on every number is. Callable from any executor.
final class TrialCount: Sendable {
  private let count = Mutex((tried: 0, total: 0))

  init() {}

  /// A trial begins, or begins anew.
  func begin(total: Int) { count.withLock { $0 = (0, total) } }
  func tried(_ number: Int) { count.withLock { $0.tried += number } }

  func tell(_ journal: inout ProvisioningJournal) {
    let count = count.withLock { $0 }
    journal.rotation?.triedCount = count.tried
    journal.rotation?.totalCount = max(count.total, count.tried)
  }
}
