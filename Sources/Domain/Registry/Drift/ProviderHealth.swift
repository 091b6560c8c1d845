internal import Access
internal import Telephony

/// Notes on a provider what its carrier said when its numbers were looked at.
struct ProviderHealth: Sendable {
  let ports: DriftPorts
  let caller: Caller

  /// - Parameter refusal: what ended the look; nil: the carrier answered to the end.
  func note(
    _ refusal: CarrierError?, of provider: Provider
  ) async throws(DriftCheck.Stop) {
    var next = provider
    next.conditions = Self.conditions(
      after: refusal, provider.conditions, at: ports.time.now())
    guard next.conditions != provider.conditions else { return }
    next.revision = provider.revision.next(at: ports.time.now())
    do throws(StoreError) {
      try await ports.commit(
        by: caller,
        .updateProvider(next, from: provider.revision.version, numbersRevision: nil),
        audit: AuditDraft(.update, from: provider, to: next))
    } catch .versionMismatch, .notFound {
      // Its owner changed it meanwhile, perhaps its credentials; the next look tells.
      return
    } catch {
      throw .store(error)
    }
  }

  /// What the conditions are then. They stay where they say the same; being asked too often is no
  /// state of the provider's.
  static func conditions(
    after refusal: CarrierError?, _ present: [Condition], at time: Timestamp
  ) -> [Condition] {
    var next = present.filter { $0.kind != .carrierReachable }
    guard let refusal else {
      guard next.contains(where: { $0.kind == .credentials && !$0.holds }) else { return next }
      next.removeAll { $0.kind == .credentials }
      return next + [.credentialsAccepted(at: time)]
    }
    let condition: Condition
    switch refusal.kind {
    case .limited: return present
    case .unavailable, .unreadableAnswer:
      condition = Condition(
        kind: .carrierReachable, holds: false, reason: refusal.kind.reason,
        message: "The carrier did not answer when the numbers were compared. They are compared "
          + "again with the next sweep.", observedTime: time)
    case .credentialsRefused, .keyUnknown, .testCredentials, .keyRestricted, .accountInactive,
      .notPermitted, .notFound, .invalidRequest, .conflict, .notForSale, .papersMissing,
      .purchaseRefused:
      condition = Condition(
        kind: .credentials, holds: false, reason: refusal.kind.reason,
        message: "The carrier refused the credentials when the numbers were compared. Give the "
          + "provider others, or mend these at the carrier.", observedTime: time)
    }
    let known = present.first {
      $0.kind == condition.kind && !$0.holds && $0.reason == condition.reason
    }
    next.removeAll { $0.kind == condition.kind }
    return next + [known ?? condition]
  }
}
