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
    case (_, .provisionNumber): provisioned(number, journal, outcome)
    case (.done, .releaseNumber): removed(number, forgets: false)
    case (_, .releaseNumber): changed(number, journal, kept(number, journal))
    case (_, .syncProvider), (_, .importBatch), (_, .rotateCredential):
      preconditionFailure("Such a work has no number.")
    case (_, .repairNumber): repaired(number, journal, outcome)
    case (_, .moveNumber): moved(number, journal, outcome)
    }
  }

  /// A corrupted number is gone when all was put back; another works as it should, or stays as it
  /// is.
  private static func repaired(
    _ number: PhoneNumber, _ journal: ProvisioningJournal, _ outcome: ProvisioningOutcome
  ) -> (PhoneNumber, [RegistryChange], AuditDraft?) {
    guard journal.steps.contains(where: \.writes) else {
      return outcome == .done
        ? removed(number, forgets: false)
        : changed(number, journal, corrupted(number, journal))
    }
    var new = number
    // What stands there now is what a deletion has to know, whatever came of the rest.
    let isWritten = journal.steps.contains { $0.kind.isRecord && $0.writes && $0.state == .done }
    if isWritten { new.configured = journal.ours }
    if outcome == .corrupted { recordFormer(in: &new, journal) }
    switch outcome {
    case .undone:
      new.resources = journal.resources(after: number.resources)
      return new == number ? (number, [], nil) : changed(number, journal, new)
    case .done: return changed(number, journal, configured(number, journal))
    case .corrupted: return changed(number, journal, withLeftovers(new, [], journal))
    }
  }

  /// The number is under its new provider once that one's region was seen to handle it.
  private static func moved(
    _ number: PhoneNumber, _ journal: ProvisioningJournal, _ outcome: ProvisioningOutcome
  ) -> (PhoneNumber, [RegistryChange], AuditDraft?) {
    var new = number
    new.pendingProviderID = nil
    let arrival = journal.steps.first { $0.aim == .confirm && $0.state == .done }
    guard let arrival, let providerID = arrival.providerID else {
      if outcome == .corrupted {
        // One that was put back meanwhile is found so by the repair.
        let earlier = number.leftovers.filter { earlier in
          !journal.leftovers.contains { $0.kind == earlier.kind && $0.region == earlier.region }
        }
        new = withLeftovers(new, earlier, journal)
      }
      return changed(number, journal, new)
    }
    new.providerID = providerID
    new.region = arrival.region
    guard journal.ours != nil else { return changed(number, journal, new) }
    new.webhookGeneration = number.webhookGeneration + 1
    new = configured(new, journal)
    // What was there before the import: the record of the new region, and the first region.
    new.former?.processingRegion = number.former?.processingRegion
    new.former?.firstVoice = number.former?.callsWent
    if outcome == .corrupted { new = withLeftovers(new, [], journal) }
    return changed(number, journal, new)
  }

  /// It works, and something of ours stands where it is of no use.
  private static func withLeftovers(
    _ number: PhoneNumber, _ earlier: [Leftover], _ journal: ProvisioningJournal
  ) -> PhoneNumber {
    var new = number
    new.state = .degraded
    new.leftovers = earlier + journal.leftovers
    new.conditions = [
      Condition(
        kind: .carrierSettings, holds: false,
        reason: journal.failure?.cause.reason ?? "UNKNOWN",
        message: "What was written at the carrier could not all be put back. Repair the number.",
        observedTime: journal.updateTime)
    ]
    return new
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
    new.resources = journal.resources(after: number.resources)
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
    new.former = journal.former ?? number.former
    new.configured = journal.ours
    new.leftovers = []
    new.conditions = [.configured(at: journal.updateTime)]
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
        message: "What was written at the carrier could not be put back. Repair the number.",
        observedTime: journal.updateTime)
    ]
    return new
  }
}

// What was bought stays.
extension ProvisioningWork {
  /// A number that was not bought is gone; one that was is never given up here.
  private static func provisioned(
    _ number: PhoneNumber, _ journal: ProvisioningJournal, _ outcome: ProvisioningOutcome
  ) -> (PhoneNumber, [RegistryChange], AuditDraft?) {
    let purchase = journal.steps.first { $0.aim == .buy }?.state
    var new = number
    switch (outcome, purchase) {
    case (.done, _):
      new = configured(number, journal)
      if !number.supportsInbound { new.conditions = [] }
    case (_, .left):
      new.state = .corrupted
      new.leftovers = journal.leftovers
      new.conditions = [
        failed(
          journal,
          "The number may have been bought; the carrier could not be asked. Repair it, which asks "
            + "again.")
      ]
    case (_, .done):
      recordFormer(in: &new, journal)
      new.state = .degraded
      new.leftovers = journal.leftovers
      new.conditions = [
        failed(journal, "The number was bought, but could not be set up. Repair it.")
      ]
    default: return removed(number, forgets: false)
    }
    return changed(number, journal, new)
  }

  /// What a deletion has to know of a work whose steps were not all undone.
  private static func recordFormer(in number: inout PhoneNumber, _ journal: ProvisioningJournal) {
    guard !journal.leftovers.isEmpty, number.former == nil, let former = journal.former else {
      return
    }
    number.former = former
    number.configured = journal.ours
  }

  /// A number that could not be given up.
  private static func kept(_ number: PhoneNumber, _ journal: ProvisioningJournal) -> PhoneNumber {
    var new = number
    new.state = .degraded
    new.leftovers = journal.leftovers
    new.conditions = [
      failed(journal, "The number could not be given up. Release it again, or repair it.")
    ]
    return new
  }

  private static func failed(_ journal: ProvisioningJournal, _ message: String) -> Condition {
    Condition(
      kind: .carrierSettings, holds: false, reason: journal.failure?.cause.reason ?? "UNKNOWN",
      message: message, observedTime: journal.updateTime)
  }
}
