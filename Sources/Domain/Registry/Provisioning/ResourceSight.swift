/// How something that we made for a number stands.
package enum ResourceSight: Sendable, Hashable {
  case absent
  case standing
  /// It bears our name and says something else than we wrote.
  case altered
}

/// Knows what was made for a number: the number itself, or a work that makes it.
protocol ResourceHolder: Sendable {
  /// What was made of a kind; nil: nothing.
  func resource(_ kind: StepKind) -> ExternalResource?
}

extension ProvisioningJournal: ResourceHolder {}

extension PhoneNumber: ResourceHolder {
  package func resource(_ kind: StepKind) -> ExternalResource? {
    resources.last { $0.kind == kind }
  }
}

extension ResourceWork {
  /// Looks where it should stand, and at a gateway then everywhere: what says something else is not
  /// where it should be.
  func sight() async throws(CarrierError) -> ResourceSight {
    let first = try await find(everywhere: false).sight
    guard first == .absent, case .gateway = account else { return first }
    return try await find(everywhere: true).sight
  }
}

extension ResourceWork.Sight {
  fileprivate var sight: ResourceSight {
    switch self {
    case .absent: .absent
    case .found: .standing
    case .altered: .altered
    }
  }
}
