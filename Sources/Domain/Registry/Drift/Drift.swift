package import Telephony

/// What drift is: the carrier's record of a number against what we wrote. Pure.
package enum Drift {
  /// The carrier's record of a number, in the provider's region.
  package enum Record: Sendable, Hashable {
    case found(CarrierNumber)
    /// The account has no such number.
    case absent
  }

  /// The number's inbound processing region.
  package enum ProcessingRegion: Sendable, Hashable {
    /// A number that takes no inbound calls is not asked for.
    case notAsked
    /// nil: unset, which means us1.
    case region(Region?)
    /// One that we don't know.
    case unknown
  }

  /// What differs, the gravest first. Of a number that the account does not hold nothing else is
  /// told; nor is anything of the settings where nothing of ours is at the carrier.
  ///
  /// - Parameter sights: what was made for the number, as far as it was looked at.
  package static func findings(
    of number: PhoneNumber, _ record: Record, _ region: ProcessingRegion,
    _ sights: [StepKind: ResourceSight] = [:]
  ) -> [DriftFinding] {
    let ours = number.configured.map { [$0] }
    var kinds: Set<Condition.Kind> = []
    // A trunk that is gone stands before a number that is on none, a trunk that overrides before an
    // application: one condition of each type.
    let found = differences(of: number, record, ours == nil ? .notAsked : region, ours: ours)
    return (differences(of: sights) + found).filter { kinds.insert($0.kind).inserted }
  }

  /// The comparison that a sweep and a diagnosis both stand on.
  ///
  /// - Parameter ours: settings of which each may stand at the carrier; nil: they are not compared,
  ///   nor is the region.
  static func differences(
    of number: PhoneNumber, _ record: Record, _ region: ProcessingRegion, ours: [VoiceSettings]?
  ) -> [DriftFinding] {
    guard case .found(let found) = record else { return [.vanished] }
    guard found.accountSID == number.accountSID else {
      return [.movedAccount(to: found.accountSID)]
    }
    let findings: [DriftFinding] = found.hasVoice ? [] : [.voiceLost]
    guard let ours, number.supportsInbound else { return findings }
    let settings: [DriftFinding] =
      switch number.ingress {
      case .webhook: webhook(found.voice, ours)
      case .trunk: trunk(found.voice, ours)
      // The carrier has no record of it.
      case .sip: []
      }
    return findings + settings + moved(region, from: number.region)
  }

  /// What differs of what was made for a number, in the order in which it is made. What hangs on
  /// something that is gone is not told by itself.
  static func differences(of sights: [StepKind: ResourceSight]) -> [DriftFinding] {
    StepKind.allCases.compactMap { kind in
      if kind.carriers.contains(where: { sights[$0] == .absent }) { return nil }
      return switch sights[kind] {
      case .absent: .resourceMissing(kind)
      case .altered: .resourceChanged(kind)
      case .standing, nil: nil
      }
    }
  }

  private static func webhook(
    _ present: VoiceSettings, _ ours: [VoiceSettings]
  ) -> [DriftFinding] {
    var findings: [DriftFinding] = []
    if !present.trunkSID.isEmpty, !ours.contains(where: { $0.trunkSID == present.trunkSID }) {
      findings.append(.trunkOverrides)
    }
    if !present.applicationSID.isEmpty,
      !ours.contains(where: { $0.applicationSID == present.applicationSID })
    {
      findings.append(.applicationOverrides)
    }
    // To ask nobody is never what we want.
    let asked = ours.map { ($0.voiceURL, $0.voiceMethod) }.filter { !$0.0.isEmpty }
    if let other = replacement(of: asked, (present.voiceURL, present.voiceMethod)) {
      findings.append(.webhookReplaced(by: other))
    }
    if let other = replacement(
      of: ours.map { ($0.fallbackURL, $0.fallbackMethod) },
      (present.fallbackURL, present.fallbackMethod))
    {
      findings.append(.fallbackReplaced(by: other))
    }
    if let other = replacement(
      of: ours.map { ($0.statusCallbackURL, $0.statusCallbackMethod) },
      (present.statusCallbackURL, present.statusCallbackMethod))
    {
      findings.append(.statusCallbackReplaced(by: other))
    }
    return findings
  }

  /// What else stands in the record is not asked while the number is on a trunk.
  private static func trunk(
    _ present: VoiceSettings, _ ours: [VoiceSettings]
  ) -> [DriftFinding] {
    guard !ours.contains(where: { $0.trunkSID == present.trunkSID }) else { return [] }
    return [present.trunkSID.isEmpty ? .trunkDetached : .trunkReplaced]
  }

  private typealias Address = (url: String, method: VoiceSettings.Method)

  /// What stands in the place of our address; nil when it is ours. No address has no method.
  private static func replacement(
    of ours: [Address], _ present: Address
  ) -> DriftFinding.Replacement? {
    let same = ours.filter { $0.url == present.url }
    guard !same.isEmpty else { return DriftFinding.Replacement(url: present.url) }
    let isOurs = present.url.isEmpty || same.contains { $0.method == present.method }
    return isOurs ? nil : .otherMethod
  }

  static func moved(
    _ present: ProcessingRegion, from ours: Region
  ) -> [DriftFinding] {
    switch present {
    case .notAsked: []
    case .unknown: [.processingRegionMoved(to: nil)]
    case .region(let region):
      (region ?? .us1) == ours ? [] : [.processingRegionMoved(to: region ?? .us1)]
    }
  }

  /// The carrier's name of the number where it is a name, and not ours; nil where it is ours, or
  /// the number itself, as the carrier calls one that nobody named.
  ///
  /// It is told and no more: the label is its user's, and no sync changes it.
  package static func otherLabel(of number: PhoneNumber, _ record: CarrierNumber) -> String? {
    let name = record.friendlyName
    guard !name.isEmpty, name != number.label, name != number.marketName else { return nil }
    let digits = name.utf8.filter { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let isNumber =
      digits.count >= 7 && number.e164.digits.utf8.reversed().starts(with: digits.reversed())
    return isNumber ? nil : name
  }

  /// The conditions that drift speaks of: a look at the whole of a number replaces all of them.
  static let kinds: Set<Condition.Kind> = [
    .carrierSettings, .carrierNumber, .voiceCapability, .webhook, .webhookOverride,
    .fallbackWebhook, .statusCallback, .trunk, .originationURL, .trunkCredentials,
    .gatewayInboundTrunk, .gatewayOutboundTrunk, .dispatchRule, .processingRegion,
  ]
}

extension StepKind {
  /// What it can't stand without.
  fileprivate var carriers: [StepKind] {
    switch self {
    case .credential: [.credentialList]
    case .trunkCredentialList: [.trunk, .credentialList]
    case .originationURL: [.trunk]
    case .trunk, .credentialList, .gatewayInboundTrunk, .gatewayOutboundTrunk, .dispatchRule,
      .trunkNumber, .webhook, .processingRegion, .propagation, .readBack, .purchase, .release:
      []
    }
  }
}

extension PhoneNumber {
  /// Whether the carrier's settings are meant to be what we wrote: no work on them is under way or
  /// was left half done.
  package var isComparable: Bool {
    switch state {
    case .active, .degraded: !isUnfinished
    case .provisioning, .deleting, .corrupted: false
    }
  }

  /// Whether the last look found something.
  var hasDrift: Bool { conditions.contains { !$0.holds && Drift.kinds.contains($0.kind) } }

  /// The number as a look at the carrier leaves it: `degraded` with one condition for each finding,
  /// or `active` again. It is the same when nothing is new: a condition keeps the time when it was
  /// first observed. The revision stays.
  package func judged(_ findings: [DriftFinding], at time: Timestamp) -> PhoneNumber {
    precondition(isComparable, "A number in \(state.rawValue) is not judged.")
    var next = self
    next.conditions = conditions.filter { !Drift.kinds.contains($0.kind) }
    var observed = findings.map { $0.condition(observed: time) }
    if findings.isEmpty, configured != nil, leftovers.isEmpty {
      observed = [Condition.configured(at: time)]
    }
    // What a move left elsewhere is told until it is put back.
    observed += leftovers.isEmpty ? [] : conditions.filter { $0.kind == .carrierSettings }
    next.conditions += observed.map { condition in
      conditions.first { $0.says(condition) } ?? condition
    }
    next.state = next.conditions.allSatisfy(\.holds) ? .active : .degraded
    return next
  }
}

extension Condition {
  /// The carrier's settings are what we wrote.
  static func configured(at time: Timestamp) -> Condition {
    Condition(
      kind: .carrierSettings, holds: true, reason: "CONFIGURED",
      message: "The carrier sends the number's calls here.", observedTime: time)
  }

  /// The same but for the time.
  fileprivate func says(_ other: Condition) -> Bool {
    kind == other.kind && holds == other.holds && reason == other.reason
      && message == other.message
  }
}
