import Telephony
import TestKit
import Testing

@testable import Registry

/// The rules, as a table: what stands at the carrier, and what is found.
struct DriftTests {
  private static let ours = VoiceSettings(
    voiceURL: "https://us1.test/v1/numbers/pn/token", fallbackURL: "https://ie1.test/fallback",
    statusCallbackURL: "https://us1.test/status")

  private static func number(isInbound: Bool = true) throws -> PhoneNumber {
    var number = try Sample.number(1, provider: Sample.provider(1))
    number.supportsInbound = isInbound
    number.configured = isInbound ? ours : nil
    number.conditions = isInbound ? [.configured(at: Sample.time(1))] : []
    return number
  }

  private static func record(
    _ voice: VoiceSettings = ours, account: AccountSID = Sample.account(1), hasVoice: Bool = true,
    name: String = ""
  ) throws -> CarrierNumber {
    CarrierNumber(
      sid: Sample.sid(1), accountSID: account, e164: try Sample.e164(1), friendlyName: name,
      hasVoice: hasVoice, voice: voice)
  }

  private static func changed(_ change: (inout VoiceSettings) -> Void) -> VoiceSettings {
    var voice = ours
    change(&voice)
    return voice
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var voice = DriftTests.ours
    var region = Drift.ProcessingRegion.region(.us1)
    let reasons: [String]

    init(
      _ text: String, _ voice: VoiceSettings = DriftTests.ours,
      _ region: Drift.ProcessingRegion = .region(.us1), _ reasons: String...
    ) {
      testDescription = text
      self.voice = voice
      self.region = region
      self.reasons = reasons
    }
  }

  static let cases = [
    Case("as it should be"),
    Case("an unset region is us1", ours, .region(nil)),
    Case("a region that was not asked", ours, .notAsked),
    Case(
      "another webhook", changed { $0.voiceURL = "https://other.test/x" }, .region(.us1),
      "WEBHOOK_REPLACED"),
    Case("no webhook", changed { $0.voiceURL = "" }, .region(.us1), "WEBHOOK_REMOVED"),
    Case("another method", changed { $0.voiceMethod = .get }, .region(.us1), "WEBHOOK_REPLACED"),
    Case(
      "an application", changed { $0.applicationSID = "AP1" }, .region(.us1),
      "OVERRIDDEN_BY_APPLICATION"),
    Case("a trunk", changed { $0.trunkSID = "TK1" }, .region(.us1), "OVERRIDDEN_BY_TRUNK"),
    Case(
      "a trunk stands before an application",
      changed {
        $0.applicationSID = "AP1"
        $0.trunkSID = "TK1"
      }, .region(.us1), "OVERRIDDEN_BY_TRUNK"),
    Case(
      "another fallback", changed { $0.fallbackURL = "https://other.test" }, .region(.us1),
      "FALLBACK_WEBHOOK_REPLACED"),
    Case(
      "another status callback", changed { $0.statusCallbackMethod = .get }, .region(.us1),
      "STATUS_CALLBACK_REPLACED"),
    Case("another region", ours, .region(.ie1), "PROCESSING_REGION_MOVED"),
    Case("a region that nobody knows", ours, .unknown, "PROCESSING_REGION_MOVED"),
    Case(
      "all at once",
      VoiceSettings(voiceURL: "https://other.test", applicationSID: "AP1"), .region(.au1),
      "OVERRIDDEN_BY_APPLICATION", "WEBHOOK_REPLACED", "FALLBACK_WEBHOOK_REPLACED",
      "STATUS_CALLBACK_REPLACED", "PROCESSING_REGION_MOVED"),
  ]

  @Test(arguments: cases) func findsWhatChanged(_ tried: Case) throws {
    let findings = Drift.findings(
      of: try Self.number(), .found(try Self.record(tried.voice)), tried.region)
    #expect(findings.map(\.reason) == tried.reasons)
    #expect(Set(findings.map(\.kind)).count == findings.count, "one condition of each type")
  }

  /// A number by trunk: what stands beside the trunk is nobody's concern.
  @Test(arguments: [
    (VoiceSettings(voiceURL: "https://theirs.test", trunkSID: "TKours"), nil),
    (VoiceSettings(trunkSID: "TKtheirs"), DriftFinding.trunkReplaced),
    (VoiceSettings(voiceURL: "https://theirs.test", applicationSID: "AP1"), .trunkDetached),
    (VoiceSettings(), .trunkDetached),
  ])
  func aNumberOffItsTrunkIsFound(_ present: VoiceSettings, _ finding: DriftFinding?) throws {
    var number = try Self.number()
    number.ingress = .trunk
    number.configured = VoiceSettings(trunkSID: "TKours")
    let findings = Drift.findings(
      of: number, .found(try Self.record(present)), .region(.ie1))
    #expect(findings == (finding.map { [$0] } ?? []) + [.processingRegionMoved(to: .ie1)])
  }

  static let sights: [([StepKind: ResourceSight], [String])] = [
    ([:], []),
    ([.trunk: .standing, .dispatchRule: .standing], []),
    (
      [.trunk: .absent, .originationURL: .absent, .trunkCredentialList: .absent],
      ["TRUNK_MISSING"]
    ),
    (
      [.credentialList: .absent, .credential: .absent, .trunkCredentialList: .absent],
      ["CREDENTIAL_LIST_MISSING"]
    ),
    ([.credential: .absent, .trunkCredentialList: .absent], ["CREDENTIAL_MISSING"]),
    ([.trunkCredentialList: .absent], ["CREDENTIAL_LIST_DETACHED"]),
    ([.originationURL: .altered], ["ORIGINATION_URL_CHANGED"]),
    (
      [.gatewayInboundTrunk: .absent, .gatewayOutboundTrunk: .altered, .dispatchRule: .altered],
      [
        "GATEWAY_INBOUND_TRUNK_MISSING", "GATEWAY_OUTBOUND_TRUNK_CHANGED",
        "DISPATCH_RULE_CHANGED",
      ]
    ),
  ]

  /// What was made for a number: one condition of each type, and nothing of what hangs on something
  /// that is gone.
  @Test(arguments: sights)
  func whatWasMadeIsCompared(
    _ sights: [StepKind: ResourceSight], _ reasons: [String]
  ) throws {
    let findings = Drift.findings(
      of: try Self.number(), .found(try Self.record()), .region(.us1), sights)
    #expect(findings.map(\.reason) == reasons)
    #expect(findings.allSatisfy { !$0.message.isEmpty && Drift.kinds.contains($0.kind) })
  }

  @Test func aNumberThatIsGoneSaysNothingElse() throws {
    let number = try Self.number()
    #expect(Drift.findings(of: number, .absent, .notAsked) == [.vanished])
    let moved = try Self.record(
      VoiceSettings(), account: Sample.account(2), hasVoice: false)
    #expect(
      Drift.findings(of: number, .found(moved), .region(.ie1))
        == [.movedAccount(to: Sample.account(2))])
  }

  @Test func ofAnOutboundNumberOnlyItselfCounts() throws {
    let number = try Self.number(isInbound: false)
    let record = try Self.record(VoiceSettings(trunkSID: "TK1"), hasVoice: false)
    #expect(Drift.findings(of: number, .found(record), .notAsked) == [.voiceLost])
    #expect(Drift.findings(of: number, .absent, .notAsked) == [.vanished])
  }

  @Test(arguments: [
    ("https://other.test/v1/x?token=secret", DriftFinding.Replacement.host("other.test")),
    ("HTTPS://User:secret@Other.Test:8443", .host("other.test")),
    ("https://[2001:db8::1]:443/x", .host("[2001:db8::1]")),
    ("https://other.test@evil.test\\@x", .host("evil.test")),
    ("https://", .unreadable), ("mailto:x@y.test", .unreadable),
    ("https://spa ce.test", .unreadable), ("https://+15005550001", .unreadable),
    ("https://" + String(repeating: "a", count: 254), .unreadable), ("", .nobody),
  ])
  func ofAnAddressOnlyTheHostIsTold(_ url: String, _ told: DriftFinding.Replacement) {
    #expect(DriftFinding.Replacement(url: url) == told)
    #expect(!DriftFinding.webhookReplaced(by: told).message.contains("secret"))
  }

  @Test func aMessageNamesTheHost() throws {
    let voice = Self.changed { $0.voiceURL = "https://dialler.test/hook/abc" }
    let findings = Drift.findings(
      of: try Self.number(), .found(try Self.record(voice)), .region(.us1))
    let message = try #require(findings.first?.message)
    #expect(message.hasPrefix("An address at dialler.test is asked when a call comes in."))
    #expect(!message.contains("abc"))
  }

  @Test(arguments: [
    ("Support line", "Support line"), ("", nil), ("Number 1", nil), ("+15005550001", nil),
    ("(500) 555-0001", nil), ("500-555-0001", nil), ("555", "555"),
  ])
  func anotherLabelIsTold(_ name: String, _ told: String?) throws {
    let record = try Self.record(name: name)
    #expect(Drift.otherLabel(of: try Self.number(), record) == told)
  }

  // MARK: What becomes of the number

  @Test func aNumberIsDegradedAndActiveAgain() throws {
    let number = try Self.number()
    #expect(number.judged([], at: Sample.time(9)) == number)
    let degraded = number.judged(
      [.webhookReplaced(by: .nobody), .processingRegionMoved(to: .ie1)], at: Sample.time(10))
    #expect(degraded.state == .degraded)
    #expect(degraded.conditions.map(\.kind) == [.webhook, .processingRegion])
    #expect(degraded.conditions.allSatisfy { !$0.holds && $0.observedTime == Sample.time(10) })
    #expect(degraded.revision == number.revision)
    let later = degraded.judged(
      [.webhookReplaced(by: .nobody), .voiceLost], at: Sample.time(11))
    #expect(later.conditions.map(\.observedTime) == [Sample.time(10), Sample.time(11)])
    #expect(
      later.judged([.webhookReplaced(by: .nobody), .voiceLost], at: Sample.time(12)) == later)
    let healed = later.judged([], at: Sample.time(13))
    #expect(healed.state == .active)
    #expect(healed.conditions == [.configured(at: Sample.time(13))])
  }

  @Test func whatElseHindersANumberStays() throws {
    var number = try Self.number()
    let other = Condition(
      kind: .credentials, holds: false, reason: "X", message: "", observedTime: Sample.time(2))
    number.conditions.append(other)
    number.state = .degraded
    let degraded = number.judged([.vanished], at: Sample.time(3))
    #expect(degraded.conditions.map(\.kind) == [.credentials, .carrierNumber])
    let healed = degraded.judged([], at: Sample.time(4))
    #expect(healed.state == .degraded)
    #expect(healed.conditions == [other, .configured(at: Sample.time(4))])
  }

  /// What a move left in another region is told until it is put back.
  @Test func leftoversKeepANumberDegraded() throws {
    var number = try Sample.number(1, provider: Sample.provider(1))
    number.configured = Sample.voice
    number.state = .degraded
    number.leftovers = [Leftover(kind: .webhook, region: .ie1, carrierCode: 20006)]
    let left = Condition(
      kind: .carrierSettings, holds: false, reason: "CARRIER_NOT_PERMITTED", message: "Left.",
      observedTime: Sample.start)
    number.conditions = [left]
    #expect(number.judged([], at: Sample.time(9)) == number)
    let drifted = number.judged([.voiceLost], at: Sample.time(9))
    #expect(drifted.state == .degraded && drifted.conditions.contains(left))
    #expect(drifted.judged([], at: Sample.time(10)) == number)
  }
}
