import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// What is asked for a diagnosis, of whom and for how long.
@Suite struct DiagnosesTests {
  private let harness = Harness(time: ManualTime(.hold))
  private let diagnostics = FakeDiagnostics()
  private let diagnoses: Diagnoses

  init() {
    diagnoses = Diagnoses(harness.context, carrier: diagnostics, publicURLs: diagnostics)
    diagnostics.set(Self.us, .success(DialingPermission(lowRisk: true)))
  }

  private static let us = CountryCode("US") ?? { preconditionFailure("US is a country") }()

  private func diagnose(
    _ provider: Provider, countries: [String] = [], limit: Int = 0, timeLeft: Duration? = nil
  ) async throws -> DiagnosisReport {
    try await diagnoses.diagnose(
      DiagnoseProvider(
        providerID: provider.id.description, countries: countries, numberLimit: limit,
        timeLeft: timeLeft), by: .of(Harness.tenant))
  }

  private func codes(_ provider: Provider) async throws -> [DiagnosisCode] {
    try await diagnose(provider).findings.map(\.code)
  }

  @Test func aProviderInOrder() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    _ = try await harness.importNumber(1, provider)
    let written = harness.carrier.writes.count
    let report = try await diagnose(provider)
    #expect(
      report.findings.map(\.code) == [
        .authTokenMissing, .credentialsAccepted, .publicURLAnswers, .numbersInOrder,
        .countryAllowed,
      ])
    #expect(report.examinedNumberCount == 1 && report.leftOutNumberCount == 0)
    #expect(harness.carrier.writes.count == written)
    #expect(Set(diagnostics.asked) == ["public URL of us1", "calls", "country US"])
  }

  @Test func refusedCredentialsAreAFinding() async throws {
    let provider = try await harness.link()
    harness.carrier.removeKey(Sample.key(1), account: Harness.account, region: .us1)
    let found = try await diagnose(provider, countries: ["GB"])
    #expect(
      found.findings.map(\.code)
        == [.credentialsRefused, .authTokenMissing, .carrierNotExamined, .publicURLAnswers])
    #expect(diagnostics.asked == ["public URL of us1"])
    #expect(try #require(found.findings.first).evidence.contains("20003"))
    harness.carrier.addKey(
      Sample.key(1), secret: "us-secret", account: Harness.account, region: .au1)
    #expect(try await codes(provider).first == .credentialsOfOtherRegion)
    harness.carrier.removeKey(Sample.key(1), account: Harness.account, region: .au1)
    harness.carrier.addKey(
      Sample.key(1), secret: "us-secret", account: Sample.account(9), region: .us1)
    #expect(try await codes(provider).first == .credentialsOfOtherAccount)
  }

  @Test func whatWasChangedBehindOurBackIsFound() async throws {
    let provider = try await harness.link()
    for number in 1...3 {
      try harness.buy(number)
      _ = try await harness.importNumber(number, provider)
    }
    harness.carrier.removeNumber(Sample.sid(1))
    let trunk = CarrierTrunkSID(bits: 7)
    harness.carrier.overwrite(
      Sample.sid(2), region: .us1,
      with: VoiceSettings(voiceURL: "https://evil.test/x", trunkSID: trunk.description))
    harness.carrier.overwriteProcessingRegion(.ie1, of: try Sample.e164(3))
    let found = try await diagnose(provider).findings
    let errors = Set(found.filter { $0.severity == .error }.map(\.code))
    #expect(
      errors == [
        .numberVanished, .webhookTakenOver, .webhookOverriddenByTrunk, .processingRegionMoved,
        .trunkMissing,
      ])
    #expect(found.contains { $0.subject == .trunk(trunk) })
    #expect(diagnostics.asked.contains("trunk \(trunk)"))
  }

  @Test func noMoreNumbersAreLookedAtThanAsked() async throws {
    let provider = try await harness.link()
    for number in 1...4 {
      try harness.buy(number)
      _ = try await harness.importNumber(number, provider)
    }
    let before = harness.carrier.requestCount
    let report = try await diagnose(provider, limit: 3)
    #expect(report.examinedNumberCount == 3 && report.leftOutNumberCount == 1)
    // The probe, and of each number its record and its route.
    #expect(harness.carrier.requestCount - before == 1 + 3 * 2)
  }

  @Test func whenTheTimeIsOverItTellsWhatItSaw() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    _ = try await harness.importNumber(1, provider)
    diagnostics.hang()
    async let running = diagnose(provider, timeLeft: .seconds(3))
    while harness.time.sleeperCount == 0 || !diagnostics.asked.contains("country US") {
      await Task.yield()
    }
    harness.time.advance(by: .milliseconds(2400))
    harness.time.advance(by: .milliseconds(100))
    let report = try await running
    let unfinished = try #require(report.findings.first { $0.code == .diagnosisUnfinished })
    #expect(unfinished.evidence.contains("the public URL"))
    #expect(unfinished.evidence.contains("one country"))
    #expect(report.findings.contains { $0.code == .credentialsAccepted })
  }

  @Test func aRefusedTokenBesideAStagedOneSaysSo() async throws {
    harness.carrier.setToken("primary", account: Harness.account, region: .us1)
    var input = Harness.input()
    input.twilio?.authToken = Secret("primary")
    let made = try await harness.providers.create(
      CreateProvider(provider: input), by: .of(Harness.tenant))
    harness.carrier.setToken("secondary", account: Harness.account, region: .us1)
    func remedy() async throws -> String? {
      try await diagnose(made).findings.first { $0.code == .authTokenRefused }?.remedy
    }
    #expect(try await remedy()?.contains("UpdateProvider") == true)
    let id = made.id.description
    let caller = Caller.of(Harness.tenant)
    _ = try await harness.providers.stage(
      StageCredential(providerID: id, twilio: TwilioInput(authToken: Secret("secondary"))),
      by: caller)
    #expect(try await remedy()?.contains("PromoteCredential") == true)
    _ = try await harness.providers.promote(SwitchCredential(providerID: id), by: caller)
    #expect(try await remedy() == nil)
    harness.carrier.setToken("tertiary", account: Harness.account, region: .us1)
    #expect(try await remedy()?.contains("RollbackCredential") == true)
    harness.time.advance(by: RegistryLimits.credentialWindowDefault)
    #expect(try await remedy()?.contains("UpdateProvider") == true)
  }

  @Test func oneOfATenantGoesOnAtATime() async throws {
    let provider = try await harness.link()
    diagnostics.hang()
    async let running = diagnose(provider)
    while diagnostics.asked.isEmpty { await Task.yield() }
    #expect(await failure { try await diagnose(provider) } == .tooManyDiagnoses)
    while harness.time.sleeperCount == 0 { await Task.yield() }
    harness.time.advance(by: RegistryLimits.diagnosisTimeMax)
    #expect(try await running.findings.contains { $0.code == .diagnosisUnfinished })
    // The next one has its turn.
    async let next = diagnose(provider)
    while harness.time.sleeperCount == 0 { await Task.yield() }
    harness.time.advance(by: RegistryLimits.diagnosisTimeMax)
    _ = try await next
  }

  @Test func onlySoManyGoOnWhoeverAsks() async throws {
    var providers: [Provider] = []
    for tenant in 0...RegistryLimits.diagnosesMax {
      providers.append(
        try await harness.providers.create(
          CreateProvider(provider: Harness.input()), by: .of(TenantID(bits: UInt128(50 + tenant)))))
    }
    diagnostics.hang()
    let (diagnoses, waiting) = (diagnoses, providers.dropLast())
    let last = try #require(providers.last)
    await withTaskGroup(of: Bool.self) { group in
      for provider in waiting {
        group.addTask {
          let request = DiagnoseProvider(providerID: provider.id.description)
          return (try? await diagnoses.diagnose(request, by: .of(provider.tenant))) != nil
        }
      }
      // One asks the carrier and the public URL, each of them in vain.
      while diagnostics.asked.count < 2 * waiting.count { await Task.yield() }
      let refused = await failure {
        try await diagnoses.diagnose(
          DiagnoseProvider(providerID: last.id.description), by: .of(last.tenant))
      }
      #expect(refused == .tooManyDiagnoses)
      while harness.time.sleeperCount < waiting.count { await Task.yield() }
      harness.time.advance(by: RegistryLimits.diagnosisTimeMax)
      for await done in group { #expect(done) }
    }
  }

  @Test func badRequestsAreRefused() async throws {
    let provider = try await harness.link()
    func refused(_ countries: [String], _ limit: Int) async -> [String: FieldViolation.Reason] {
      fields(await failure { try await diagnose(provider, countries: countries, limit: limit) })
    }
    #expect(await refused(["us"], 0) == ["countries": .malformed])
    #expect(await refused(["USA"], -1) == ["countries": .malformed, "number_limit": .outOfRange])
    #expect(await refused(Array(repeating: "US", count: 33), 0) == ["countries": .tooMany])
    #expect(diagnostics.asked.isEmpty)
    let unknown = await failure {
      try await diagnoses.diagnose(
        DiagnoseProvider(providerID: Sample.providerID(9).description), by: .of(Harness.tenant))
    }
    #expect(unknown == .notFound(.provider(Sample.providerID(9))))
  }
}
