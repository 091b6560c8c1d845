internal import Access
package import Telephony

// The steps of each kind of work.
extension ProvisioningJournal {
  /// Makes our webhook answer.
  package static func importing(
    _ number: PhoneNumber, ours: VoiceSettings, id: OperationID, time: Timestamp,
    owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    importing(number, by: .webhook(ours), id: id, time: time, owner: owner)
  }

  /// Makes all that the number needs outside.
  package static func importing(
    _ number: PhoneNumber, by plan: IngressPlan, id: OperationID, time: Timestamp,
    owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    ProvisioningJournal(
      id: id, tenant: number.tenant, subject: .number(number.id), kind: .importNumber,
      steps: plan.steps(.make, for: number), time: time, owner: owner)
  }

  /// Puts back what stood there before, and removes the number.
  package static func deleting(
    _ number: PhoneNumber, id: OperationID, time: Timestamp, owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    ProvisioningJournal(
      id: id, tenant: number.tenant, subject: .number(number.id), kind: .deleteNumber,
      steps: restoring(number), time: time, owner: owner)
  }

  /// Compares a provider's numbers with the carrier.
  package static func syncing(
    _ provider: Provider, isDryRun: Bool, id: OperationID, time: Timestamp,
    owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    var journal = ProvisioningJournal(
      id: id, tenant: provider.tenant, subject: .provider(provider.id), kind: .syncProvider,
      steps: [], time: time, owner: owner)
    journal.sync = SyncRecord(isDryRun: isDryRun)
    return journal
  }

  /// Imports many numbers of a provider.
  static func importing(
    _ entries: [BatchRecord.Entry], of provider: ProviderID, requestID: String,
    by caller: Caller, id: OperationID, time: Timestamp, owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    var journal = ProvisioningJournal(
      id: id, tenant: caller.tenant, subject: .batch(provider, id), kind: .importBatch,
      steps: [], time: time, owner: owner)
    journal.batch = BatchRecord(
      requestID: requestID, asker: StoredCaller(caller), entries: entries)
    return journal
  }

  /// A batch that has ended, begun again for the numbers that were not imported.
  func tryingAgain(at time: Timestamp, owner: RegistryProcessID?) -> ProvisioningJournal {
    var again = self
    again.phase = .doing
    again.outcome = nil
    again.failure = nil
    again.isCancelRequested = false
    again.batch?.rows.removeAll { $0.refusal != nil }
    again.owner = owner
    again.revision += 1
    again.updateTime = max(time, updateTime)
    return again
  }

  /// Puts what is staged under `mark` in the place of the current credentials.
  static func rotating(
    _ provider: Provider, mark: Version, etag: String, by caller: Caller, id: OperationID,
    time: Timestamp, owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    var journal = ProvisioningJournal(
      id: id, tenant: provider.tenant, subject: .credential(provider.id),
      kind: .rotateCredential, steps: [], time: time, owner: owner)
    journal.rotation = RotationRecord(mark: mark, etag: etag, asker: StoredCaller(caller))
    return journal
  }

  /// What was left last goes back first; of the number's own the region, so that a call that comes
  /// meanwhile still finds our webhook. What was made for it goes when nothing uses it any more.
  static func restoring(_ number: PhoneNumber) -> [ProvisioningStep] {
    var steps = restoringLeftovers(number.leftovers)
    if let ours = number.configured, let former = number.former {
      steps += [
        ProvisioningStep(
          .processingRegion, .restore, region: number.region, ours: .region(number.region),
          former: .region(former.processingRegion)),
        ProvisioningStep(
          number.ingress == .trunk ? .trunkNumber : .webhook, .restore, region: number.region,
          ours: .voice(ours), former: .voice(former.voice)),
      ]
    }
    return steps
      + number.resources.reversed().map { resource in
        ProvisioningStep(
          resource, .restore,
          providerID: resource.providerID == number.providerID ? nil : resource.providerID)
      }
  }

  /// What an earlier work left where the number no longer is.
  private static func restoringLeftovers(_ leftovers: [Leftover]) -> [ProvisioningStep] {
    leftovers.compactMap { leftover in
      leftover.remedy.map { remedy in
        ProvisioningStep(
          leftover.kind, .restore, region: leftover.region, providerID: remedy.providerID,
          ours: remedy.ours, former: remedy.former)
      }
    }
  }

  /// Writes again what a number needs, or puts back again what a corrupted one left.
  package static func repairing(
    _ number: PhoneNumber, by plan: IngressPlan, id: OperationID, time: Timestamp,
    owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    let steps: [ProvisioningStep] =
      switch number.state {
      case .corrupted, .deleting: restoring(number)
      case .degraded where number.isUnfinished: finishing(number, by: plan)
      case .provisioning, .active, .degraded:
        plan.steps(.rewrite, for: number) + restoringLeftovers(number.leftovers)
      }
    return ProvisioningJournal(
      id: id, tenant: number.tenant, subject: .number(number.id), kind: .repairNumber,
      steps: steps, time: time, owner: owner)
  }

  /// Makes our webhook answer in the region of `target`, gives the carrier `settling` until all of
  /// it knows, and puts back what stood in the region before. A number without a webhook of ours
  /// changes nothing at the carrier.
  package static func moving(
    _ number: PhoneNumber, to target: Provider, ours: VoiceSettings, settling: Duration,
    id: OperationID, time: Timestamp, owner: RegistryProcessID? = nil
  ) -> ProvisioningJournal {
    var steps = [
      ProvisioningStep(.readBack, .confirm, region: target.region, providerID: target.id)
    ]
    if let configured = number.configured, let former = number.former {
      // What an earlier move left where this one writes is this one's to put back.
      let (met, rest) = meeting(number.leftovers, target.region)
      steps.insert(
        ProvisioningStep(
          .webhook, .make, region: target.region, providerID: target.id, ours: .voice(ours),
          left: met.first { $0.kind == .webhook }?.remedy), at: 0)
      steps.insert(
        ProvisioningStep(
          .processingRegion, .make, region: target.region, providerID: target.id,
          ours: .region(target.region), left: met.first { $0.kind == .processingRegion }?.remedy),
        at: 1)
      steps.append(
        ProvisioningStep(
          .propagation, .wait, region: target.region, providerID: target.id,
          duration: settling))
      steps.append(
        ProvisioningStep(
          .webhook, .restore, region: number.region, providerID: number.providerID,
          ours: .voice(configured), former: .voice(former.voice)))
      steps += restoringLeftovers(rest)
    }
    return ProvisioningJournal(
      id: id, tenant: number.tenant, subject: .number(number.id), kind: .moveNumber,
      steps: steps, time: time, owner: owner)
  }

  /// The leftovers that are where a move to `region` writes, and the others. A number has one
  /// route, and a record in each region.
  static func meeting(
    _ leftovers: [Leftover], _ region: Region
  ) -> (met: [Leftover], rest: [Leftover]) {
    let met = leftovers.filter {
      $0.remedy != nil && ($0.kind == .processingRegion || $0.region == region)
    }
    return (met, leftovers.filter { !met.contains($0) })
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
      case .resource, .altered: continue
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
