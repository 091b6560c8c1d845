internal import Access
internal import Telephony

/// Why a work stopped with its entry still open. The entry is resumed by the next caller or start.
package enum ProvisioningStop: Error, Sendable, Hashable {
  /// The store could not be reached, or refused the first write.
  case store(StoreError)
  /// Another runner has taken the entry over.
  case superseded
  case stopping
  /// A rule of ours is broken.
  case damaged(String)
}

/// How a work ended.
package struct ProvisioningEnd: Sendable, Hashable {
  /// Closed.
  package var journal: ProvisioningJournal
  /// As it is stored now; where it was removed, as it last was.
  package var number: PhoneNumber?
}

/// Performs one journal entry from where it stands to its end.
struct ProvisioningWork: Sendable {
  let store: any RegistryStore
  let carrier: any Carrier
  let sealer: any SecretSealer
  let time: any TimeSource
  let ids: any IDSource
  let feed: RouteFeed

  /// What a step told.
  private enum Event {
    case formerRead(FormerSettings)
    case unsuitable
    case webhookWritten
    case regionSet
    case backRead(VoiceSettings, Region?)
    case presentRead(VoiceSettings, Region?)
    case vanished
    case regionRestored
    case webhookRestored
  }

  /// Goes on from `journal`, which is stored so, until it is closed.
  ///
  /// - Parameter isResumed: an earlier run may have performed the phase's step already.
  func run(
    _ journal: ProvisioningJournal, isResumed: Bool
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    var stored = journal
    var machine = ProvisioningStateMachine(journal)
    var action = machine.resumed()
    var mayHaveActed = isResumed
    while true {
      if case .close(let outcome) = action {
        return try await close(machine.journal, outcome, from: stored)
      }
      if machine.journal != stored {
        stored = try await persist(machine.journal, from: stored)
        machine = ProvisioningStateMachine(stored)
      }
      action = try await perform(action, &machine, mayHaveActed: mayHaveActed)
      mayHaveActed = false
    }
  }

  // MARK: At the carrier

  /// Performs one step, again where that may help, and gives what follows.
  private func perform(
    _ action: ProvisioningStateMachine.Action, _ machine: inout ProvisioningStateMachine,
    mayHaveActed: Bool
  ) async throws(ProvisioningStop) -> ProvisioningStateMachine.Action {
    var mayHaveActed = mayHaveActed
    var failures = 0
    while true {
      let subject = try await subject(of: machine.journal)
      do {
        return Self.tell(try await attempt(action, subject), to: &machine)
      } catch {
        if error.effect == .unknown { mayHaveActed = true }
        failures += 1
        if Task.isCancelled { throw .stopping }
        guard error.isTransient, failures < RegistryLimits.stepAttemptsMax else {
          return machine.stepFailed(ProvisioningFailure(error), mayHaveActed: mayHaveActed)
        }
        try await pause(BackOff.steps.delay(afterFailures: failures, asked: error.retryAfter))
      }
    }
  }

  private func attempt(
    _ action: ProvisioningStateMachine.Action, _ subject: Subject
  ) async throws(CarrierError) -> Event {
    let (number, access) = (subject.number, subject.access)
    switch action {
    case .readFormer:
      let record = try await carrier.fetchNumber(number.carrierSID, access)
      let region = try await carrier.processingRegion(of: number.e164, access)
      guard record.hasVoice, record.accountSID == number.accountSID, record.e164 == number.e164
      else { return .unsuitable }
      return .formerRead(
        FormerSettings(
          voice: record.voice, processingRegion: region, recordedTime: time.now()))
    case .writeWebhook(let voice):
      _ = try await carrier.configureNumber(number.carrierSID, voice: voice, access)
      return .webhookWritten
    case .setRegion(let region):
      try await carrier.setProcessingRegion(region, of: number.e164, access)
      return .regionSet
    case .readBack:
      let record = try await carrier.fetchNumber(number.carrierSID, access)
      let region = try await carrier.processingRegion(of: number.e164, access)
      return .backRead(record.voice, region)
    case .readPresent:
      let record: CarrierNumber
      do {
        record = try await carrier.fetchNumber(number.carrierSID, access)
      } catch {
        guard error.kind == .notFound else { throw error }
        return .vanished
      }
      let region = try await carrier.processingRegion(of: number.e164, access)
      return .presentRead(record.voice, region)
    case .restoreRegion(let region):
      try await carrier.setProcessingRegion(region, of: number.e164, access)
      return .regionRestored
    case .restoreWebhook(let voice):
      _ = try await carrier.configureNumber(number.carrierSID, voice: voice, access)
      return .webhookRestored
    case .close: preconditionFailure("Closing is not done at the carrier.")
    }
  }

  private static func tell(
    _ event: Event, to machine: inout ProvisioningStateMachine
  ) -> ProvisioningStateMachine.Action {
    switch event {
    case .formerRead(let former): machine.formerRead(former)
    case .unsuitable: machine.foundUnsuitable()
    case .webhookWritten: machine.webhookWritten()
    case .regionSet: machine.regionSet()
    case .backRead(let voice, let region): machine.backRead(voice, region: region)
    case .presentRead(let voice, let region): machine.presentRead(voice, region: region)
    case .vanished: machine.numberVanished()
    case .regionRestored: machine.regionRestored()
    case .webhookRestored: machine.webhookRestored()
    }
  }

  private struct Subject {
    var number: PhoneNumber
    var access: CarrierAccess
  }

  /// The number and the provider's present credentials: they may have been changed since the last
  /// step.
  private func subject(
    of journal: ProvisioningJournal
  ) async throws(ProvisioningStop) -> Subject {
    let number = try await stored { () async throws(StoreError) in
      try await store.tenant(journal.tenant).number(journal.numberID)
    }
    guard let number else { throw .damaged("An open entry's number is not there.") }
    let provider = try await stored { () async throws(StoreError) in
      try await store.tenant(journal.tenant).provider(number.providerID)
    }
    guard let provider else { throw .damaged("A number's provider is not there.") }
    do {
      return Subject(number: number, access: try provider.provider.access(sealer))
    } catch {
      throw .damaged("A provider's credentials can't be opened.")
    }
  }

  private func pause(_ duration: Duration) async throws(ProvisioningStop) {
    do {
      try await time.sleep(for: duration)
    } catch {
      throw .stopping
    }
  }
}

// MARK: - The journal

extension ProvisioningWork {
  /// Commits the write that begins `journal`, again while the store can't be reached.
  func begin(
    _ journal: ProvisioningJournal, _ write: RegistryWrite
  ) async throws(ProvisioningStop) {
    do {
      let receipt = try await stored { () async throws(StoreError) in
        try await store.tenant(journal.tenant).commit(write)
      }
      feed.published(receipt.routeSequence)
    } catch .store(let refusal) {
      // A first attempt whose answer was lost makes the second one fail.
      guard try await present(journal) == journal else { throw .store(refusal) }
    }
  }

  /// The entry as it is stored now.
  func present(
    _ journal: ProvisioningJournal
  ) async throws(ProvisioningStop) -> ProvisioningJournal? {
    try await stored { () async throws(StoreError) in
      try await store.tenant(journal.tenant).journal(journal.id)
    }
  }

  /// What a closed entry says to somebody who comes late.
  func end(of journal: ProvisioningJournal) async throws(ProvisioningStop) -> ProvisioningEnd {
    let number = try await stored { () async throws(StoreError) in
      try await store.tenant(journal.tenant).number(journal.numberID)
    }
    return ProvisioningEnd(journal: journal, number: number)
  }

  /// Stores `journal` in place of `stored` and gives it with its new revision.
  private func persist(
    _ journal: ProvisioningJournal, from stored: ProvisioningJournal
  ) async throws(ProvisioningStop) -> ProvisioningJournal {
    var next = journal
    next.revision = stored.revision + 1
    next.updateTime = max(time.now(), stored.updateTime)
    try await commit(next, from: stored, changes: [])
    return next
  }

  /// Stores the end together with the number's new state.
  private func close(
    _ journal: ProvisioningJournal, _ outcome: ProvisioningOutcome,
    from stored: ProvisioningJournal
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    var next = journal
    next.revision = stored.revision + 1
    next.updateTime = max(time.now(), stored.updateTime)
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let number = try await self.stored { () async throws(StoreError) in
        try await store.tenant(journal.tenant).number(journal.numberID)
      }
      guard let number else {
        // The end was stored by an attempt whose answer was lost, and the number went with it.
        try await commit(next, from: stored, changes: [])
        return ProvisioningEnd(journal: next, number: nil)
      }
      let (changed, changes, draft) = Self.ending(of: number, next, outcome)
      do {
        try await commit(next, from: stored, changes: changes, audit: draft)
        return ProvisioningEnd(journal: next, number: changed)
      } catch {
        // Somebody renamed or assigned the number meanwhile: read it again.
        guard error == .store(.versionMismatch(.number)) else { throw error }
      }
    }
    throw .store(.versionMismatch(.number))
  }

  /// The number as the outcome leaves it, the changes that store that, and what the audit log is
  /// told.
  private static func ending(
    of number: PhoneNumber, _ journal: ProvisioningJournal, _ outcome: ProvisioningOutcome
  ) -> (PhoneNumber, [RegistryChange], AuditDraft) {
    let version = number.revision.version
    switch (outcome, journal.kind) {
    case (.done, .deleteNumber):
      return (
        number, [.deleteNumber(number.id, from: version)],
        AuditDraft(.delete, from: number, to: nil)
      )
    case (.undone, _):
      return (
        number,
        [
          .deleteNumber(number.id, from: version),
          .forgetRequests(resourceID: number.id.description),
        ], AuditDraft(.delete, from: number, to: nil)
      )
    case (.done, .importNumber), (.corrupted, _):
      var changed = number
      let isGood = outcome == .done
      changed.state = isGood ? .active : .corrupted
      changed.former = journal.former
      changed.configured = journal.ours
      changed.leftovers = journal.leftovers
      changed.conditions = [
        Condition(
          kind: .carrierSettings, holds: isGood,
          reason: isGood ? "CONFIGURED" : journal.failure?.cause.reason ?? "UNKNOWN",
          message: isGood
            ? "The carrier sends the number's calls here."
            : "What was written at the carrier could not be put back. Delete the number again.",
          observedTime: journal.updateTime)
      ]
      changed.revision = number.revision.next(at: journal.updateTime)
      return (
        changed, [.updateNumber(changed, from: version)],
        AuditDraft(.update, from: number, to: changed)
      )
    }
  }

  /// Writes the entry with `changes`, again while the store can't be reached.
  private func commit(
    _ next: ProvisioningJournal, from stored: ProvisioningJournal, changes: [RegistryChange],
    audit draft: AuditDraft? = nil
  ) async throws(ProvisioningStop) {
    let entry = draft?.entry(by: .system(for: next.tenant), at: next.updateTime, ids)
    let write = RegistryWrite(
      at: next.updateTime,
      changes: [.updateJournal(next, from: stored.revision)] + changes,
      audit: entry.map { [$0] } ?? [])
    do {
      let receipt = try await self.stored { () async throws(StoreError) in
        try await store.tenant(next.tenant).commit(write)
      }
      feed.published(receipt.routeSequence)
    } catch .store(.versionMismatch(.journal)) {
      // Either an attempt of ours was stored though its answer was lost, or somebody else goes on.
      guard try await present(next) == next else { throw .superseded }
    }
  }

  /// Repeats while the store can't be reached, up to a bound.
  private func stored<Result: Sendable>(
    _ body: () async throws(StoreError) -> Result
  ) async throws(ProvisioningStop) -> Result {
    var failures = 0
    while true {
      do {
        return try await body()
      } catch {
        failures += 1
        guard case .unavailable = error, failures < RegistryLimits.journalAttemptsMax else {
          throw .store(error)
        }
        if Task.isCancelled { throw .stopping }
        try await pause(BackOff.steps.delay(afterFailures: failures))
      }
    }
  }
}

extension BackOff {
  /// Before a step is tried again.
  static let steps = BackOff(
    first: RegistryLimits.stepDelayFirst, longest: RegistryLimits.stepDelayMax)
}
