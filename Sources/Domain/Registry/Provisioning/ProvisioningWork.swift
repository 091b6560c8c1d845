internal import Telephony

/// Why a work stopped with its entry still open. The entry is resumed by the next caller or start.
package enum ProvisioningStop: Error, Sendable, Hashable {
  /// The store could not be reached, or refused the first write.
  case store(StoreError)
  /// The entry is another runner's, or may be: its lease was lost.
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
  /// This process among the registries that share the store; nil when the store is its alone.
  let process: RegistryProcessID?

  /// What a step came to.
  enum Step: Sendable {
    case told(Event)
    /// For good, or too often.
    case failed(ProvisioningFailure, mayHaveActed: Bool)
  }

  /// What a step told.
  enum Event: Sendable {
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
  /// - Parameters:
  ///   - lease: of the entry; nil when the store is this process's alone.
  ///   - isResumed: an earlier run may have performed the phase's step already.
  func run(
    _ journal: ProvisioningJournal, _ lease: HeldLease?, isResumed: Bool
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
        stored = try await persist(machine.journal, from: stored, lease)
      }
      let (step, kept) = try await perform(action, stored, lease, mayHaveActed: mayHaveActed)
      stored = kept
      machine = ProvisioningStateMachine(stored)
      action = Self.tell(step, to: &machine)
      mayHaveActed = false
    }
  }

  // MARK: At the carrier

  /// Performs one step, again where that may help, as long as the lease holds.
  func perform(
    _ action: ProvisioningStateMachine.Action, of journal: ProvisioningJournal,
    _ lease: HeldLease?, mayHaveActed: Bool
  ) async throws(ProvisioningStop) -> Step {
    var mayHaveActed = mayHaveActed
    var failures = 0
    while true {
      let subject = try await subject(of: journal)
      if lease?.advice == .stop { throw .superseded }
      do {
        return .told(try await attempt(action, subject))
      } catch {
        if error.effect == .unknown { mayHaveActed = true }
        failures += 1
        if Task.isCancelled { throw .stopping }
        guard error.isTransient, failures < RegistryLimits.stepAttemptsMax else {
          return .failed(ProvisioningFailure(error), mayHaveActed: mayHaveActed)
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
    _ step: Step, to machine: inout ProvisioningStateMachine
  ) -> ProvisioningStateMachine.Action {
    switch step {
    case .failed(let failure, let mayHaveActed):
      machine.stepFailed(failure, mayHaveActed: mayHaveActed)
    case .told(let event): tell(event, to: &machine)
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
    guard let number = try await number(of: journal) else {
      throw .damaged("An open entry's number is not there.")
    }
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

  func pause(_ duration: Duration) async throws(ProvisioningStop) {
    do {
      try await time.sleep(for: duration)
    } catch {
      throw .stopping
    }
  }
}
