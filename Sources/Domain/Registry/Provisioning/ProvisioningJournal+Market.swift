package import Telephony

extension ProvisioningJournal {
  /// Buys the number, then sets it up as an import does, where it is to take calls.
  ///
  /// - Parameter isSought: an earlier work may have bought it, so that it is only looked for.
  package static func provisioning(
    _ number: PhoneNumber, ours: VoiceSettings, purchase: PurchaseRecord, isSought: Bool = false,
    id: OperationID, time: Timestamp, owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    var steps = [
      ProvisioningStep(
        .purchase, .buy, region: number.region, state: isSought ? .running : .pending)
    ]
    if number.supportsInbound { steps += IngressPlan.webhook(ours).steps(.make, for: number) }
    var journal = ProvisioningJournal(
      id: id, tenant: number.tenant, subject: .number(number.id), kind: .provisionNumber,
      steps: steps, time: time, owner: owner)
    journal.purchase = purchase
    return journal
  }

  /// Puts back what stood there before, gives the number up at the carrier, and removes it.
  package static func releasing(
    _ number: PhoneNumber, id: OperationID, time: Timestamp, owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    ProvisioningJournal(
      id: id, tenant: number.tenant, subject: .number(number.id), kind: .releaseNumber,
      steps: restoring(number) + [ProvisioningStep(.release, .release, region: number.region)],
      time: time, owner: owner)
  }
}
