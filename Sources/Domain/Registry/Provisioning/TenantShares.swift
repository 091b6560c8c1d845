internal import Synchronization
internal import Telephony

/// Whose the works are that go on, so that one tenant does not take every place. Callable from any
/// executor.
final class TenantShares: Sendable {
  private struct Work {
    let tenant: TenantID
    /// A work may go on without the one who asked for it.
    var hasCaller = true
  }

  private let works = Mutex<[OperationID: Work]>([:])

  /// Counts a work for its tenant; false when `RegistryLimits.provisioningTenantCountMax` of it go
  /// on. Call ``callerLeft(_:)`` when the caller has its answer.
  ///
  /// - Parameter running: the works that go on now.
  func enter(_ id: OperationID, _ tenant: TenantID, running: Set<OperationID>) -> Bool {
    works.withLock { works in
      works = works.filter { $0.value.hasCaller || running.contains($0.key) }
      let count = works.values.count { $0.tenant == tenant }
      guard count < RegistryLimits.provisioningTenantCountMax else { return false }
      works[id] = Work(tenant: tenant)
      return true
    }
  }

  func callerLeft(_ id: OperationID) { works.withLock { $0[id]?.hasCaller = false } }
}
