import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// Numbers by trunk, as their use cases make them and take them away.
struct TrunkNumbersTests {
  static let url = "https://livekit.test"

  /// An account in ie1 with one number whose calls went to au1, its provider, and a gateway.
  static func scene() async throws -> (Harness, Provider, Provider) {
    let harness = Harness()
    let provider = try await harness.link(.ie1)
    harness.gateway.addKey("APIkey", secret: "secret", url: url)
    let gateway = try await harness.providers.create(
      CreateProvider(
        provider: ProviderInput(
          region: .value(.ie1),
          liveKit: LiveKitInput(url: url, apiKey: "APIkey", apiSecret: Secret("secret")))),
      by: .of(Harness.tenant))
    try harness.buy(1, processingRegion: .au1)
    return (harness, provider, gateway)
  }

  static func isEmpty(_ harness: Harness) -> Bool {
    harness.trunks.inventory.isEmpty && harness.gateway.inboundTrunks(url).isEmpty
      && harness.gateway.outboundTrunks(url).isEmpty && harness.gateway.dispatchRules(url).isEmpty
  }

  /// What is outside, without ids.
  static func isWhole(_ harness: Harness) -> Bool {
    harness.trunks.inventory.count == 5 && harness.gateway.inboundTrunks(url).count == 1
      && harness.gateway.outboundTrunks(url).count == 1
      && harness.gateway.dispatchRules(url).count == 1
  }

  // MARK: Made and taken away

  @Test func isMadeAndTakenAway() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let number = try await harness.importByTrunk(1, provider, gateway)
    #expect(number.state == .active && number.ingress == .trunk)
    #expect(number.gatewayProviderID == gateway.id)
    #expect(number.resources.map(\.kind) == Array(StepKind.allCases.prefix(8)))
    #expect(Self.isWhole(harness))
    let record = try #require(harness.carrier.voice(Sample.sid(1), region: .ie1))
    #expect(record.trunkSID == number.resources[0].externalID)
    #expect(record.trunkSID == number.configured?.trunkSID)
    // Nobody asks it, and it is there when the trunk goes.
    #expect(record.voiceURL == "https://former.test/ie1")
    #expect(harness.carrier.processingRegion(of: try Sample.e164(1)) == .ie1)
    #expect(harness.trunks.inventory.contains { $0.hasSuffix("sip:livekit.test;transport=tcp") })
    // No dispatch answers a webhook for it; calls out are placed as from any.
    #expect(!NumberRoute(number).supportsInbound && NumberRoute(number).supportsOutbound)
    let outbound = try #require(harness.gateway.outboundTrunks(Self.url).first)
    #expect(outbound.password == harness.trunks.password(of: outbound.username))

    let gone = try await harness.numbers.delete(number.id.description, by: .of(Harness.tenant))
    #expect(gone.state == .deleting)
    #expect(Self.isEmpty(harness))
    #expect(
      harness.carrier.voice(Sample.sid(1), region: .ie1)
        == VoiceSettings(voiceURL: "https://former.test/ie1"))
    #expect(harness.carrier.processingRegion(of: try Sample.e164(1)) == .au1)
  }

  /// What only calls out touches neither record nor region nor origination.
  @Test func aNumberThatOnlyCallsOut() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let before = harness.carrier.writes
    let number = try await harness.importByTrunk(1, provider, gateway, inbound: false)
    #expect(number.state == .active)
    #expect(
      number.resources.map(\.kind) == [
        .trunk, .credentialList, .credential, .trunkCredentialList, .gatewayOutboundTrunk,
      ])
    #expect(number.former == nil && number.configured == nil)
    #expect(harness.carrier.writes == before)
    #expect(!harness.trunks.inventory.contains { $0.hasPrefix("url") })
    _ = try await harness.numbers.delete(number.id.description, by: .of(Harness.tenant))
    #expect(Self.isEmpty(harness) && harness.carrier.writes == before)
  }

  @Test func aNumberThatIsOnlyCalled() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let number = try await harness.importByTrunk(1, provider, gateway, outbound: false)
    #expect(
      number.resources.map(\.kind) == [
        .trunk, .originationURL, .gatewayInboundTrunk, .dispatchRule,
      ])
    #expect(harness.trunks.inventory.count == 2)
    _ = try await harness.numbers.delete(number.id.description, by: .of(Harness.tenant))
    #expect(Self.isEmpty(harness))
  }

  /// Another trunk at the gateway that takes the same calls keeps ours out: nothing is left.
  @Test func aConflictAtTheGatewayUndoesAll() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    harness.gateway.plant(
      GatewayInboundTrunk(name: "theirs", numbers: [try Sample.e164(1).text]), url: Self.url)
    let error = await failure { try await harness.importByTrunk(1, provider, gateway) }
    guard case .provisioningFailed(_, let cause, let leftovers) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cause.cause == .conflict && leftovers.isEmpty)
    #expect(harness.trunks.inventory.isEmpty)
    #expect(harness.gateway.inboundTrunks(Self.url).map(\.name) == ["theirs"])
    #expect(harness.gateway.outboundTrunks(Self.url).isEmpty)
    let numbers = try await harness.numbers.list(ListPhoneNumbers(), by: .of(Harness.tenant))
    #expect(numbers.elements.isEmpty)
  }

  /// A gateway that is down keeps what is there, and nothing else; the number tells what that is.
  @Test func leavesWhatTheGatewayDoesNotLetGo() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let number = try await harness.importByTrunk(1, provider, gateway)
    harness.gateway.setOutage(CarrierError(.notPermitted, effect: .refused, code: 403))
    let left = try await harness.numbers.delete(number.id.description, by: .of(Harness.tenant))
    #expect(left.state == .corrupted)
    let kinds: [StepKind] = [.dispatchRule, .gatewayOutboundTrunk, .gatewayInboundTrunk]
    #expect(left.leftovers.map(\.kind) == kinds)
    #expect(left.leftovers.allSatisfy { $0.resource?.name == "trunkline-\(number.id)" })
    #expect(left.leftovers.allSatisfy { !($0.resource?.externalID ?? "").isEmpty })
    #expect(left.resources.map(\.kind) == kinds.reversed())
    #expect(harness.trunks.inventory.isEmpty)
    #expect(
      harness.carrier.voice(Sample.sid(1), region: .ie1)?.voiceURL == "https://former.test/ie1")

    // Given up: what is abandoned is told, by its name and id.
    let given = try await harness.numbers.forceDelete(
      number.id.description, by: .of(Harness.tenant))
    #expect(given.leftovers == left.leftovers)
    let log = try await harness.store.tenant(Harness.tenant).auditEvents(
      AuditFilter(), after: nil, limit: 1)
    let told = try #require(log.first).changes.map(\.old).joined(separator: " ")
    for leftover in left.leftovers {
      #expect(told.contains(try #require(leftover.resource?.externalID)))
    }
  }

  @Test func aRepairTakesAwayWhatWasLeft() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let number = try await harness.importByTrunk(1, provider, gateway)
    harness.gateway.setOutage(CarrierError(.unavailable, effect: .unknown))
    let left = try await harness.numbers.delete(number.id.description, by: .of(Harness.tenant))
    #expect(left.state == .corrupted && left.leftovers.count == 3)
    harness.gateway.setOutage(nil)
    _ = try await harness.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: .of(Harness.tenant))
    await harness.context.background.idle()
    #expect(Self.isEmpty(harness))
    let gone = await failure {
      try await harness.numbers.get(number.id.description, by: .of(Harness.tenant))
    }
    #expect(gone == .notFound(.number(number.id)))
  }

  // MARK: Repaired

  @Test func aRepairMakesAgainWhatVanished() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let number = try await harness.importByTrunk(1, provider, gateway)
    let trunk = try CarrierTrunkSID(number.resources[0].externalID)
    harness.trunks.remove(trunk)
    harness.gateway.remove(
      try #require(harness.gateway.dispatchRules(Self.url).first?.id), url: Self.url)
    _ = try await harness.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: .of(Harness.tenant))
    await harness.context.background.idle()
    let repaired = try await harness.numbers.get(number.id.description, by: .of(Harness.tenant))
    #expect(repaired.state == .active && Self.isWhole(harness))
    #expect(repaired.resources[0].externalID != trunk.description)
    #expect(
      harness.carrier.voice(Sample.sid(1), region: .ie1)?.trunkSID
        == repaired.resources[0].externalID)
    // What stood is as it was.
    #expect(repaired.resources[1] == number.resources[1])
    #expect(repaired.former == number.former)
    _ = try await harness.numbers.delete(number.id.description, by: .of(Harness.tenant))
    #expect(Self.isEmpty(harness))
  }

  @Test func aRepairLeadsToTheGatewaysNewHost() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let number = try await harness.importByTrunk(1, provider, gateway)
    _ = try await harness.providers.update(
      UpdateProvider(
        provider: ProviderInput(
          id: gateway.id.description, liveKit: LiveKitInput(sipHost: "SIP.other.test:5080")),
        mask: ["livekit.sip_host"]), by: .of(Harness.tenant))
    _ = try await harness.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: .of(Harness.tenant))
    await harness.context.background.idle()
    #expect(
      harness.trunks.inventory.contains { $0.hasSuffix(" sip:sip.other.test:5080;transport=tcp") })
    #expect(Self.isWhole(harness))
  }

  /// Both ends get a password of the keyring's new key; the list keeps the old one until it goes.
  @Test func aRepairGivesAPasswordOfTheNewKey() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let number = try await harness.importByTrunk(1, provider, gateway)
    let old = try #require(harness.gateway.outboundTrunks(Self.url).first)
    let next = Harness(
      store: harness.store, carrier: harness.carrier, port: harness.carrier,
      storePort: harness.store, time: harness.time, ids: harness.ids, gateway: harness.gateway,
      trunks: harness.trunks, trunkCredentials: FakeTrunkCredentials(keyName: "k2"))
    _ = try await next.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: .of(Harness.tenant))
    await next.context.background.idle()
    let new = try #require(harness.gateway.outboundTrunks(Self.url).first)
    #expect(new.id == old.id && new.username != old.username && new.password != old.password)
    #expect(new.password == harness.trunks.password(of: new.username))
    _ = try await next.numbers.delete(number.id.description, by: .of(Harness.tenant))
    #expect(Self.isEmpty(harness))
  }

  // MARK: Refused

  @Test func keepsItsRegionAndDirections() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let number = try await harness.importByTrunk(1, provider, gateway)
    let other = try await harness.link(.us1)
    let moving = await failure {
      try await harness.numbers.move(
        MovePhoneNumber(id: number.id.description, providerID: other.id.description),
        by: .of(Harness.tenant))
    }
    #expect(moving == .numberOnTrunk(number.id))
    let update = await failure {
      try await harness.numbers.update(
        UpdatePhoneNumber(
          number: PhoneNumberInput(id: number.id.description), mask: ["supports_outbound"]),
        by: .of(Harness.tenant))
    }
    #expect(update == .numberOnTrunk(number.id))
    let unlinking = await failure {
      try await harness.providers.delete(gateway.id.description, by: .of(Harness.tenant))
    }
    #expect(
      unlinking == .gatewayInUse(gateway.id, providerCount: 0, numberCount: 1))
  }

  @Test func needsAGateway() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let number = try Sample.e164(1).text
    func error(
      _ ingress: Choice<Ingress>, _ gateway: String
    ) async -> RegistryError? {
      await failure {
        try await harness.numbers.importNumber(
          ImportPhoneNumber(
            providerID: provider.id.description, e164: number, ingress: ingress,
            gatewayID: gateway), by: .of(Harness.tenant))
      }
    }
    #expect(await fields(error(.value(.trunk), "")) == ["gateway_provider_id": .required])
    #expect(await fields(error(.value(.trunk), "x")).keys.contains("gateway_provider_id"))
    #expect(
      await fields(error(.unset, gateway.id.description))
        == ["gateway_provider_id": .conflicting])
    #expect(await fields(error(.unknown, "")).keys.contains("ingress"))
    #expect(
      await error(.value(.trunk), provider.id.description) == .notAGateway(provider.id))
    let unknown = ProviderID(bits: 99)
    #expect(
      await error(.value(.trunk), unknown.description) == .notFound(.provider(unknown)))
    #expect(Self.isEmpty(harness))
  }

  // MARK: Drift

  @Test func isMarkedWhenItLeavesItsTrunk() async throws {
    let (harness, provider, gateway) = try await Self.scene()
    let number = try await harness.importByTrunk(1, provider, gateway)
    var record = try #require(harness.carrier.voice(Sample.sid(1), region: .ie1))
    for (trunk, reason) in [("", "TRUNK_DETACHED"), ("TK9", "TRUNK_REPLACED")] {
      record.trunkSID = trunk
      harness.carrier.overwrite(Sample.sid(1), region: .ie1, with: record)
      _ = try await harness.providers.sync(
        SyncProvider(id: provider.id.description), by: .of(Harness.tenant))
      await harness.context.background.idle()
      let seen = try await harness.numbers.get(number.id.description, by: .of(Harness.tenant))
      #expect(seen.state == .degraded)
      #expect(seen.conditions.map(\.reason) == [reason])
    }
    _ = try await harness.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: .of(Harness.tenant))
    await harness.context.background.idle()
    let seen = try await harness.numbers.get(number.id.description, by: .of(Harness.tenant))
    #expect(seen.state == .active && Self.isWhole(harness))
  }
}
