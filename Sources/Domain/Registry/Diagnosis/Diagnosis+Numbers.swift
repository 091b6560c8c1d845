internal import Telephony

extension Diagnosis {
  mutating func judgeNumbers() {
    var goodCount = 0
    var examinedCount = 0
    for number in facts.numbers {
      let before = count
      judge(number)
      guard number.isSettled, number.isExamined else { continue }
      examinedCount += 1
      if count == before, number.isSeen { goodCount += 1 }
    }
    guard goodCount > 0 else { return }
    add(.numbersInOrder, "\(goodCount) of the \(examinedCount) numbers that were looked at")
  }

  private mutating func judge(_ facts: DiagnosisFacts.Number) {
    let subject = DiagnosisFinding.Subject.number(facts.number.id)
    switch facts.number.state {
    case .active, .degraded:
      if let pending = facts.number.pendingProviderID {
        add(.numberUnsettled, subject, "The number is being moved to \(pending).")
        return
      }
    case .provisioning, .deleting:
      add(.numberUnsettled, subject, "The number is \(facts.number.state.rawValue).")
      return
    case .corrupted:
      let left = facts.number.leftovers.map { "\($0.kind.rawValue) in \($0.region)" }
      add(.numberCorrupted, subject, "At the carrier is left: \(left.joined(separator: ", ")).")
      return
    }
    judge(facts.outside, facts, subject)
    if facts.isAtGateway { return }
    let record: Drift.Record
    switch facts.record {
    case .notTried: return
    case .failed(let error) where error.kind == .notFound:
      add(.numberVanished, subject, error.evidence)
      // Its route says nothing any more.
      return
    case .failed(let error):
      if !error.isMissingRight { add(.numberNotRead, subject, error.evidence) }
      if facts.number.supportsInbound { judgeRegion(facts, subject) }
      return
    case .found(let found): record = .found(found)
    }
    for finding in Drift.differences(
      of: facts.number, record, .notAsked, ours: facts.number.supportsInbound ? facts.ours : nil)
    {
      judge(finding, facts, subject)
    }
    if facts.number.supportsInbound {
      judgeOutdated(facts, subject)
      judgeRegion(facts, subject)
    }
  }

  /// What was made for the number.
  private mutating func judge(
    _ looks: [StepKind: Looked<ResourceSight>], _ facts: DiagnosisFacts.Number,
    _ subject: DiagnosisFinding.Subject
  ) {
    var sights: [StepKind: ResourceSight] = [:]
    var refusal: CarrierError?
    for (kind, look) in looks {
      switch look {
      case .notTried: break
      case .found(let sight): sights[kind] = sight
      case .failed(let error): refusal = error
      }
    }
    for finding in Drift.differences(of: sights) {
      switch finding {
      case .resourceMissing(let kind): add(kind.missing, subject, kind.evidence(isGone: true))
      case .resourceChanged(let kind): add(kind.changed, subject, kind.evidence(isGone: false))
      default: preconditionFailure("A sight says only how a thing stands.")
      }
    }
    guard let refusal else { return }
    if facts.isAtGateway {
      add(.trunkNotRead, subject, refusal.gatewayEvidence)
    } else if !refusal.isMissingRightOfGoodKey {
      add(.trunkNotRead, subject, refusal.evidence)
    }
  }

  /// What differs at the carrier, in a diagnosis' words.
  private mutating func judge(
    _ finding: DriftFinding, _ facts: DiagnosisFacts.Number, _ subject: DiagnosisFinding.Subject
  ) {
    guard case .found(let record) = facts.record else { return }
    let voice = record.voice
    func host(_ what: String, _ url: String) -> String { "\(what) at \(WebAddress.host(of: url))" }
    switch finding {
    case .vanished, .movedAccount:
      add(
        .numberVanished, subject,
        "The carrier names the account \(record.accountSID.masked) as the number's.")
    case .voiceLost:
      add(.numberWithoutVoice, subject, "The carrier's record has no voice capability.")
    case .webhookReplaced(.nobody):
      add(.webhookMissing, subject, "The number has no voice URL.")
    case .webhookReplaced(.otherMethod):
      add(
        .webhookMethodChanged, subject,
        "The voice URL is asked with \(voice.voiceMethod.rawValue), which is refused.")
    case .webhookReplaced:
      add(.webhookTakenOver, subject, host("voice URL", voice.voiceURL))
    case .applicationOverrides:
      add(
        .webhookOverriddenByApplication, subject,
        "application \(Self.masked(voice.applicationSID))")
    case .trunkOverrides:
      add(.webhookOverriddenByTrunk, subject, "trunk \(Self.masked(voice.trunkSID))")
    case .fallbackReplaced:
      add(.fallbackReplaced, subject, host("fallback URL", voice.fallbackURL))
    case .statusCallbackReplaced:
      add(.statusCallbackReplaced, subject, host("status callback", voice.statusCallbackURL))
    case .trunkDetached: add(.numberOffTrunk, subject, "no trunk")
    case .trunkReplaced:
      add(.numberOffTrunk, subject, "trunk \(Self.masked(voice.trunkSID))")
    // These are judged by themselves.
    case .processingRegionMoved, .resourceMissing, .resourceChanged: break
    }
  }

  /// The address is ours, but not the one that would be written now. Without a public URL none
  /// would be, which is found already.
  private mutating func judgeOutdated(
    _ facts: DiagnosisFacts.Number, _ subject: DiagnosisFinding.Subject
  ) {
    guard case .found(let record) = facts.record, facts.number.ingress == .webhook,
      !facts.expected.voiceURL.isEmpty, record.voice.voiceURL != facts.expected.voiceURL,
      record.voice.voiceURL == facts.number.configured?.voiceURL
    else { return }
    add(
      .webhookOutdated, subject,
      "The voice URL is what was written once, at "
        + "\(WebAddress.host(of: record.voice.voiceURL)); now it would be at "
        + "\(WebAddress.host(of: facts.expected.voiceURL)).")
  }

  private mutating func judgeRegion(
    _ facts: DiagnosisFacts.Number, _ subject: DiagnosisFinding.Subject
  ) {
    switch facts.processingRegion {
    case .notTried: break
    case .failed(let error):
      if !error.isMissingRightOfGoodKey {
        add(.processingRegionNotRead, subject, error.evidence)
      }
    case .found(let region):
      guard !Drift.moved(.region(region), from: facts.number.region).isEmpty else { return }
      let seen = region?.rawValue ?? "unset, which is us1"
      add(
        .processingRegionMoved, subject,
        "Inbound calls are handled in \(seen); the provider's region is \(facts.number.region).")
    }
  }

  /// `TK****6e2f`, of whatever the carrier named.
  private static func masked(_ sid: String) -> String {
    "\(sid.prefix(2))****\(sid.dropFirst(2).suffix(4))"
  }
}

extension StepKind {
  fileprivate var missing: DiagnosisCode {
    switch self {
    case .originationURL: .originationURLMissing
    case .credentialList, .credential, .trunkCredentialList: .trunkCredentialsMissing
    case .gatewayInboundTrunk, .gatewayOutboundTrunk: .gatewayTrunkMissing
    case .dispatchRule: .dispatchRuleMissing
    case .trunk, .trunkNumber, .webhook, .processingRegion, .propagation, .readBack, .purchase,
      .release:
      .numberTrunkMissing
    }
  }

  fileprivate var changed: DiagnosisCode {
    switch self {
    case .originationURL: .originationURLChanged
    case .gatewayInboundTrunk, .gatewayOutboundTrunk: .gatewayTrunkChanged
    case .dispatchRule: .dispatchRuleChanged
    case .credentialList, .credential, .trunkCredentialList: .trunkCredentialsMissing
    case .trunk, .trunkNumber, .webhook, .processingRegion, .propagation, .readBack, .purchase,
      .release:
      .trunkDomainChanged
    }
  }

  fileprivate func evidence(isGone: Bool) -> String {
    switch self {
    case .trunkCredentialList: "The list of credentials is not on the trunk."
    case .originationURL where !isGone:
      "The trunk's origination URL is switched off, or leads elsewhere than to the gateway."
    case .trunk where !isGone: "The trunk has another termination domain."
    default: "\(subject) \(isGone ? "is gone" : "says something else than was written")."
    }
  }
}
