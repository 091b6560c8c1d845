internal import Telephony

// How an entry is stored: its present form, and the one of before it was a list of steps.
extension ProvisioningJournal: Codable {
  private enum CodingKeys: String, CodingKey {
    case id, tenant
    /// As it was named when only numbers were worked on.
    case subject = "numberID"
    case kind, phase, steps, failure, outcome, sync, purchase, batch, rotation
    case isCancelRequested, owner, revision, createTime, updateTime
    // Of the earlier form.
    case region, ours, former, leftovers
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let kind = try container.decode(ProvisioningKind.self, forKey: .kind)
    let (phase, steps) =
      if let steps = try container.decodeIfPresent([ProvisioningStep].self, forKey: .steps) {
        (try container.decode(ProvisioningPhase.self, forKey: .phase), steps)
      } else {
        try EarlierJournal(from: decoder).converted(kind)
      }
    self.init(
      id: try container.decode(OperationID.self, forKey: .id),
      tenant: try container.decode(TenantID.self, forKey: .tenant),
      subject: try container.decode(OperationSubject.self, forKey: .subject), kind: kind,
      phase: phase, steps: steps,
      failure: try container.decodeIfPresent(ProvisioningFailure.self, forKey: .failure),
      outcome: try container.decodeIfPresent(ProvisioningOutcome.self, forKey: .outcome),
      owner: try container.decodeIfPresent(RegistryProcessID.self, forKey: .owner),
      revision: try container.decode(UInt64.self, forKey: .revision),
      createTime: try container.decode(Timestamp.self, forKey: .createTime),
      updateTime: try container.decode(Timestamp.self, forKey: .updateTime))
    self.sync = try container.decodeIfPresent(SyncRecord.self, forKey: .sync)
    self.purchase = try container.decodeIfPresent(PurchaseRecord.self, forKey: .purchase)
    self.batch = try container.decodeIfPresent(BatchRecord.self, forKey: .batch)
    self.rotation = try container.decodeIfPresent(RotationRecord.self, forKey: .rotation)
    self.isCancelRequested =
      try container.decodeIfPresent(Bool.self, forKey: .isCancelRequested) ?? false
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(tenant, forKey: .tenant)
    try container.encode(subject, forKey: .subject)
    try container.encode(kind, forKey: .kind)
    try container.encode(phase, forKey: .phase)
    try container.encode(steps, forKey: .steps)
    try container.encodeIfPresent(failure, forKey: .failure)
    try container.encodeIfPresent(outcome, forKey: .outcome)
    try container.encodeIfPresent(sync, forKey: .sync)
    try container.encodeIfPresent(purchase, forKey: .purchase)
    try container.encodeIfPresent(batch, forKey: .batch)
    try container.encodeIfPresent(rotation, forKey: .rotation)
    if isCancelRequested { try container.encode(true, forKey: .isCancelRequested) }
    try container.encodeIfPresent(owner, forKey: .owner)
    try container.encode(revision, forKey: .revision)
    try container.encode(createTime, forKey: .createTime)
    try container.encode(updateTime, forKey: .updateTime)
  }
}

/// An entry of before: one machine of two fixed steps, whose phase told how far it was.
private struct EarlierJournal: Decodable {
  enum Phase: String, Decodable {
    case readingFormer, writingWebhook, settingRegion, readingBack
    case readingPresent, restoringRegion, restoringWebhook, closed
  }

  let phase: Phase
  let region: Region
  let ours: VoiceSettings
  let former: FormerSettings?
  let leftovers: [Leftover]
  let outcome: ProvisioningOutcome?

  func converted(_ kind: ProvisioningKind) -> (ProvisioningPhase, [ProvisioningStep]) {
    let webhook = former.map { CarrierSetting.voice($0.voice) }
    let formerRegion = former.map { CarrierSetting.region($0.processingRegion) }
    let aim: ProvisioningStep.Aim = kind == .importNumber ? .make : .restore
    let (present, states) = kind == .importNumber ? importing : deleting
    var steps = [
      ProvisioningStep(
        .webhook, aim, region: region, ours: .voice(ours), former: webhook,
        state: states.webhook),
      ProvisioningStep(
        .processingRegion, aim, region: region, ours: .region(region), former: formerRegion,
        state: states.region),
    ]
    for index in steps.indices {
      guard let left = leftovers.first(where: { $0.kind == steps[index].kind }) else { continue }
      steps[index].state = .left
      steps[index].carrierCode = left.carrierCode
    }
    if kind != .importNumber { return (present, steps.reversed()) }
    steps.append(
      ProvisioningStep(
        .readBack, .confirm, region: region,
        state: phase == .readingBack ? .running : outcome == .done ? .done : .pending))
    return (present, steps)
  }

  private typealias States = (webhook: ProvisioningStep.State, region: ProvisioningStep.State)

  private var importing: (ProvisioningPhase, States) {
    switch phase {
    case .readingFormer: (.looking, (.pending, .pending))
    case .writingWebhook: (.doing, (.running, .pending))
    case .settingRegion: (.doing, (.done, .running))
    case .readingBack: (.doing, (.done, .done))
    // Which of the two was written is not known: both are looked at.
    case .readingPresent, .restoringRegion, .restoringWebhook: (.undoing, (.done, .done))
    case .closed: (.closed, outcome == .done ? (.done, .done) : (.undone, .undone))
    }
  }

  private var deleting: (ProvisioningPhase, States) {
    switch phase {
    case .restoringWebhook: (.doing, (.running, .done))
    case .closed: (.closed, (.done, .done))
    case .readingFormer, .writingWebhook, .settingRegion, .readingBack, .readingPresent,
      .restoringRegion:
      (.doing, (.pending, .pending))
    }
  }
}
