import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// What becomes of what was made for a number by trunk, and who finds it: the sweep's comparison
/// and diagnoses, of the carrier's provider and of the gateway's.
struct TrunkDriftTests {
  private static let url = "https://gateway.test"
  private let harness = Harness(time: ManualTime(.hold))
  private let diagnostics = FakeDiagnostics()

  init() throws {
    let country = try #require(CountryCode("US"))
    diagnostics.set(country, .success(DialingPermission(lowRisk: true)))
  }

  private func link() async throws -> (carrier: Provider, gateway: Provider) {
    harness.gateway.addKey("APIfirstkey123", secret: "s", url: Self.url)
    let input = ProviderInput(
      displayName: "Gateway", region: .value(.us1),
      liveKit: LiveKitInput(url: Self.url, apiKey: "APIfirstkey123", apiSecret: Secret("s")))
    let gateway = try await harness.providers.create(
      CreateProvider(provider: input), by: .of(Harness.tenant))
    return (try await harness.link(), gateway)
  }

  private func number(
    _ providers: (carrier: Provider, gateway: Provider)
  ) async throws -> PhoneNumber {
    try harness.buy(1)
    let made = try await harness.numbers.importNumber(
      ImportPhoneNumber(
        providerID: providers.carrier.id.description, e164: try Sample.e164(1).text,
        ingress: .value(.trunk), gatewayID: providers.gateway.id.description),
      by: .of(Harness.tenant))
    let trunk = try #require(made.resource(.trunk))
    diagnostics.set(
      try CarrierTrunkSID(trunk.externalID),
      .success(
        CarrierTrunk(
          isSecure: false, hasCredentialList: true, hasAddressList: false, originationCount: 1,
          enabledOriginationCount: 1, domainName: trunk.value)))
    return made
  }

  /// The reasons that a sync finds, and whether it marked the number.
  private func synced(_ number: PhoneNumber, _ provider: Provider) async throws -> [String] {
    let operation = try await harness.providers.sync(
      SyncProvider(id: provider.id.description), by: .of(Harness.tenant))
    let journal = try await harness.context.store(of: Harness.tenant).journal(operation.id)
    _ = try await harness.context.runner.join(try #require(journal))
    let stored = try await harness.context.number(number.id, tenant: Harness.tenant)
    let reasons = stored.conditions.filter { !$0.holds }.map(\.reason)
    #expect(stored.state == (reasons.isEmpty ? .active : .degraded))
    return reasons
  }

  private func diagnosed(_ provider: Provider) async throws -> [DiagnosisCode] {
    let diagnoses = Diagnoses(
      harness.context, carrier: diagnostics, publicURLs: diagnostics)
    return try await diagnoses.diagnose(
      DiagnoseProvider(providerID: provider.id.description), by: .of(Harness.tenant)
    ).findings.filter { $0.severity > .info && $0.code != .authTokenMissing }.map(\.code)
  }

  @Test func whatStandsAsItShouldIsNoFinding() async throws {
    let providers = try await link()
    let number = try await number(providers)
    #expect(try await synced(number, providers.carrier) == [])
    #expect(try await diagnosed(providers.carrier) == [])
    #expect(try await diagnosed(providers.gateway) == [])
  }

  @Test func whatIsGoneAtTheCarrierIsFoundByBoth() async throws {
    let providers = try await link()
    let number = try await number(providers)
    harness.trunks.redirect(to: "sip:theirs.example.test")
    #expect(try await synced(number, providers.carrier) == ["ORIGINATION_URL_CHANGED"])
    #expect(try await diagnosed(providers.carrier) == [.originationURLChanged])
    harness.trunks.remove(
      try CarrierTrunkSID(try #require(number.resource(.trunk)).externalID))
    // What hung on it is not told by itself.
    #expect(try await synced(number, providers.carrier) == ["TRUNK_MISSING"])
    #expect(try await diagnosed(providers.carrier) == [.numberTrunkMissing])
    #expect(try await diagnosed(providers.gateway) == [])
  }

  @Test func anotherTerminationDomainIsFound() async throws {
    let providers = try await link()
    let number = try await number(providers)
    let sid = try CarrierTrunkSID(try #require(number.resource(.trunk)).externalID)
    diagnostics.set(
      sid,
      .success(
        CarrierTrunk(
          isSecure: false, hasCredentialList: true, hasAddressList: false, originationCount: 1,
          enabledOriginationCount: 1, domainName: "theirs.pstn.twilio.com")))
    #expect(try await diagnosed(providers.carrier) == [.trunkDomainChanged])
    diagnostics.set(sid, .failure(CarrierError(.keyRestricted, effect: .refused, code: 20003)))
    #expect(try await diagnosed(providers.carrier) == [.keyLacksTrunks])
    diagnostics.set(sid, .failure(CarrierError(.unavailable, effect: .unknown)))
    #expect(try await diagnosed(providers.carrier) == [.trunkNotRead])
  }

  @Test func whatIsGoneAtTheGatewayIsFoundByBoth() async throws {
    let providers = try await link()
    let number = try await number(providers)
    let inbound = try #require(number.resource(.gatewayInboundTrunk)).externalID
    let rule = try #require(number.resource(.dispatchRule)).externalID
    harness.gateway.remove(rule, url: Self.url)
    #expect(try await synced(number, providers.carrier) == ["DISPATCH_RULE_MISSING"])
    #expect(try await diagnosed(providers.gateway) == [.dispatchRuleMissing])
    let access = GatewayAccess(
      url: Self.url, apiKey: "APIfirstkey123", apiSecret: Secret("s"))
    try await harness.gateway.replaceInboundTrunk(
      inbound,
      by: GatewayInboundTrunk(
        name: ExternalResource.name(for: number.id), numbers: ["+15005550099"]), access)
    #expect(
      try await synced(number, providers.carrier)
        == ["GATEWAY_INBOUND_TRUNK_CHANGED", "DISPATCH_RULE_MISSING"])
    #expect(
      try await diagnosed(providers.gateway) == [.gatewayTrunkChanged, .dispatchRuleMissing])
    #expect(try await diagnosed(providers.carrier) == [])
    // A repair makes both again.
    _ = try await harness.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: .of(Harness.tenant))
    await harness.context.background.idle()
    #expect(try await synced(number, providers.carrier) == [])
    #expect(try await diagnosed(providers.gateway) == [])
  }

  /// A gateway that does not tell changes nothing of what is known.
  @Test func aGatewayThatIsDownLeavesTheNumberAsItIs() async throws {
    let providers = try await link()
    let number = try await number(providers)
    harness.trunks.redirect(to: "sip:theirs.example.test")
    harness.gateway.setOutage(CarrierError(.unavailable, effect: .unknown))
    #expect(try await synced(number, providers.carrier) == [])
    harness.gateway.setOutage(nil)
    #expect(try await synced(number, providers.carrier) == ["ORIGINATION_URL_CHANGED"])
  }

  // MARK: A gateway's key

  @Test(arguments: [
    (CarrierError.Kind.keyUnknown, DiagnosisCode.gatewayKeyUnknown),
    (.credentialsRefused, .credentialsRefused), (.notPermitted, .gatewayNotPermitted),
    (.unavailable, .gatewayUnreachable), (.limited, .gatewayUnreachable),
    (.unreadableAnswer, .gatewayNotLiveKit), (.invalidRequest, .gatewayNotLiveKit),
    (.notFound, .gatewayNotLiveKit),
  ])
  func whatTheGatewaySaysToItsKey(_ kind: CarrierError.Kind, _ code: DiagnosisCode) async throws {
    let providers = try await link()
    _ = try await number(providers)
    harness.gateway.setOutage(CarrierError(kind, effect: .refused))
    #expect(try await diagnosed(providers.gateway) == [code])
  }

  @Test func aClockThatDiffersIsNamed() async throws {
    let providers = try await link()
    func refused(_ kind: CarrierError.Kind, _ seconds: Int) async throws -> [DiagnosisCode] {
      harness.gateway.setOutage(
        CarrierError(kind, effect: .refused, clockDifference: .seconds(seconds)))
      return try await diagnosed(providers.gateway)
    }
    #expect(try await refused(.credentialsRefused, 3600) == [.gatewayClockDiffers])
    #expect(try await refused(.credentialsRefused, -61) == [.gatewayClockDiffers])
    #expect(try await refused(.credentialsRefused, 60) == [.credentialsRefused])
    #expect(try await refused(.unavailable, 3600) == [.gatewayUnreachable])
  }
}
