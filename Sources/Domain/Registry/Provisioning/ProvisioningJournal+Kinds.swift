package import Telephony

// The steps of each kind of work.
extension ProvisioningJournal {
  /// Makes our webhook answer.
  package static func importing(
    _ number: PhoneNumber, ours: VoiceSettings, id: OperationID, time: Timestamp,
    owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    ProvisioningJournal(
      id: id, tenant: number.tenant, subject: .number(number.id), kind: .importNumber,
      steps: [
        ProvisioningStep(.webhook, .make, region: number.region, ours: .voice(ours)),
        ProvisioningStep(
          .processingRegion, .make, region: number.region, ours: .region(number.region)),
        ProvisioningStep(.readBack, .confirm, region: number.region),
      ], time: time, owner: owner)
  }

  /// Puts back what stood there before, and removes the number.
  package static func deleting(
    _ number: PhoneNumber, id: OperationID, time: Timestamp, owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    ProvisioningJournal(
      id: id, tenant: number.tenant, subject: .number(number.id), kind: .deleteNumber,
      steps: restoring(number), time: time, owner: owner)
  }

  /// The region first: a call that comes meanwhile still finds our webhook.
  static func restoring(_ number: PhoneNumber) -> [ProvisioningStep] {
    guard let ours = number.configured, let former = number.former else { return [] }
    return [
      ProvisioningStep(
        .processingRegion, .restore, region: number.region, ours: .region(number.region),
        former: .region(former.processingRegion)),
      ProvisioningStep(
        .webhook, .restore, region: number.region, ours: .voice(ours),
        former: .voice(former.voice)),
    ]
  }

  /// What stood at the carrier before the work, as its steps read it; nil when they did not.
  var former: FormerSettings? {
    var former = FormerSettings(
      voice: VoiceSettings(), processingRegion: nil, recordedTime: createTime)
    var isKnown = false
    for step in steps where step.aim == .make {
      switch step.former {
      case .voice(let voice):
        former.voice = voice
        isKnown = true
      case .region(let region): former.processingRegion = region
      case nil: return nil
      }
    }
    return isKnown ? former : nil
  }

  /// What the work writes to the number's record.
  var ours: VoiceSettings? {
    for step in steps where step.writes {
      if case .voice(let voice) = step.ours { return voice }
    }
    return nil
  }
}
