internal import Access
internal import Telephony

// What the end of a work makes of its number.
extension ProvisioningWork {
  /// The number as the outcome leaves it, the changes that store that, and what the audit log is
  /// told; nil where the number stays as it is.
  static func ending(
    of number: PhoneNumber, _ journal: ProvisioningJournal, _ outcome: ProvisioningOutcome
  ) -> (PhoneNumber, [RegistryChange], AuditDraft?) {
    switch (outcome, journal.kind) {
    case (.done, .deleteNumber): removed(number, forgets: false)
    case (.undone, .importNumber), (.undone, .deleteNumber): removed(number, forgets: true)
    case (.done, .importNumber): changed(number, journal, configured(number, journal))
    case (.corrupted, .importNumber), (.corrupted, .deleteNumber):
      changed(number, journal, corrupted(number, journal))
    case (_, .repairNumber), (_, .moveNumber):
      preconditionFailure("Nothing is repaired or moved yet.")
    }
  }

  private static func removed(
    _ number: PhoneNumber, forgets: Bool
  ) -> (PhoneNumber, [RegistryChange], AuditDraft?) {
    var changes = [RegistryChange.deleteNumber(number.id, from: number.revision.version)]
    if forgets { changes.append(.forgetRequests(resourceID: number.id.description)) }
    return (number, changes, AuditDraft(.delete, from: number, to: nil))
  }

  private static func changed(
    _ number: PhoneNumber, _ journal: ProvisioningJournal, _ new: PhoneNumber
  ) -> (PhoneNumber, [RegistryChange], AuditDraft?) {
    var new = new
    new.revision = number.revision.next(at: journal.updateTime)
    return (
      new, [.updateNumber(new, from: number.revision.version)],
      AuditDraft(.update, from: number, to: new)
    )
  }

  private static func configured(
    _ number: PhoneNumber, _ journal: ProvisioningJournal
  ) -> PhoneNumber {
    var new = number
    new.state = .active
    new.former = journal.former
    new.configured = journal.ours
    new.leftovers = []
    new.conditions = [
      Condition(
        kind: .carrierSettings, holds: true, reason: "CONFIGURED",
        message: "The carrier sends the number's calls here.", observedTime: journal.updateTime)
    ]
    return new
  }

  private static func corrupted(
    _ number: PhoneNumber, _ journal: ProvisioningJournal
  ) -> PhoneNumber {
    var new = number
    new.state = .corrupted
    // A deletion puts back what the number has recorded.
    if journal.kind == .importNumber {
      new.former = journal.former
      new.configured = journal.ours
    }
    new.leftovers = journal.leftovers
    new.conditions = [
      Condition(
        kind: .carrierSettings, holds: false,
        reason: journal.failure?.cause.reason ?? "UNKNOWN",
        message: "What was written at the carrier could not be put back. Delete the number again.",
        observedTime: journal.updateTime)
    ]
    return new
  }
}
