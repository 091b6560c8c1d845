internal import Synchronization

/// What performs the works that are more than steps at a carrier, by their kind: use cases, which
/// the runner does not know. Callable from any executor.
final class JournalDrivers: Sendable {
  /// Goes on with an open entry to its end.
  typealias Drive =
    @Sendable (ProvisioningJournal, HeldLease?, ProvisioningWork) async throws(ProvisioningStop)
    -> ProvisioningEnd

  private let drives = Mutex<[ProvisioningKind: Drive]>([:])

  init() {}

  func set(_ kind: ProvisioningKind, _ drive: @escaping Drive) {
    drives.withLock { $0[kind] = drive }
  }

  /// What they hold goes with them: the stores, which close their files when nobody holds them.
  func removeAll() { drives.withLock { $0 = [:] } }

  func drive(
    _ journal: ProvisioningJournal, _ lease: HeldLease?, _ work: ProvisioningWork
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    guard let drive = drives.withLock({ $0[journal.kind] }) else {
      throw .damaged("Nothing performs works of the kind \(journal.kind.rawValue).")
    }
    return try await drive(journal, lease, work)
  }
}
