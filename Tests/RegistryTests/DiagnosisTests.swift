import Telephony
import TestKit
import Testing

@testable import Registry

/// Facts in, findings out.
@Suite struct DiagnosisTests {
  private static let restricted = CarrierError(.keyRestricted, effect: .refused, code: 20003)
  private static let refused = CarrierError(.credentialsRefused, effect: .refused, code: 20003)
  private static let missing = CarrierError(.notFound, effect: .refused, code: 20404)
  private static let down = CarrierError(.unavailable, effect: .unknown)
  private static let us = CountryCode("US") ?? { preconditionFailure("US is a country") }()
  private static let trunk = CarrierTrunkSID(bits: 7)
  private static let expected = VoiceSettings(
    voiceURL: "https://hooks.example.com/v1/numbers/x/voice",
    statusCallbackURL: "https://hooks.example.com/v1/numbers/x/status")

  /// A provider without a fault, with one inbound number.
  private static func good() throws -> DiagnosisFacts {
    var facts = DiagnosisFacts(
      provider: Sample.provider(), authToken: .beside(.found(Sample.account(1))),
      publicURL: .configured("https://hooks.example.com", answer: .ours))
    facts.credentials = .accepted
    facts.calls = .found(true)
    var number = try Sample.number(1, provider: facts.provider)
    number.configured = expected
    var look = DiagnosisFacts.Number(number: number, expected: expected)
    look.record = .found(record(expected))
    look.processingRegion = .found(.us1)
    facts.numbers = [look]
    return facts
  }

  private static func record(_ voice: VoiceSettings, hasVoice: Bool = true) -> CarrierNumber {
    CarrierNumber(
      sid: Sample.sid(1), accountSID: Sample.account(1),
      e164: (try? Sample.e164(1)) ?? { preconditionFailure("a number") }(), friendlyName: "",
      hasVoice: hasVoice, voice: voice)
  }

  /// The codes that are no information, worst first.
  private func faults(
    _ change: (inout DiagnosisFacts) throws -> Void
  ) throws -> [DiagnosisCode] {
    var facts = try Self.good()
    try change(&facts)
    return Diagnosis.findings(facts).filter { $0.severity > .info }.map(\.code)
  }

  @Test func whatIsGoodIsSaidAndNothingElse() throws {
    #expect(
      Diagnosis.findings(try Self.good()).map(\.code)
        == [.credentialsAccepted, .publicURLAnswers, .numbersInOrder])
  }

  @Test func theWorstComesFirst() throws {
    var facts = try Self.good()
    facts.authToken = .none
    facts.countries = [Self.us: .found(DialingPermission(lowRisk: false))]
    let severities = Diagnosis.findings(facts).map(\.severity)
    #expect(severities == [.error, .warning, .info, .info, .info])
  }

  // MARK: Credentials

  @Test func credentialsAreToldApart() throws {
    let cases: [(DiagnosisFacts.Credentials, DiagnosisCode)] = [
      (.failed(Self.refused), .credentialsRefused),
      (.ofOtherRegion(.ie1), .credentialsOfOtherRegion),
      (.ofOtherAccount(Sample.account(2)), .credentialsOfOtherAccount),
      (.failed(CarrierError(.testCredentials, effect: .refused)), .credentialsForTests),
      (.failed(CarrierError(.accountInactive, effect: .refused)), .accountInactive),
      (.failed(Self.down), .carrierUnavailable),
      (.failed(CarrierError(.limited, effect: .refused)), .carrierUnavailable),
      (.failed(CarrierError(.unreadableAnswer, effect: .unknown)), .carrierUnavailable),
    ]
    for (credentials, code) in cases {
      // What hangs on them is not judged, whatever it looks like, and that is said.
      var facts = try Self.good()
      facts.credentials = credentials
      facts.numbers[0].record = .failed(Self.missing)
      let found = Diagnosis.findings(facts).map(\.code)
      #expect(found == [code, .carrierNotExamined, .publicURLAnswers], "\(credentials)")
    }
  }

  @Test func evidenceNamesTheRegionAndMasksTheRest() throws {
    var facts = try Self.good()
    facts.credentials = .ofOtherRegion(.au1)
    let region = try #require(Diagnosis.findings(facts).first).evidence
    #expect(region.contains("refused") && region.contains("us1") && region.contains("au1"))
    facts.credentials = .ofOtherAccount(Sample.account(2))
    let account = try #require(Diagnosis.findings(facts).first).evidence
    #expect(account.contains(Sample.account(2).masked))
    #expect(!account.contains(Sample.account(2).description))
    #expect(!account.contains(Sample.key(1).description))
  }

  @Test func theAuthTokenIsTriedByItself() throws {
    #expect(try faults { $0.authToken = .none } == [.authTokenMissing])
    #expect(try faults { $0.authToken = .isInUse } == [])
    #expect(try faults { $0.authToken = .beside(.failed(Self.refused)) } == [.authTokenRefused])
    // What is not known is said as that.
    #expect(try faults { $0.authToken = .beside(.failed(Self.down)) } == [.diagnosisUnfinished])
  }

  /// With a second token in use the way out is another.
  @Test func aRefusedTokenBesideAnotherIsToldWithItsRemedy() throws {
    var facts = try Self.good()
    facts.authToken = .beside(.failed(Self.refused))
    func finding() throws -> DiagnosisFinding {
      try #require(Diagnosis.findings(facts).first { $0.code == .authTokenRefused })
    }
    #expect(try finding().evidence.contains("no webhook's signature fits"))
    #expect(try finding().remedy.contains("UpdateProvider"))
    facts.otherToken = .staged
    #expect(try finding().evidence.contains("staged"))
    #expect(try finding().remedy.contains("PromoteCredential"))
    facts.otherToken = .previous(until: Sample.time(60))
    #expect(try finding().evidence.contains(Sample.time(60).rfc3339))
    #expect(try finding().remedy.contains("window"))
    for other in [DiagnosisFacts.OtherToken.staged, .previous(until: Sample.time(60))] {
      facts.otherToken = other
      #expect(try !finding().evidence.contains("no webhook's signature fits"))
      #expect(try !finding().remedy.contains("UpdateProvider"))
    }
  }

  @Test func aNumberThatIsBeingMovedIsNotJudged() throws {
    var facts = try Self.good()
    facts.numbers[0].number.pendingProviderID = Sample.providerID(2)
    facts.numbers[0].processingRegion = .found(.ie1)
    let found = Diagnosis.findings(facts)
    #expect(found.map(\.code) == [.credentialsAccepted, .publicURLAnswers, .numberUnsettled])
  }

  @Test func eachMissingRightIsNamedOnce() throws {
    let numbers = try faults { facts in
      facts.credentials = .failed(Self.restricted)
      facts.numbers += facts.numbers
      for index in facts.numbers.indices { facts.numbers[index].record = .failed(Self.restricted) }
    }
    #expect(numbers == [.keyLacksNumbers])
    #expect(try faults { $0.calls = .failed(Self.restricted) } == [.keyLacksCalls])
    #expect(
      try faults { $0.numbers[0].processingRegion = .failed(Self.restricted) } == [.keyLacksRoutes])
    #expect(
      try faults { $0.countries = [Self.us: .failed(Self.refused)] }
        == [.keyLacksDialingPermissions])
    #expect(
      try faults { $0.trunks = [Self.trunk: .failed(Self.restricted)] } == [.keyLacksTrunks])
  }

  // MARK: The public URL

  @Test func publicURLAnswersAreToldApart() throws {
    let cases: [(PublicURLAnswer, DiagnosisCode)] = [
      (.oursUnderOtherURL, .publicURLDiffers), (.otherKeyring, .publicURLOfOtherKeyring),
      (.otherServer(status: 404), .publicURLOfOtherServer),
      (.otherServer(status: nil), .publicURLOfOtherServer),
      (.unresolvable, .publicURLUnresolvable), (.unreachable, .publicURLUnreachable),
      (.timedOut, .publicURLTimedOut), (.tlsFailed, .publicURLTLSFailed),
      (.notAsked("x"), .publicURLUnreachable),
    ]
    for (answer, code) in cases {
      let found = try faults {
        $0.publicURL = .configured("https://hooks.example.com", answer: answer)
      }
      #expect(found == [code], "\(answer)")
    }
    #expect(try faults { $0.publicURL = .missing } == [.publicURLMissing])
  }

  @Test func publicURLIsLookedAtItself() throws {
    let inside = try faults { $0.publicURL = .configured("http://10.1.2.3:8080", answer: .ours) }
    #expect(inside == [.publicURLNotHTTPS, .publicURLNotPublic])
    let plain = try faults { $0.publicURL = .configured("http://hooks.example.com", answer: .ours) }
    #expect(plain == [.publicURLNotHTTPS])
  }

  @Test(arguments: [
    "localhost", "127.0.0.1", "10.0.0.1", "172.31.0.1", "192.168.1.1", "169.254.1.1", "100.64.0.1",
    "[::1]", "[fd00::1]", "[fe80::1]", "trunkline", "hooks.internal", "Hooks.LOCAL",
  ])
  func hostsThatNobodyReaches(_ host: String) throws {
    #expect(try #require(WebAddress("https://\(host):8443/x")).isPrivate)
  }

  @Test(arguments: [
    "hooks.example.com", "172.32.0.1", "8.8.8.8", "[2001:db8::1]", "local.example.com", "11.0.0.1",
  ])
  func hostsThatTheWorldReaches(_ host: String) throws {
    #expect(try !#require(WebAddress("https://\(host)/x")).isPrivate)
  }

  @Test func ofAnAddressOnlyTheHostIsTold() {
    #expect(
      WebAddress.host(of: "https://user:pa55@evil.example.com:8443/t/k?s=1") == "evil.example.com")
    #expect(WebAddress.host(of: "https://evil.example.com?token=1") == "evil.example.com")
    #expect(WebAddress.host(of: "") == "no address")
    for text in ["sip:a@b", "https://", "https://a b/", "https://\u{e9}.com", "http:///x"] {
      #expect(WebAddress.host(of: text) == "an address of another form", "\(text)")
    }
  }

  // MARK: Numbers

  private func voice(
    _ change: (inout VoiceSettings) -> Void
  ) throws -> [DiagnosisCode] {
    try faults { facts in
      var voice = Self.expected
      change(&voice)
      facts.numbers[0].record = .found(Self.record(voice))
    }
  }

  @Test func webhooksAreJudged() throws {
    #expect(try voice { $0.voiceURL = "" } == [.webhookMissing])
    #expect(try voice { $0.voiceURL = "https://evil.example.com/x" } == [.webhookTakenOver])
    #expect(try voice { $0.voiceMethod = .get } == [.webhookMethodChanged])
    #expect(
      try voice { $0.applicationSID = "AP" + String(repeating: "1", count: 32) }
        == [.webhookOverriddenByApplication])
    #expect(try voice { $0.trunkSID = Self.trunk.description } == [.webhookOverriddenByTrunk])
    #expect(try voice { $0.fallbackURL = "https://evil.example.com" } == [.fallbackReplaced])
    #expect(try voice { $0.statusCallbackURL = "" } == [.statusCallbackReplaced])
    #expect(try voice { $0.statusCallbackMethod = .get } == [.statusCallbackReplaced])
    #expect(
      try voice {
        $0.trunkSID = Self.trunk.description
        $0.applicationSID = "AP1"
      } == [.webhookOverriddenByTrunk, .webhookOverriddenByApplication])
  }

  /// What the sweep finds in a record a diagnosis finds, too: they compare by one rule.
  @Test func aNumberOfAnotherAccountIsGone() throws {
    let found = try faults { facts in
      var record = Self.record(Self.expected)
      record.accountSID = Sample.account(2)
      facts.numbers[0].record = .found(record)
    }
    #expect(found == [.numberVanished])
  }

  /// Somebody wrote by hand what we would write now.
  @Test func whatWouldBeWrittenNowIsOurs() throws {
    let found = try faults { facts in
      facts.numbers[0].number.configured?.voiceURL = "https://old.example.com/v1/numbers/x/voice"
    }
    #expect(found == [])
  }

  @Test func whatWasWrittenUnderAnEarlierPublicURLIsOurs() throws {
    let found = try faults { facts in
      var old = Self.expected
      old.voiceURL = "https://old.example.com/v1/numbers/x/voice"
      facts.numbers[0].number.configured = old
      facts.numbers[0].record = .found(Self.record(old))
    }
    #expect(found == [.webhookOutdated])
    // Without a public URL there is nothing that it could be instead.
    let without = try faults { facts in
      facts.publicURL = .missing
      facts.numbers[0].expected = VoiceSettings()
    }
    #expect(without == [.publicURLMissing])
  }

  @Test func numbersAreJudged() throws {
    #expect(
      try faults { $0.numbers[0].record = .failed(Self.missing) } == [.numberVanished])
    #expect(try faults { $0.numbers[0].record = .failed(Self.down) } == [.numberNotRead])
    #expect(
      try faults { $0.numbers[0].record = .found(Self.record(Self.expected, hasVoice: false)) }
        == [.numberWithoutVoice])
    #expect(
      try faults { $0.numbers[0].processingRegion = .found(.ie1) } == [.processingRegionMoved])
    #expect(
      try faults { $0.numbers[0].processingRegion = .failed(Self.down) }
        == [.processingRegionNotRead])
    #expect(try faults { $0.numbers[0].number.state = .corrupted } == [.numberCorrupted])
    #expect(try faults { $0.numbers[0].number.state = .provisioning } == [])
    #expect(try faults { $0.numbers[0].number.state = .degraded } == [])
  }

  @Test func anUnsetProcessingRegionIsUS1() throws {
    #expect(try faults { $0.numbers[0].processingRegion = .found(nil) } == [])
    let elsewhere = try faults { facts in
      facts.numbers[0].number.region = .ie1
      facts.numbers[0].processingRegion = .found(nil)
    }
    #expect(elsewhere == [.processingRegionMoved])
  }

  @Test func ofAnOutboundNumberTheWebhookIsNobodysConcern() throws {
    let found = try faults { facts in
      facts.numbers[0].number.supportsInbound = false
      facts.numbers[0].record = .found(
        Self.record(VoiceSettings(voiceURL: "https://theirs.example.com")))
      facts.numbers[0].processingRegion = .found(.au1)
    }
    #expect(found == [])
  }

  // MARK: Countries and trunks

  @Test func countriesAreJudged() throws {
    func country(_ look: Looked<DialingPermission>) throws -> [DiagnosisCode] {
      try faults { $0.countries = [Self.us: look] }
    }
    #expect(try country(.found(DialingPermission(lowRisk: true))) == [])
    #expect(try country(.found(DialingPermission(lowRisk: false))) == [.countryBlocked])
    #expect(
      try country(.found(DialingPermission(lowRisk: true, highRiskTollFraud: true)))
        == [.countryHighRiskOpen])
    #expect(
      try country(.found(DialingPermission(lowRisk: false, highRiskSpecial: true)))
        == [.countryBlocked, .countryHighRiskOpen])
    #expect(try country(.failed(Self.missing)) == [.countryUnknown])
    #expect(try country(.failed(Self.down)) == [.countryNotRead])
    #expect(try country(.notTried) == [.diagnosisUnfinished])
  }

  @Test func trunksAreJudged() throws {
    func trunk(_ look: Looked<CarrierTrunk>) throws -> [DiagnosisCode] {
      var facts = try Self.good()
      facts.trunks = [Self.trunk: look]
      return Diagnosis.findings(facts).map(\.code).filter { code in
        code.rawValue.hasPrefix("TRUNK_") || code == .diagnosisUnfinished
      }
    }
    var good = CarrierTrunk(
      isSecure: true, hasCredentialList: false, hasAddressList: true, originationCount: 3,
      enabledOriginationCount: 2)
    #expect(try trunk(.found(good)) == [.trunkInOrder])
    good.enabledOriginationCount = 1
    #expect(try trunk(.found(good)) == [.trunkWithoutFallback])
    good.enabledOriginationCount = 0
    #expect(try trunk(.found(good)) == [.trunkWithoutOrigination])
    good.enabledOriginationCount = 2
    good.hasAddressList = false
    #expect(try trunk(.found(good)) == [.trunkWithoutAccessList])
    good.hasCredentialList = true
    good.isSecure = false
    #expect(try trunk(.found(good)) == [.trunkNotSecure])
    #expect(try trunk(.failed(Self.missing)) == [.trunkMissing])
    #expect(try trunk(.failed(Self.down)) == [.trunkNotRead])
    #expect(try trunk(.notTried) == [.diagnosisUnfinished])
  }

  // MARK: Time, and the texts

  @Test func whatTheTimeDidNotAllowIsCounted() throws {
    var facts = try Self.good()
    facts.numbers += facts.numbers
    facts.numbers[0].record = .notTried
    facts.publicURL = .configured("https://hooks.example.com", answer: nil)
    facts.calls = .notTried
    let found = try #require(Diagnosis.findings(facts).first)
    #expect(found.code == .diagnosisUnfinished)
    #expect(found.evidence == "Not looked at: the public URL, the right to calls, one number.")
    facts.credentials = .notTried
    #expect(Diagnosis.findings(facts).map(\.code) == [.diagnosisUnfinished])
  }

  @Test(arguments: DiagnosisCode.allCases)
  func whatIsNoInformationHasARemedy(_ code: DiagnosisCode) {
    #expect(code.severity == .info || code.remedy.hasSuffix("."))
    #expect(code.rawValue.allSatisfy { $0.isUppercase || $0 == "_" })
  }
}
