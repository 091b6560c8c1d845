package import Telephony

/// Work at a carrier as its tenant sees it: what a journal entry says.
package struct Operation: Sendable, Hashable {
  package let id: OperationID
  package let kind: ProvisioningKind
  /// What is worked on. It may be gone.
  package let subject: OperationSubject
  package let state: OperationState
  /// What is changed at the carrier, in the order in which it is done.
  package let steps: [OperationStep]
  /// Why it failed; nil for one that runs or succeeded. While it is being undone nobody can say yet
  /// what will be left.
  package let failure: ProvisioningFailure?
  /// What could not be undone.
  package let leftovers: [Leftover]
  /// How far a sync is, and what it found; nil for other kinds.
  package let sync: SyncRecord?
  /// How far a batch of imports is; nil for other kinds.
  package let batch: BatchRecord?
  /// How far a rotation is; nil for other kinds.
  package let rotation: RotationRecord?
  /// Why a rotation changed nothing; nil for other kinds, and where it did.
  package let refusal: RegistryError?
  package let isCancelRequested: Bool
  package let createTime: Timestamp
  package let updateTime: Timestamp
  /// nil while it runs.
  package var endTime: Timestamp? { state == .running ? nil : updateTime }

  package init(_ journal: ProvisioningJournal) {
    self.id = journal.id
    self.kind = journal.kind
    self.subject = journal.subject
    self.state = journal.state
    self.steps = journal.steps.compactMap { OperationStep($0) }
    self.failure = state == .failed ? journal.failure : nil
    self.leftovers = journal.leftovers
    self.sync = journal.sync
    self.batch = journal.batch
    self.rotation = journal.rotation
    self.refusal = RegistryError(rotation: journal)
    self.isCancelRequested = journal.isCancelRequested
    self.createTime = journal.createTime
    self.updateTime = journal.updateTime
  }
}

/// How far an operation is. The raw value is stored, and asked for by lists.
package enum OperationState: String, Sendable, Hashable, CaseIterable {
  /// It goes on, or is being undone.
  case running
  case succeeded
  /// It was undone, or left something at the carrier.
  case failed
}

/// Something that an operation changes at the carrier.
package struct OperationStep: Sendable, Hashable {
  /// What it changes.
  package var kind: StepKind
  package var state: ProvisioningStep.State
  package var region: Region
  /// The carrier's code of the failure that left it, when it gave one.
  package var carrierCode: Int?

  package init(
    _ kind: StepKind, _ state: ProvisioningStep.State, region: Region, carrierCode: Int? = nil
  ) {
    self.kind = kind
    self.state = state
    self.region = region
    self.carrierCode = carrierCode
  }

  /// nil for a step that changes nothing.
  init?(_ step: ProvisioningStep) {
    guard step.aim != .confirm else { return nil }
    self.init(step.kind, step.state, region: step.region, carrierCode: step.carrierCode)
  }
}

extension ProvisioningJournal {
  package var state: OperationState {
    switch outcome {
    case nil: .running
    case .done: .succeeded
    case .undone, .corrupted: .failed
    }
  }
}
