internal import Telephony

/// Why a work stopped with its entry still open. The entry is resumed by the next caller or start.
package enum ProvisioningStop: Error, Sendable, Hashable {
  /// The store could not be reached, or refused the first write.
  case store(StoreError)
  /// The entry is another runner's, or may be: its lease was lost.
  case superseded
  case stopping
  /// The work goes on later, whoever takes it up: its entry says when.
  case asleep
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
  let market: any NumberMarket
  let outside: OutsidePorts
  /// The provider of the operator's account; nil: there is none.
  let platform: ProviderID?
  let sealer: any SecretSealer
  let time: any TimeSource
  let ids: any IDSource
  let feed: RouteFeed
  /// This process among the registries that share the store; nil when the store is its alone.
  let process: RegistryProcessID?
  let drivers = JournalDrivers()

  /// What a step came to.
  enum Step: Sendable {
    case told(Event)
    /// For good, or too often.
    case failed(ProvisioningFailure, mayHaveActed: Bool)
  }

  /// What a step told.
  enum Event: Sendable {
    case sighted(CarrierSetting)
    case unsuitable
    case written
    case made(ExternalResource)
    case bought(CarrierNumber)
    /// Whether it was bought is not known.
    case purchaseLost
    case othersBought
    case absent
    case released
  }

  /// Goes on from `journal`, which is stored so, until it is closed.
  ///
  /// - Parameters:
  ///   - lease: of the entry; nil when the store is this process's alone.
  ///   - isResumed: an earlier run may have performed the phase's step already.
  func run(
    _ journal: ProvisioningJournal, _ lease: HeldLease?, isResumed: Bool
  ) async throws(ProvisioningStop) -> ProvisioningEnd {
    switch journal.kind {
    case .syncProvider: return try await sync(journal, lease)
    case .importBatch, .rotateCredential:
      return try await drivers.drive(journal, lease, self)
    case .importNumber, .deleteNumber, .repairNumber, .moveNumber, .provisionNumber,
      .releaseNumber:
      break
    }
    var stored = journal
    var machine = ProvisioningStateMachine(journal)
    var action = journal.isCancelRequested ? machine.cancelled() : machine.resumed()
    var mayHaveActed = isResumed
    while true {
      switch action {
      case .close(let outcome):
        return try await close(machine.journal, outcome, from: stored)
      case .beginWait(_, let duration):
        action = machine.waitBegan(until: time.now().advanced(by: duration))
      case .wait(_, let until):
        stored = try await sleep(until: until, machine.journal, from: stored, lease)
        machine.kept(stored)
        action = machine.waited()
      case .look, .write, .buy, .seek, .release:
        // What stood there before is read again after a crash; all else is known before it goes on.
        if action.isKept(in: machine.journal.phase), machine.journal != stored {
          stored = try await persist(machine.journal, from: stored, lease)
          machine.kept(stored)
        }
        let (step, kept) = try await perform(action, stored, lease, mayHaveActed: mayHaveActed)
        stored = kept
        machine.kept(kept)
        if case .told(.bought(let record)) = step {
          (stored, action) = try await bought(record, &machine, from: stored, lease)
        } else {
          action = Self.tell(step, of: action, to: &machine, at: time.now())
        }
        mayHaveActed = false
      }
    }
  }

  /// Goes on when `until` is past. Before, the entry is given back, for nobody need keep it.
  private func sleep(
    until: Timestamp, _ journal: ProvisioningJournal, from stored: ProvisioningJournal,
    _ lease: HeldLease?
  ) async throws(ProvisioningStop) -> ProvisioningJournal {
    guard until > time.now() else { return stored }
    var sleeping = journal
    sleeping.owner = nil
    if sleeping != stored { _ = try await persist(sleeping, from: stored, lease) }
    throw .asleep
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
      guard let subject = try await subject(of: journal, action) else {
        let failure = ProvisioningFailure(
          cause: .notPermitted,
          message: "The provider whose credentials it needs was deleted, or is of another kind.")
        return .failed(failure, mayHaveActed: mayHaveActed)
      }
      if lease?.advice == .stop { throw .superseded }
      do {
        return .told(try await attempt(action, journal, subject))
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
    _ action: ProvisioningStateMachine.Action, _ journal: ProvisioningJournal,
    _ subject: Subject
  ) async throws(CarrierError) -> Event {
    guard action.changes, let interruption = Interruption.current else {
      return try await attemptOnce(action, journal, subject)
    }
    return try await interruption.keeping { () async throws(CarrierError) -> Event in
      try await attemptOnce(action, journal, subject)
    }
  }

  private func attemptOnce(
    _ action: ProvisioningStateMachine.Action, _ journal: ProvisioningJournal,
    _ subject: Subject
  ) async throws(CarrierError) -> Event {
    switch (subject.resource, subject.account) {
    case (let resource?, _): try await attempt(action, resource)
    case (nil, .carrier(let access)): try await attempt(action, journal, subject, access)
    case (nil, .gateway): preconditionFailure("A gateway has no number.")
    }
  }

  /// What is made.
  private func attempt(
    _ action: ProvisioningStateMachine.Action, _ resource: ResourceWork
  ) async throws(CarrierError) -> Event {
    switch action {
    case .look(_, .restore) where resource.wanted.kind == .credential:
      // It goes with its list.
      return .sighted(.resource(nil))
    case .look(_, let purpose):
      switch try await resource.find(everywhere: purpose.looksEverywhere) {
      case .absent: return .sighted(.resource(nil))
      case .found(let found): return .sighted(.resource(found))
      case .altered(let found): return .sighted(.altered(found))
      }
    case .write(_, .resource(nil)):
      try await resource.takeAway()
      return .written
    case .write: return .made(try await resource.make())
    case .buy, .seek, .release, .beginWait, .wait, .close:
      preconditionFailure("Nothing is made by this.")
    }
  }

  /// What is written to the number.
  private func attempt(
    _ action: ProvisioningStateMachine.Action, _ journal: ProvisioningJournal, _ subject: Subject,
    _ access: CarrierAccess
  ) async throws(CarrierError) -> Event {
    let number = subject.number
    switch action {
    case .look(_, let purpose):
      switch subject.step.kind {
      case .webhook, .trunkNumber:
        let record = try await carrier.fetchNumber(number.carrierSID, access)
        let isUsable =
          record.hasVoice && record.accountSID == access.accountSID && record.e164 == number.e164
        if purpose == .former, !isUsable { return .unsuitable }
        return .sighted(.voice(record.voice))
      case .processingRegion:
        return .sighted(.region(try await carrier.processingRegion(of: number.e164, access)))
      default: preconditionFailure("No place is looked at.")
      }
    case .write(_, .voice(let voice))
    where subject.step.kind == .trunkNumber && .voice(voice) == subject.step.ours:
      try await attach(number, to: voice.trunkSID, access)
      return .written
    case .write(_, .voice(let voice)):
      _ = try await carrier.configureNumber(number.carrierSID, voice: voice, access)
      return .written
    case .write(_, .region(let region)):
      try await carrier.setProcessingRegion(region ?? .us1, of: number.e164, access)
      return .written
    case .buy, .seek, .release: return try await trade(action, journal, number, access)
    case .write, .beginWait, .wait, .close:
      preconditionFailure("This is not done at the carrier.")
    }
  }

  private func attach(
    _ number: PhoneNumber, to trunk: String, _ access: CarrierAccess
  ) async throws(CarrierError) {
    guard let sid = try? CarrierTrunkSID(trunk) else { throw .nothingToHangOn }
    do {
      try await outside.trunks.attach(number.carrierSID, to: sid, access)
    } catch {
      // Twice on one trunk is refused.
      guard error.kind == .conflict,
        try await carrier.fetchNumber(number.carrierSID, access).voice.trunkSID == trunk
      else { throw error }
    }
  }

  private static func tell(
    _ step: Step, of action: ProvisioningStateMachine.Action,
    to machine: inout ProvisioningStateMachine, at now: Timestamp
  ) -> ProvisioningStateMachine.Action {
    switch step {
    case .failed(let failure, _) where action.isSeek: machine.seekFailed(failure, at: now)
    case .failed(let failure, let mayHaveActed):
      machine.stepFailed(failure, mayHaveActed: mayHaveActed)
    case .told(.sighted(let setting)): machine.sighted(setting)
    case .told(.unsuitable): machine.foundUnsuitable()
    case .told(.written): machine.written()
    case .told(.made(let resource)): machine.written(resource)
    case .told(.purchaseLost): machine.purchaseLost(at: now)
    case .told(.othersBought): machine.othersBought()
    case .told(.absent): machine.purchaseAbsent(at: now)
    case .told(.released): machine.released()
    case .told(.bought): preconditionFailure("What was bought is stored first.")
    }
  }

  private struct Subject {
    var step: ProvisioningStep
    var number: PhoneNumber
    var account: ResourceWork.Account
    /// nil for a step that only writes.
    var resource: ResourceWork?
  }

  /// The step, the number and the present credentials of the step's provider: they may have been
  /// changed since the last step. nil when that provider, which the number is not under, is gone
  /// or is no gateway.
  private func subject(
    of journal: ProvisioningJournal, _ action: ProvisioningStateMachine.Action
  ) async throws(ProvisioningStop) -> Subject? {
    let step: ProvisioningStep
    switch action {
    case .look(let index, _), .write(let index, _), .buy(let index), .seek(let index),
      .release(let index):
      step = journal.steps[index]
    case .beginWait, .wait, .close: preconditionFailure("This is not done at the carrier.")
    }
    guard let number = try await number(of: journal) else {
      throw .damaged("An open entry's number is not there.")
    }
    let provider = try await stored { () async throws(StoreError) in
      try await store.tenant(journal.tenant).provider(step.providerID ?? number.providerID)
    }
    guard let provider else {
      if step.providerID ?? number.providerID != number.providerID { return nil }
      throw .damaged("A number's provider is not there.")
    }
    let account: ResourceWork.Account
    do {
      if step.kind.isAtGateway {
        guard provider.provider.kind == .liveKit else { return nil }
        account = .gateway(try provider.provider.gatewayAccess(sealer))
      } else {
        account = .carrier(try provider.provider.access(sealer))
      }
    } catch {
      throw .damaged("A provider's credentials can't be opened.")
    }
    var subject = Subject(step: step, number: number, account: account)
    if let wanted = step.resource {
      subject.resource = ResourceWork(
        ports: outside, number: number, wanted: wanted, account: account, others: journal)
      subject.resource?.trunks = try await trunks(of: number)
    }
    return subject
  }

  /// What a gateway is to have of a number of a SIP trunk; nil for others.
  private func trunks(
    of number: PhoneNumber
  ) async throws(ProvisioningStop) -> GatewayTrunks? {
    guard number.ingress == .sip else { return nil }
    let provider: StoredProvider?
    do {
      provider = try await store.tenant(number.tenant).provider(number.providerID)
    } catch {
      throw .store(error)
    }
    guard let provider else { throw .damaged("A number's provider is not there.") }
    do {
      return try provider.provider.gatewayTrunks(for: number, sealer)
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

extension ProvisioningStateMachine.Action {
  /// The entry is stored before it. What is only read while nothing was done is read again.
  fileprivate func isKept(in phase: ProvisioningPhase) -> Bool {
    switch self {
    case .buy, .seek: true
    default: phase != .looking
    }
  }

  /// It changes something outside.
  fileprivate var changes: Bool {
    switch self {
    case .write, .buy, .release: true
    case .look, .seek, .beginWait, .wait, .close: false
    }
  }

  fileprivate var isSeek: Bool {
    if case .seek = self { true } else { false }
  }
}
