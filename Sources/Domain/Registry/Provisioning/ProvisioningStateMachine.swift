package import Telephony

/// Decides what is done at the carrier for one journal entry: events in, one action out.
///
/// The runner stores `journal` before it performs an action that changes something, and at the end.
/// So a crash at any point leaves an entry from which `resumed` goes on. Every action but
/// a purchase may be performed twice. The phases are drawn at `ProvisioningPhase`.
package struct ProvisioningStateMachine: Sendable {
  /// Why a place is looked at.
  package enum Purpose: Sendable, Hashable {
    /// To record what stands there before anything is overwritten.
    case former
    /// To see whether what was written stands.
    case confirm
    /// To see what is still ours.
    case restore
  }

  /// What the runner does next; the number is the step's.
  package enum Action: Sendable, Hashable {
    /// Read what stands there, and tell `sighted`.
    case look(Int, Purpose)
    /// Write this there; `written`.
    case write(Int, CarrierSetting)
    /// Tell `waitBegan` with the time at which so much will have passed.
    case beginWait(Int, Duration)
    /// Go on at this time, with `waited`.
    case wait(Int, until: Timestamp)
    /// Buy the number. Never performed twice: tell `bought`, or `purchaseLost`.
    case buy(Int)
    /// Look for what may have been bought; `bought`, `othersBought`, `purchaseAbsent` or
    /// `seekFailed`.
    case seek(Int)
    /// Give the number up at the carrier; `released`.
    case release(Int)
    /// Store the end with the number's new state; nothing follows.
    case close(ProvisioningOutcome)
  }

  /// The entry as it must be stored before the last action is performed.
  package internal(set) var journal: ProvisioningJournal
  /// The step that the last action is about.
  var index = 0

  /// A machine for an entry that was just made, or that was found open.
  package init(_ journal: ProvisioningJournal) {
    precondition(journal.isOpen, "A closed entry has nothing to do.")
    self.journal = journal
  }

  /// The entry is stored as `stored`: what is its keeper's is taken over.
  mutating func kept(_ stored: ProvisioningJournal) {
    journal.owner = stored.owner
    journal.revision = stored.revision
    journal.updateTime = stored.updateTime
  }

  // MARK: Events

  /// The work begins, or goes on after a crash.
  ///
  /// What was being put back is looked at again first: its owner may have changed it meanwhile.
  package mutating func resumed() -> Action {
    for index in journal.steps.indices { journal.steps[index].putBack = nil }
    switch journal.phase {
    case .looking: return look(from: 0)
    case .doing: return goOn()
    case .undoing: return undo()
    case .closed: preconditionFailure("A closed entry is not resumed.")
    }
  }

  /// Its owner wants it undone, and it begins, or goes on after it was stopped for that. Where it
  /// is too late for that it goes on as it would.
  package mutating func cancelled() -> Action {
    for index in journal.steps.indices { journal.steps[index].putBack = nil }
    guard journal.isCancellable else { return resumed() }
    return fail(ProvisioningFailure(cause: .cancelled))
  }

  /// What stands where the step writes is known.
  package mutating func sighted(_ present: CarrierSetting) -> Action {
    switch (journal.phase, journal.steps[index].aim) {
    case (.looking, _):
      journal.steps[index].former = journal.steps[index].former(at: present)
      return look(from: index + 1)
    case (.doing, .make), (.doing, .rewrite):
      guard let ours = journal.steps[index].ours, present.holds(ours) else {
        return fail(ProvisioningFailure(cause: .overwritten))
      }
      return confirm(from: index + 1)
    case (.doing, _), (.undoing, _): return restore(from: present)
    case (.closed, _): preconditionFailure("A closed entry has no step.")
    }
  }

  /// The number can't be used: it has no voice, or another owner by now.
  package mutating func foundUnsuitable() -> Action {
    fail(ProvisioningFailure(cause: .unsuitable))
  }

  /// What was asked for is written.
  ///
  /// - Parameter made: what was made, or was found to be there already.
  package mutating func written(_ made: ExternalResource? = nil) -> Action {
    if journal.phase == .doing, journal.steps[index].writes {
      if let made { journal.note(made, at: index) }
      journal.steps[index].state = .done
      return goOn()
    }
    return restored()
  }

  package mutating func waitBegan(until time: Timestamp) -> Action {
    journal.steps[index].until = time
    return .wait(index, until: time)
  }

  package mutating func waited() -> Action {
    if journal.steps[index].aim == .buy {
      journal.purchase?.wakeTime = nil
      return .seek(index)
    }
    journal.steps[index].state = .done
    return goOn()
  }

  /// The step that the last action asked for failed for good, or too often.
  ///
  /// - Parameter mayHaveActed: an attempt of this step may have had its effect, in this run or
  ///   before it.
  package mutating func stepFailed(
    _ failure: ProvisioningFailure, mayHaveActed: Bool
  ) -> Action {
    let step = journal.steps[index]
    if journal.phase == .doing, step.writes, step.state == .running, !mayHaveActed {
      journal.steps[index].state = .pending
    }
    if journal.phase == .looking || (journal.phase == .doing && step.aim != .restore) {
      return fail(failure)
    }
    return leave(failure, mayHaveActed: mayHaveActed)
  }

  // MARK: Forward

  private mutating func look(from first: Int) -> Action {
    if let purchase = purchase() { return purchase }
    let next = journal.steps[first...].firstIndex { $0.aim == .make && $0.former == nil }
    if let next {
      index = next
      return .look(next, .former)
    }
    journal.phase = .doing
    return goOn()
  }

  /// The first step that is not done.
  private mutating func goOn() -> Action {
    while let next = journal.steps.firstIndex(where: \.isToDo) {
      index = next
      let step = journal.steps[next]
      journal.steps[next].state = .running
      switch step.aim {
      case .make, .rewrite:
        guard let ours = step.ours else { preconditionFailure("A step writes nothing.") }
        if let former = step.former, step.aim == .make, ours.isNothingNew(after: former) {
          journal.steps[next].state = .done
          continue
        }
        return .write(next, ours)
      case .confirm: return confirm(from: 0)
      case .restore: return .look(next, .restore)
      case .wait:
        if let until = step.until { return .wait(next, until: until) }
        return .beginWait(next, step.duration ?? .zero)
      case .release:
        // A carrier that does not answer would be waited for once more.
        if journal.failure?.cause.isTransient == true { return closeForward() }
        return .release(next)
      case .buy: preconditionFailure("A purchase comes before all else.")
      }
    }
    return closeForward()
  }

  /// Looks at what the steps from `first` on wrote, up to the confirmation that is running.
  private mutating func confirm(from first: Int) -> Action {
    guard
      let end = journal.steps.firstIndex(where: { $0.aim == .confirm && $0.state == .running })
    else { preconditionFailure("Nothing is confirmed.") }
    if let next = journal.steps[..<end].indices.first(where: {
      $0 >= first && journal.steps[$0].writes
    }) {
      index = next
      return .look(next, .confirm)
    }
    journal.steps[end].state = .done
    return goOn()
  }

  /// Undoes what was done, where the work is one that is undone.
  mutating func fail(_ failure: ProvisioningFailure) -> Action {
    if journal.failure == nil { journal.failure = failure }
    if journal.phase == .looking { return close(.undone) }
    for index in journal.steps.indices where journal.steps[index].aim == .confirm {
      journal.steps[index].state = .pending
    }
    journal.phase = .undoing
    return undo()
  }

  // MARK: Putting back

  /// The last step that may have written something.
  private mutating func undo() -> Action {
    let next = journal.steps.lastIndex {
      $0.aim == .make && [.running, .done, .undoing].contains($0.state)
    }
    if let next {
      index = next
      journal.steps[next].state = .undoing
      return .look(next, .restore)
    }
    // What was written again stays; whether a write had its effect must be known.
    let unsure = journal.steps.firstIndex { $0.aim == .rewrite && $0.state == .running }
    guard let unsure else { return closeUndone() }
    index = unsure
    return .look(unsure, .restore)
  }

  /// What is still ours goes back; what its owner changed since stays.
  private mutating func restore(from present: CarrierSetting) -> Action {
    switch present {
    case .resource(let found?), .altered(let found): journal.note(found, at: index)
    case .resource(nil), .voice, .region: break
    }
    let step = journal.steps[index]
    if step.aim == .rewrite {
      journal.steps[index].state = step.ours.map { present.holds($0) } == true ? .done : .undone
      return advance()
    }
    guard let ours = step.ours, let former = step.former,
      let back = present.puttingBack(ours, to: former)
    else { return restored() }
    // A second look after a refusal tries nothing again that was refused.
    if step.state == .left { return advance() }
    journal.steps[index].putBack = back
    return .write(index, back)
  }

  private mutating func restored() -> Action {
    journal.steps[index].putBack = nil
    journal.steps[index].carrierCode = nil
    journal.steps[index].state = journal.steps[index].stateRestored
    // What hung on it and could not be taken away went with it.
    for part in journal.steps.indices
    where journal.steps[part].state == .left
      && journal.steps[part].kind.hangsOn == journal.steps[index].kind
    {
      journal.steps[part].state = journal.steps[part].stateRestored
      journal.steps[part].carrierCode = nil
    }
    return advance()
  }

  private mutating func advance() -> Action {
    journal.phase == .undoing ? undo() : goOn()
  }

  /// What can't be put back is left, if anything of it may stand.
  private mutating func leave(
    _ failure: ProvisioningFailure, mayHaveActed: Bool
  ) -> Action {
    let step = journal.steps[index]
    if step.aim == .rewrite {
      // It can't be seen: what may be ours is taken for ours.
      journal.steps[index].state = .done
      return advance()
    }
    let isLook = step.putBack == nil
    journal.steps[index].putBack = nil
    // Only the number's own record tells that the number is gone; a missing route alone does not.
    if isLook, step.kind.isRecord, failure.cause == .notFound { return vanished() }
    if step.state == .left { return advance() }
    mark(index, failure)
    let mayBeGone = step.kind.isRecord && failure.cause == .notFound
    if !isLook, mayBeGone || (mayHaveActed && !failure.cause.isTransient) {
      return .look(index, .restore)
    }
    // One that does not answer would be waited for at each step of it that is left.
    if failure.cause.isTransient { leaveRest(failure) }
    return advance()
  }

  private mutating func mark(_ index: Int, _ failure: ProvisioningFailure) {
    guard journal.steps[index].mayStand else {
      journal.steps[index].state = journal.steps[index].stateRestored
      return
    }
    if journal.failure == nil { journal.failure = failure }
    journal.steps[index].state = .left
    journal.steps[index].carrierCode = failure.carrierCode
  }

  private mutating func leaveRest(_ failure: ProvisioningFailure) {
    let isAtGateway = journal.steps[index].kind.isAtGateway
    for index in journal.steps.indices {
      let step = journal.steps[index]
      guard step.kind.isAtGateway == isAtGateway else { continue }
      let isUndone = journal.phase == .undoing && step.aim == .make && step.state != .pending
      guard isUndone || step.aim == .restore, step.state != .left, step.state != .undone,
        step.aim == .make || step.state != .done
      else { continue }
      mark(index, failure)
    }
  }

  /// The carrier has no such number any more: nothing of ours is on it. What was made for it may
  /// be there all the same.
  private mutating func vanished() -> Action {
    let provider = journal.steps[index].providerID
    for index in journal.steps.indices where journal.steps[index].providerID == provider {
      let step = journal.steps[index]
      guard !step.kind.isResource,
        step.aim == .restore || (step.aim == .make && journal.phase == .undoing)
      else { continue }
      journal.steps[index].putBack = nil
      journal.steps[index].state = step.stateRestored
    }
    return advance()
  }

  /// The number is given up, and what stood on it is gone with it.
  package mutating func released() -> Action {
    for index in journal.steps.indices where journal.steps[index].aim == .restore {
      journal.steps[index].state = .done
      journal.steps[index].carrierCode = nil
    }
    journal.steps[index].state = .done
    return goOn()
  }

  // MARK: The end

  private mutating func closeForward() -> Action {
    guard journal.leftovers.isEmpty else { return close(.corrupted) }
    // Only putting back failed on the way; what it left is not there any more.
    journal.failure = nil
    return close(.done)
  }

  private mutating func closeUndone() -> Action {
    close(journal.leftovers.isEmpty ? .undone : .corrupted)
  }

  mutating func close(_ outcome: ProvisioningOutcome) -> Action {
    // What was not begun, or not done, is not there.
    for index in journal.steps.indices where journal.steps[index].isToDo {
      journal.steps[index].state = .undone
    }
    journal.outcome = outcome
    journal.phase = .closed
    return .close(outcome)
  }
}

extension ProvisioningJournal {
  /// What a step made or found. The number goes on the trunk that stands now.
  fileprivate mutating func note(_ made: ExternalResource, at index: Int) {
    steps[index].made = made
    guard made.kind == .trunk, steps[index].writes else { return }
    for place in steps.indices where steps[place].kind == .trunkNumber && steps[place].writes {
      steps[place].ours = .voice(VoiceSettings(trunkSID: made.externalID))
    }
  }
}

extension ProvisioningStep {
  fileprivate var isToDo: Bool { state == .pending || state == .running }
}
