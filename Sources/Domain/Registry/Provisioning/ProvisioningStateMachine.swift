package import Telephony

/// Decides what is done at the carrier for one journal entry: events in, one action out.
///
/// The runner stores `journal` after every event and before it performs the action that the event
/// gave. So a crash at any point leaves an entry from which `resumed` goes on. Every action may be
/// performed twice. The phases are drawn at `ProvisioningPhase`.
package struct ProvisioningStateMachine: Sendable {
  /// What the runner does next.
  package enum Action: Sendable, Hashable {
    /// Read the number's record and its processing region, and tell `formerRead`.
    case readFormer
    /// Write these settings to the number's record in the region; `webhookWritten`.
    case writeWebhook(VoiceSettings)
    /// Set the inbound processing region; `regionSet`.
    case setRegion(Region)
    /// Read record and region again; `backRead`.
    case readBack
    /// Read record and region, to see what is still ours; `presentRead`, or `numberVanished`.
    case readPresent
    /// Set the former processing region; `regionRestored`.
    case restoreRegion(Region)
    /// Write the record with what was ours put back; `webhookRestored`.
    case restoreWebhook(VoiceSettings)
    /// Store the end with the number's new state; nothing follows.
    case close(ProvisioningOutcome)
  }

  /// The entry as it must be stored before the last action is performed.
  package private(set) var journal: ProvisioningJournal

  /// A machine for an entry that was just made, or that was found open.
  package init(_ journal: ProvisioningJournal) {
    precondition(journal.isOpen, "A closed entry has nothing to do.")
    self.journal = journal
  }

  /// The work begins, or goes on after a crash.
  ///
  /// What was being restored is looked at again first: its owner may have changed it meanwhile.
  package mutating func resumed() -> Action {
    switch journal.phase {
    case .readingFormer: return .readFormer
    case .writingWebhook: return .writeWebhook(journal.ours)
    case .settingRegion: return .setRegion(journal.region)
    case .readingBack: return .readBack
    case .readingPresent, .restoringRegion, .restoringWebhook:
      return enter(.readingPresent, .readPresent)
    case .closed: preconditionFailure("A closed entry is not resumed.")
    }
  }

  /// What stood at the carrier before us is known.
  package mutating func formerRead(_ former: FormerSettings) -> Action {
    expect(.readingFormer)
    journal.former = former
    return enter(.writingWebhook, .writeWebhook(journal.ours))
  }

  /// The number can't be used: it has no voice, or another owner by now. Nothing was done.
  package mutating func foundUnsuitable() -> Action {
    expect(.readingFormer)
    journal.failure = ProvisioningFailure(cause: .unsuitable)
    return close(.undone)
  }

  package mutating func webhookWritten() -> Action {
    expect(.writingWebhook)
    if Self.effective(journal.former?.processingRegion) == journal.region {
      return enter(.readingBack, .readBack)
    }
    return enter(.settingRegion, .setRegion(journal.region))
  }

  package mutating func regionSet() -> Action {
    expect(.settingRegion)
    return enter(.readingBack, .readBack)
  }

  /// Record and region were read after both were written.
  package mutating func backRead(_ voice: VoiceSettings, region: Region?) -> Action {
    expect(.readingBack)
    let holds =
      isOurs(voice) && voice.asksWebhook && Self.effective(region) == journal.region
    guard holds else {
      journal.failure = ProvisioningFailure(cause: .overwritten)
      return enter(.readingPresent, .readPresent)
    }
    return close(.done)
  }

  /// What stands at the carrier now, when it is to be put back.
  ///
  /// What is still ours goes back, field by field; what its owner changed since stays. A second
  /// look after a refusal tries nothing again that was refused.
  package mutating func presentRead(_ voice: VoiceSettings, region: Region?) -> Action {
    expect(.readingPresent)
    guard !journal.ours.voiceURL.isEmpty, let former = journal.former else {
      return close(ending)
    }
    let restored = voice.puttingBack(journal.ours, to: former.voice)
    journal.restored = restored == voice ? nil : restored
    let formerRegion = Self.effective(former.processingRegion)
    guard formerRegion != journal.region, Self.effective(region) == journal.region else {
      journal.leftovers.removeAll { $0.kind == .processingRegion }
      return restoreWebhook()
    }
    if isLeft(.processingRegion) { return restoreWebhook() }
    return enter(.restoringRegion, .restoreRegion(formerRegion))
  }

  /// The carrier has no such number any more, says the number's own record: nothing of ours is
  /// there.
  package mutating func numberVanished() -> Action {
    expect(.readingPresent)
    journal.leftovers = []
    return closeRestored()
  }

  package mutating func regionRestored() -> Action {
    expect(.restoringRegion)
    return restoreWebhook()
  }

  package mutating func webhookRestored() -> Action {
    expect(.restoringWebhook)
    return closeRestored()
  }

  /// The step that the last action asked for failed for good, or too often.
  ///
  /// - Parameter mayHaveActed: an attempt of this step may have had its effect, in this run or
  ///   before it.
  package mutating func stepFailed(
    _ failure: ProvisioningFailure, mayHaveActed: Bool
  ) -> Action {
    switch journal.phase {
    case .readingFormer:
      journal.failure = failure
      return close(.undone)
    case .writingWebhook where !mayHaveActed:
      journal.failure = failure
      return close(.undone)
    case .writingWebhook, .settingRegion, .readingBack:
      journal.failure = failure
      return enter(.readingPresent, .readPresent)
    case .readingPresent:
      return corrupt(failure)
    case .restoringRegion:
      leave(.processingRegion, failure)
      // The route may be missing alone: the number's record tells whether the number is gone.
      if failure.cause == .notFound { return enter(.readingPresent, .readPresent) }
      return restoreWebhook()
    case .restoringWebhook:
      leave(.webhook, failure)
      if failure.cause == .notFound { return enter(.readingPresent, .readPresent) }
      return closeRestored()
    case .closed: preconditionFailure("A closed entry has no step.")
    }
  }

  // MARK: -

  /// An unset region is us1.
  private static func effective(_ region: Region?) -> Region { region ?? .us1 }

  private func isOurs(_ voice: VoiceSettings) -> Bool {
    !journal.ours.voiceURL.isEmpty && voice.voiceURL == journal.ours.voiceURL
  }

  /// How putting back ends when it succeeds.
  private var ending: ProvisioningOutcome {
    switch journal.kind {
    case .importNumber: .undone
    case .deleteNumber: .done
    }
  }

  /// Writes what is to be written to the record, once the region was dealt with.
  private mutating func restoreWebhook() -> Action {
    guard let voice = journal.restored else {
      journal.leftovers.removeAll { $0.kind == .webhook }
      return closeRestored()
    }
    if isLeft(.webhook) { return closeRestored() }
    return enter(.restoringWebhook, .restoreWebhook(voice))
  }

  private mutating func closeRestored() -> Action {
    guard journal.leftovers.isEmpty else { return close(.corrupted) }
    // A deletion fails only in putting back; what it left is not there any more.
    if journal.kind == .deleteNumber { journal.failure = nil }
    return close(ending)
  }

  /// What stands at the carrier can't be read: what was not put back before may be ours.
  private mutating func corrupt(_ failure: ProvisioningFailure) -> Action {
    if journal.failure == nil { journal.failure = failure }
    // A refused webhook says that the region was dealt with before it.
    guard !isLeft(.webhook) else { return close(.corrupted) }
    let regionMayBeOurs = Self.effective(journal.former?.processingRegion) != journal.region
    if regionMayBeOurs, !isLeft(.processingRegion) { leave(.processingRegion, failure) }
    leave(.webhook, failure)
    return close(.corrupted)
  }

  private mutating func leave(_ kind: Leftover.Kind, _ failure: ProvisioningFailure) {
    if journal.failure == nil { journal.failure = failure }
    journal.leftovers.append(
      Leftover(kind: kind, region: journal.region, carrierCode: failure.carrierCode))
  }

  private func isLeft(_ kind: Leftover.Kind) -> Bool {
    journal.leftovers.contains { $0.kind == kind }
  }

  private mutating func close(_ outcome: ProvisioningOutcome) -> Action {
    journal.outcome = outcome
    journal.restored = nil
    return enter(.closed, .close(outcome))
  }

  private mutating func enter(_ phase: ProvisioningPhase, _ action: Action) -> Action {
    journal.phase = phase
    return action
  }

  private func expect(_ phase: ProvisioningPhase) {
    precondition(
      journal.phase == phase, "An event of \(phase.rawValue) came in \(journal.phase.rawValue).")
  }
}

extension VoiceSettings {
  /// These settings with each of our fields put back to the former one.
  ///
  /// A URL takes its method along. Application and trunk answer in place of the voice URL: they
  /// go back only where nobody chose since who answers.
  fileprivate func puttingBack(_ ours: VoiceSettings, to former: VoiceSettings) -> VoiceSettings {
    var result = self
    if voiceURL == ours.voiceURL {
      result.voiceURL = former.voiceURL
      result.voiceMethod = former.voiceMethod
      if applicationSID == ours.applicationSID, trunkSID == ours.trunkSID {
        result.applicationSID = former.applicationSID
        result.trunkSID = former.trunkSID
      }
    }
    if fallbackURL == ours.fallbackURL {
      result.fallbackURL = former.fallbackURL
      result.fallbackMethod = former.fallbackMethod
    }
    if statusCallbackURL == ours.statusCallbackURL {
      result.statusCallbackURL = former.statusCallbackURL
      result.statusCallbackMethod = former.statusCallbackMethod
    }
    return result
  }
}
