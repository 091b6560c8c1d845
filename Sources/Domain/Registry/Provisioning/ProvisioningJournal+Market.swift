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

  /// Makes all that a number needs that was bought and not set up. What an earlier work wrote is
  /// not taken for what stood there before us, though it was said to be put back.
  static func finishing(_ number: PhoneNumber, by plan: IngressPlan) -> [ProvisioningStep] {
    plan.steps(.make, for: number).map { step in
      let former: CarrierSetting
      switch step.kind {
      case .webhook: former = .voice(VoiceSettings())
      case .processingRegion: former = .region(nil)
      default: return step
      }
      return ProvisioningStep(
        step.kind, step.aim, region: step.region, ours: step.ours,
        left: step.ours.map {
          Leftover.Remedy(providerID: number.providerID, ours: $0, former: former)
        })
    }
  }
}
