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
  package static func findings(
    of number: PhoneNumber, _ record: Record, _ region: ProcessingRegion
  ) -> [DriftFinding] {
    guard case .found(let found) = record else { return [.vanished] }
    guard found.accountSID == number.accountSID else {
      return [.movedAccount(to: found.accountSID)]
    }
    var findings: [DriftFinding] = found.hasVoice ? [] : [.voiceLost]
    if let ours = number.configured, number.supportsInbound {
      findings +=
        number.ingress == .trunk ? trunk(found.voice, ours) : settings(found.voice, ours)
      findings += moved(region, from: number.region)
    }
    return findings
  }

  private static func settings(
    _ present: VoiceSettings, _ ours: VoiceSettings
  ) -> [DriftFinding] {
    var findings: [DriftFinding] = []
    // A trunk stands before an application, and both before the address.
    if present.trunkSID != ours.trunkSID, !present.trunkSID.isEmpty {
      findings.append(.trunkOverrides)
    } else if present.applicationSID != ours.applicationSID, !present.applicationSID.isEmpty {
      findings.append(.applicationOverrides)
    }
    if let other = replacement(
      of: (ours.voiceURL, ours.voiceMethod), (present.voiceURL, present.voiceMethod))
    {
      findings.append(.webhookReplaced(by: other))
    }
    if let other = replacement(
      of: (ours.fallbackURL, ours.fallbackMethod), (present.fallbackURL, present.fallbackMethod))
    {
      findings.append(.fallbackReplaced(by: other))
    }
    if let other = replacement(
      of: (ours.statusCallbackURL, ours.statusCallbackMethod),
      (present.statusCallbackURL, present.statusCallbackMethod))
    {
      findings.append(.statusCallbackReplaced(by: other))
    }
    return findings
  }

  /// A number on a trunk has nothing else in force.
  private static func trunk(
    _ present: VoiceSettings, _ ours: VoiceSettings
  ) -> [DriftFinding] {
    guard present.trunkSID != ours.trunkSID else { return [] }
    return [present.trunkSID.isEmpty ? .trunkDetached : .trunkReplaced]
  }

  private typealias Address = (url: String, method: VoiceSettings.Method)

  /// What stands in the place of our address; nil when it is ours. No address has no method.
  private static func replacement(
    of ours: Address, _ present: Address
  ) -> DriftFinding.Replacement? {
    guard present.url == ours.url else { return DriftFinding.Replacement(url: present.url) }
    return ours.url.isEmpty || present.method == ours.method ? nil : .otherMethod
  }

  private static func moved(
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
    .fallbackWebhook, .statusCallback, .trunk, .processingRegion,
  ]
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
