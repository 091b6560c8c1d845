package import Telephony

/// What stands, or is written, in one place at the carrier.
package enum CarrierSetting: Sendable, Hashable, Codable {
  /// The voice settings of a number's record, in one region.
  case voice(VoiceSettings)
  /// The region that handles a number's inbound calls; nil when unset, which means us1.
  case region(Region?)
  /// Something of ours that a step makes; nil: nothing.
  case resource(ExternalResource?)
  /// Something that bears our name and says something else than it should.
  case altered(ExternalResource)

  /// This is what stands there, and calls go where `ours` says.
  func holds(_ ours: CarrierSetting) -> Bool {
    switch (self, ours) {
    case (.voice(let present), .voice(let ours)) where !ours.trunkSID.isEmpty:
      present.trunkSID == ours.trunkSID
    case (.voice(let present), .voice(let ours)):
      !ours.voiceURL.isEmpty && present.voiceURL == ours.voiceURL && present.asksWebhook
    case (.region(let present), .region(let ours)):
      Self.effective(present) == Self.effective(ours)
    case (.resource(let present?), .resource(let ours?)): present.name == ours.name
    case (.resource, .resource), (.altered, .resource): false
    default: preconditionFailure("Two places are compared.")
    }
  }

  /// What is to be written so that what is still `ours` is `former` again; nil when nothing is.
  ///
  /// This is what stands there now. What its owner changed since stays, field by field.
  func puttingBack(_ ours: CarrierSetting, to former: CarrierSetting) -> CarrierSetting? {
    switch (self, ours, former) {
    case (.resource(let present?), .resource(let ours?), .resource(nil)),
      (.altered(let present), .resource(let ours?), .resource(nil)):
      return present.name == ours.name ? .resource(nil) : nil
    case (.resource(nil), .resource, .resource): return nil
    case (.voice(let present), .voice(let ours), .voice(let former)) where !ours.trunkSID.isEmpty:
      guard present.trunkSID == ours.trunkSID else { return nil }
      return .voice(present.detached(to: former))
    case (.voice(let present), .voice(let ours), .voice(let former)):
      guard !ours.voiceURL.isEmpty else { return nil }
      let restored = present.puttingBack(ours, to: former)
      return restored == present ? nil : .voice(restored)
    case (.region(let present), .region(let ours), .region(let former)):
      // It can't be unset again: us1 means the same.
      let back = Self.effective(former)
      let isOurs = Self.effective(present) == Self.effective(ours)
      return isOurs && back != Self.effective(ours) ? .region(back) : nil
    default: preconditionFailure("Two places are compared.")
    }
  }

  /// Writing `self` where `former` stands changes nothing. A record is always written: more may
  /// stand in it than is read.
  func isNothingNew(after former: CarrierSetting) -> Bool {
    guard case .region = self else { return false }
    return former.holds(self)
  }

  private static func effective(_ region: Region?) -> Region { region ?? .us1 }
}

extension VoiceSettings {
  /// These settings, of a number on our trunk, with the trunk put back to the former one.
  ///
  /// What answers in its place goes back with it. An address that stands there was not asked, and
  /// stays; one that the trunk took away goes back.
  fileprivate func detached(to former: VoiceSettings) -> VoiceSettings {
    var result = self
    result.trunkSID = former.trunkSID
    result.applicationSID = former.applicationSID
    if voiceURL.isEmpty {
      result.voiceURL = former.voiceURL
      result.voiceMethod = former.voiceMethod
    }
    if fallbackURL.isEmpty {
      result.fallbackURL = former.fallbackURL
      result.fallbackMethod = former.fallbackMethod
    }
    if statusCallbackURL.isEmpty {
      result.statusCallbackURL = former.statusCallbackURL
      result.statusCallbackMethod = former.statusCallbackMethod
    }
    return result
  }

  /// These settings with each of our fields put back to the former one.
  ///
  /// A URL takes its method along. Application and trunk answer in place of the voice URL: they
  /// go back only where nobody chose since who answers.
  fileprivate func puttingBack(_ ours: VoiceSettings, to former: VoiceSettings) -> VoiceSettings {
    var result = self
    if voiceURL == ours.voiceURL {
      result.voiceURL = former.voiceURL
      result.voiceMethod = former.voiceMethod
      if applicationSID == ours.applicationSID, trunkSID == ours.trunkSID {
        result.applicationSID = former.applicationSID
        result.trunkSID = former.trunkSID
      }
    }
    if fallbackURL == ours.fallbackURL {
      result.fallbackURL = former.fallbackURL
      result.fallbackMethod = former.fallbackMethod
    }
    if statusCallbackURL == ours.statusCallbackURL {
      result.statusCallbackURL = former.statusCallbackURL
      result.statusCallbackMethod = former.statusCallbackMethod
    }
    return result
  }
}
