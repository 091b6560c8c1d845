package import Telephony

// Buying. It is before all else that a work does: what stands at the carrier is read when the
// number is ours.
//
//   pending ── buy ── bought ──────────────────────────▶ done
//      │         └─ answer lost, or a crash ──▶ seek ──▶ done, or undone once it can't come
//      └─ refused ──▶ undone                     └─ nobody can tell for a day ──▶ left
extension ProvisioningStateMachine {
  /// What the purchase needs next; nil when there is none, or it is done.
  mutating func purchase() -> Action? {
    let next = journal.steps.firstIndex {
      $0.aim == .buy && ($0.state == .pending || $0.state == .running)
    }
    guard let next else { return nil }
    index = next
    guard journal.steps[next].state == .running else {
      journal.steps[next].state = .running
      return .buy(next)
    }
    // An earlier run may have asked for it.
    if let wake = journal.purchase?.wakeTime { return .wait(next, until: wake) }
    return .seek(next)
  }

  /// The number is ours. It is to be stored, with its carrier's name, before `resumed`.
  package mutating func bought() {
    precondition(journal.steps[index].aim == .buy, "Nothing is being bought.")
    journal.steps[index].state = .done
    journal.purchase?.unsureTime = nil
    journal.purchase?.wakeTime = nil
  }

  /// Whether the request had its effect is not known.
  package mutating func purchaseLost(at now: Timestamp) -> Action {
    journal.purchase?.unsureTime = now
    return .seek(index)
  }

  /// The account has the number, but not by this purchase.
  package mutating func othersBought() -> Action {
    journal.steps[index].state = .undone
    return fail(ProvisioningFailure(cause: .conflict, message: Self.othersBoughtMessage))
  }

  /// The account does not have the number.
  package mutating func purchaseAbsent(at now: Timestamp) -> Action {
    guard let purchase = journal.purchase else { preconditionFailure("Nothing is being bought.") }
    let since = purchase.unsureTime ?? now
    journal.purchase?.unsureTime = since
    guard now >= since.advanced(by: purchase.settling) else {
      return wait(RegistryLimits.purchaseSeekInterval, from: now)
    }
    journal.steps[index].state = .undone
    return fail(ProvisioningFailure(cause: .unavailable, message: Self.notBoughtMessage))
  }

  /// The carrier can't be asked whether the account has the number.
  package mutating func seekFailed(
    _ failure: ProvisioningFailure, at now: Timestamp
  ) -> Action {
    let since = journal.purchase?.unsureTime ?? now
    journal.purchase?.unsureTime = since
    guard now >= since.advanced(by: RegistryLimits.purchaseSoughtMax) else {
      return wait(RegistryLimits.purchaseSeekDelay, from: now)
    }
    journal.failure = failure
    journal.steps[index].state = .left
    journal.steps[index].carrierCode = failure.carrierCode
    return close(.corrupted)
  }

  private mutating func wait(_ duration: Duration, from now: Timestamp) -> Action {
    let wake = now.advanced(by: duration)
    journal.purchase?.wakeTime = wake
    return .wait(index, until: wake)
  }

  private static let othersBoughtMessage =
    "The account has this number, but it was not bought by this request. Import it."
  private static let notBoughtMessage =
    "The answer to the purchase was lost, and the account does not have the number: nothing was "
    + "bought."
}
