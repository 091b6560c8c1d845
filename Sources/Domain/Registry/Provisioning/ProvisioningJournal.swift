package import Telephony

/// What is done at a carrier.
package enum ProvisioningKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// Make our webhook answer. A failure undoes it and removes the number.
  case importNumber
  /// Put back what was there and remove the number.
  case deleteNumber
  /// Write again what a degraded number needs, or put back again what a corrupted one left.
  case repairNumber
  /// Make another provider's region handle the number, then put back the former one's.
  case moveNumber
  /// Compare a provider's numbers with the carrier. It has no steps: nothing is changed there.
  case syncProvider
  /// Buy a number, then make our webhook answer. What was bought is never undone.
  case provisionNumber
  /// Put back what was there, give the number up at the carrier, and remove it.
  case releaseNumber
  /// Import many numbers, each by an entry of its own.
  case importBatch
  /// Put a provider's staged credentials in the place of the current ones. Nothing is changed at
  /// the carrier.
  case rotateCredential
}

/// How far the work is. Steps are done in their order, and undone in reverse.
///
/// ```
/// looking → doing → closed(done, corrupted)
///    │ failed  │ failed
///    │         ▼
///    │       undoing → closed(undone, corrupted)
///    ▼
/// closed(undone)
/// ```
package enum ProvisioningPhase: String, Sendable, Hashable, Codable, CaseIterable {
  /// Nothing is done; what stands where steps will write is read.
  case looking
  case doing
  case undoing
  case closed
}

/// How the work ended.
package enum ProvisioningOutcome: String, Sendable, Hashable, Codable {
  case done
  /// It failed, and nothing of what it made is at the carrier. What it only wrote again may be.
  case undone
  /// It left something at the carrier.
  case corrupted
}

/// Why a configuration was undone or a number is corrupted, as it is stored.
package struct ProvisioningFailure: Sendable, Hashable, Codable {
  package enum Cause: String, Sendable, Hashable, Codable {
    case credentialsRefused, testCredentials, keyRestricted, accountInactive, notPermitted
    case notFound, invalidRequest, conflict
    case notForSale, papersMissing, purchaseRefused
    case limited, unavailable, unreadableAnswer
    /// What was read back is not what was written: somebody else writes to the number.
    case overwritten
    /// The number stands under another account by now, or lost its voice capability.
    case unsuitable
    /// Its owner cancelled it.
    case cancelled
    /// It was refused here: the entry's record says why.
    case refused

    /// The same may succeed later.
    var isTransient: Bool {
      switch self {
      case .limited, .unavailable, .unreadableAnswer: true
      case .credentialsRefused, .testCredentials, .keyRestricted, .accountInactive, .notPermitted,
        .notFound, .invalidRequest, .conflict, .notForSale, .papersMissing, .purchaseRefused,
        .overwritten, .unsuitable, .cancelled, .refused:
        false
      }
    }
  }

  package var cause: Cause
  package var carrierCode: Int?
  /// What the carrier said, without numbers and secrets.
  package var message: String

  package init(cause: Cause, carrierCode: Int? = nil, message: String = "") {
    self.cause = cause
    self.carrierCode = carrierCode
    self.message = message
  }
}

/// One entry of the provisioning journal: enough to resume or undo the work after a crash at any
/// point.
package struct ProvisioningJournal: Sendable, Hashable {
  package let id: OperationID
  package let tenant: TenantID
  package let subject: OperationSubject
  package let kind: ProvisioningKind
  package var phase: ProvisioningPhase
  package var steps: [ProvisioningStep]
  /// Why it is being undone, or left something.
  package var failure: ProvisioningFailure?
  package var outcome: ProvisioningOutcome?
  /// Of a sync; nil for other kinds.
  package var sync: SyncRecord?
  /// Of a purchase; nil for other kinds.
  package var purchase: PurchaseRecord?
  /// Of a batch of imports; nil for other kinds.
  package var batch: BatchRecord?
  /// Of a rotation; nil for other kinds.
  package var rotation: RotationRecord?
  /// Its owner wants it to end undone. Whoever works on it finds out since the revision is another.
  package var isCancelRequested = false
  /// The registry that has taken the entry, where several share a store; nil when nobody has.
  package var owner: RegistryProcessID?
  /// One more with each write; a store compares it. So it is also what fences: once another has
  /// taken the entry, which is a write, nothing that was made from the revision before is stored.
  package var revision: UInt64
  package let createTime: Timestamp
  package var updateTime: Timestamp

  package init(
    id: OperationID, tenant: TenantID, subject: OperationSubject, kind: ProvisioningKind,
    steps: [ProvisioningStep], time: Timestamp, owner: RegistryProcessID? = nil
  ) {
    self.init(
      id: id, tenant: tenant, subject: subject, kind: kind,
      phase: steps.contains { ($0.aim == .make && $0.former == nil) || $0.aim == .buy }
        ? .looking : .doing,
      steps: steps, failure: nil, outcome: nil, owner: owner, revision: 1, createTime: time,
      updateTime: time)
  }

  /// From its parts, as a store keeps them.
  init(
    id: OperationID, tenant: TenantID, subject: OperationSubject, kind: ProvisioningKind,
    phase: ProvisioningPhase, steps: [ProvisioningStep], failure: ProvisioningFailure?,
    outcome: ProvisioningOutcome?, owner: RegistryProcessID?, revision: UInt64,
    createTime: Timestamp, updateTime: Timestamp
  ) {
    self.id = id
    self.tenant = tenant
    self.subject = subject
    self.kind = kind
    self.phase = phase
    self.steps = steps
    self.failure = failure
    self.outcome = outcome
    self.owner = owner
    self.revision = revision
    self.createTime = createTime
    self.updateTime = updateTime
  }

  package var isOpen: Bool { phase != .closed }

  /// What a step of the kind made or was to make; nil where the work has none.
  package func resource(_ kind: StepKind) -> ExternalResource? {
    steps.last { $0.kind == kind }?.resource
  }

  /// What stands for the number as far as the work is, where `earlier` stood before it: in the
  /// order in which it is made.
  package func resources(after earlier: [ExternalResource]) -> [ExternalResource] {
    var standing: [StepKind: ExternalResource] = [:]
    for resource in earlier { standing[resource.kind] = resource }
    for step in steps where step.kind.isResource {
      switch step.state {
      case .done where step.writes, .left, .running, .undoing:
        standing[step.kind] = step.resource ?? standing[step.kind]
      case .undone where step.aim == .make: standing[step.kind] = nil
      case .done: standing[step.kind] = nil
      case .pending, .undone: break
      }
    }
    return StepKind.allCases.compactMap { standing[$0] }
  }

  /// What could not be put back.
  package var leftovers: [Leftover] { steps.compactMap(\.leftover) }

  /// When a work that waits goes on; nil when it need not wait.
  package var wakeTime: Timestamp? {
    if phase == .looking { return purchase?.wakeTime }
    guard phase == .doing, !isCancelRequested else { return nil }
    return steps.first { $0.aim == .wait && $0.state == .running }?.until
  }

  /// Where two are equal, nothing was done between them but keeping the lease.
  func isSameWork(as other: ProvisioningJournal) -> Bool {
    phase == other.phase && steps == other.steps && failure == other.failure
      && isCancelRequested == other.isCancelRequested
  }

  /// Whether it could still end as if it had not been begun.
  package var isCancellable: Bool {
    switch (kind, phase) {
    case (_, .closed): false
    case (.syncProvider, _), (.importBatch, _), (.rotateCredential, _): true
    case (.importNumber, .looking), (.importNumber, .doing), (.moveNumber, .looking): true
    // Once what stood elsewhere before is put back, that would be made again.
    case (.moveNumber, .doing): steps.allSatisfy { $0.aim != .restore || $0.state == .pending }
    case (.importNumber, .undoing), (.moveNumber, .undoing), (.deleteNumber, _),
      (.repairNumber, _), (.provisionNumber, _), (.releaseNumber, _):
      false
    }
  }
}
