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
    /// Write the former settings; `webhookRestored`.
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
  /// Where the record is not ours any more, its owner has set the number up anew: webhook and
  /// region are left alone.
  package mutating func presentRead(_ voice: VoiceSettings, region: Region?) -> Action {
    expect(.readingPresent)
    guard isOurs(voice), let former = journal.former else { return close(ending) }
    let formerRegion = Self.effective(former.processingRegion)
    if formerRegion != journal.region, Self.effective(region) == journal.region {
      return enter(.restoringRegion, .restoreRegion(formerRegion))
    }
    return enter(.restoringWebhook, .restoreWebhook(former.voice))
  }

  package mutating func regionRestored() -> Action {
    expect(.restoringRegion)
    guard let former = journal.former else { return close(ending) }
    return enter(.restoringWebhook, .restoreWebhook(former.voice))
  }

  package mutating func webhookRestored() -> Action {
    expect(.restoringWebhook)
    return close(ending)
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
    case .readingPresent, .restoringRegion, .restoringWebhook:
      // A number that the account does not have any more holds nothing of ours.
      if failure.cause == .notFound { return close(ending) }
      return corrupt(failure)
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

  private mutating func corrupt(_ failure: ProvisioningFailure) -> Action {
    var left: [Leftover] = []
    // Where the region stays ours the webhook stays too: calls that come are answered.
    let regionMayBeOurs =
      journal.phase != .restoringWebhook
      && Self.effective(journal.former?.processingRegion) != journal.region
    if regionMayBeOurs {
      left.append(
        Leftover(
          kind: .processingRegion, region: journal.region, carrierCode: failure.carrierCode))
    }
    left.append(
      Leftover(kind: .webhook, region: journal.region, carrierCode: failure.carrierCode))
    journal.leftovers = left
    if journal.failure == nil { journal.failure = failure }
    return close(.corrupted)
  }

  private mutating func close(_ outcome: ProvisioningOutcome) -> Action {
    journal.outcome = outcome
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
