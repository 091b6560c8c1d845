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
  package let createTime: Timestamp
  package let updateTime: Timestamp
  /// nil while it runs.
  package var endTime: Timestamp? { state == .running ? nil : updateTime }

  package init(_ journal: ProvisioningJournal) {
    self.id = journal.id
    self.kind = journal.kind
    self.subject = journal.subject
    self.state = journal.state
    self.steps = journal.steps
    self.failure = state == .failed ? journal.failure : nil
    self.leftovers = journal.leftovers
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
  package enum State: Sendable, Hashable {
    case pending
    /// It is being done, or was done and nobody knows it yet.
    case running
    case done
    case undoing
    /// Nothing of it is at the carrier.
    case undone
    /// It could not be undone.
    case left
  }

  /// What it changes.
  package var kind: Leftover.Kind
  package var state: State
  package var region: Region
  /// The carrier's code of the failure that left it, when it gave one.
  package var carrierCode: Int?

  package init(
    _ kind: Leftover.Kind, _ state: State, region: Region, carrierCode: Int? = nil
  ) {
    self.kind = kind
    self.state = state
    self.region = region
    self.carrierCode = carrierCode
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

  /// What the entry changes at the carrier, as its phase tells it.
  var steps: [OperationStep] {
    switch kind {
    case .importNumber: [step(.webhook), step(.processingRegion)]
    case .deleteNumber: [step(.processingRegion), step(.webhook)]
    }
  }

  private func step(_ kind: Leftover.Kind) -> OperationStep {
    if let left = leftovers.first(where: { $0.kind == kind }) {
      return OperationStep(kind, .left, region: left.region, carrierCode: left.carrierCode)
    }
    return OperationStep(kind, stepState(kind), region: region)
  }

  private func stepState(_ step: Leftover.Kind) -> OperationStep.State {
    switch (phase, kind, step) {
    case (.closed, _, _): outcome == .done ? .done : .undone
    case (.readingFormer, _, _): .pending
    case (.writingWebhook, _, .webhook), (.settingRegion, _, .processingRegion): .running
    case (.writingWebhook, _, .processingRegion): .pending
    case (.settingRegion, _, .webhook), (.readingBack, _, _): .done
    // What puts back is a deletion's own work, and an import's undoing.
    case (.readingPresent, let kind, _): kind == .deleteNumber ? .pending : .undoing
    case (.restoringRegion, .deleteNumber, .webhook): .pending
    case (.restoringWebhook, let kind, .processingRegion):
      kind == .deleteNumber ? .done : .undone
    case (.restoringRegion, let kind, _), (.restoringWebhook, let kind, .webhook):
      kind == .deleteNumber ? .running : .undoing
    }
  }
}
