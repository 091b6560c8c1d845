package import Telephony

/// What is done to a number at its carrier.
package enum ProvisioningKind: String, Sendable, Hashable, Codable {
  /// Make our webhook answer. A failure undoes it and removes the number.
  case importNumber
  /// Put back what was there and remove the number.
  case deleteNumber
}

/// How far the work is. A phase is stored before its external step is begun: it is the intent of
/// that step and the result of the one before.
///
/// ```
/// import: readingFormer → writingWebhook → settingRegion → readingBack → closed(done)
///               │ failed        │ failed         │ failed       │ failed
///               ▼               └────────┬───────┴──────────────┘
///         closed(undone)                 ▼
/// delete, undo:                   readingPresent → restoringRegion → restoringWebhook
///                                        └───────────┬───┴────────────────┘
///                                                    ▼
///                                     closed(done, undone, corrupted)
/// ```
///
/// A restoring phase that finds nothing goes back to readingPresent, once each: only the number's
/// record tells that the number is gone.
package enum ProvisioningPhase: String, Sendable, Hashable, Codable, CaseIterable {
  /// Nothing is done; former settings are read.
  case readingFormer
  /// Former settings are recorded; the webhook is written, or was.
  case writingWebhook
  /// The webhook is written; the inbound processing region is set, or was.
  case settingRegion
  /// Both are written; they are read back.
  case readingBack
  /// What stands at the carrier is read, to see what is still ours.
  case readingPresent
  /// The former region is put back, or was.
  case restoringRegion
  /// The former webhook is put back, or was.
  case restoringWebhook
  case closed
}

/// How the work ended.
package enum ProvisioningOutcome: String, Sendable, Hashable, Codable {
  case done
  /// It failed and left nothing at the carrier.
  case undone
  /// It left something at the carrier.
  case corrupted
}

/// Why a configuration was undone or a number is corrupted, as it is stored.
package struct ProvisioningFailure: Sendable, Hashable, Codable {
  package enum Cause: String, Sendable, Hashable, Codable {
    case credentialsRefused, testCredentials, keyRestricted, accountInactive, notPermitted
    case notFound, invalidRequest, conflict
    case limited, unavailable, unreadableAnswer
    /// What was read back is not what was written: somebody else writes to the number.
    case overwritten
    /// The number stands under another account by now, or lost its voice capability.
    case unsuitable
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
package struct ProvisioningJournal: Sendable, Hashable, Codable {
  package let id: OperationID
  package let tenant: TenantID
  package let subject: OperationSubject
  package let kind: ProvisioningKind
  package var phase: ProvisioningPhase
  /// What the region was when the work began.
  package let region: Region
  /// What we write, recorded before it is written; for an undo, what we once wrote.
  package var ours: VoiceSettings
  /// What stood there before; recorded before anything is overwritten.
  package var former: FormerSettings?
  /// Why it is being undone.
  package var failure: ProvisioningFailure?
  /// While the entry is open: what the carrier refused to put back; it is not tried again.
  package var leftovers: [Leftover]
  /// What the record will be when what is still ours is put back; nil when nothing of it is ours,
  /// and when the entry is not putting back.
  package var restored: VoiceSettings?
  package var outcome: ProvisioningOutcome?
  /// The registry that has taken the entry, where several share a store; nil when nobody has.
  package var owner: RegistryProcessID?
  /// One more with each write; a store compares it. So it is also what fences: once another has
  /// taken the entry, which is a write, nothing that was made from the revision before is stored.
  package var revision: UInt64
  package let createTime: Timestamp
  package var updateTime: Timestamp

  package init(
    id: OperationID, number: PhoneNumber, kind: ProvisioningKind, ours: VoiceSettings,
    former: FormerSettings?, time: Timestamp, owner: RegistryProcessID? = nil
  ) {
    self.id = id
    self.tenant = number.tenant
    self.subject = .number(number.id)
    self.kind = kind
    self.phase =
      switch kind {
      case .importNumber: .readingFormer
      case .deleteNumber: .readingPresent
      }
    self.region = number.region
    self.ours = ours
    self.former = former
    self.failure = nil
    self.leftovers = []
    self.restored = nil
    self.outcome = nil
    self.owner = owner
    self.revision = 1
    self.createTime = time
    self.updateTime = time
  }

  package var isOpen: Bool { phase != .closed }

  private enum CodingKeys: String, CodingKey {
    case id, tenant
    /// As it was named when only numbers were worked on.
    case subject = "numberID"
    case kind, phase, region, ours, former, failure, leftovers, restored, outcome, owner, revision
    case createTime, updateTime
  }
}
