import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// Numbers of SIP trunks, for which a gateway signals.
struct SIPNumbersTests {
  static let url = ProviderTypes.url
  static let caller = Caller.of(Harness.tenant)
  private let types = ProviderTypes()
  private var harness: Harness { types.harness }

  /// A trunk with both sides, and its gateway.
  static func scene(_ types: ProviderTypes) async throws -> (trunk: Provider, gateway: Provider) {
    let gateway = try await types.create(types.liveKit())
    return (try await types.create(types.trunk(gateway: gateway.id)), gateway)
  }

  static func importing(
    _ number: Int, _ provider: Provider, inbound: Bool? = nil, outbound: Bool? = nil,
    ingress: Choice<Ingress> = .unset, requestID: String = ""
  ) throws -> ImportPhoneNumber {
    ImportPhoneNumber(
      providerID: provider.id.description, e164: try Sample.e164(number).text,
      supportsInbound: inbound, supportsOutbound: outbound, ingress: ingress,
      requestID: requestID)
  }

  static func isEmpty(_ gateway: FakeGateway) -> Bool {
    gateway.inboundTrunks(url).isEmpty && gateway.outboundTrunks(url).isEmpty
      && gateway.dispatchRules(url).isEmpty
  }

  private func importNumber(
    _ number: Int, _ provider: Provider, inbound: Bool? = nil, outbound: Bool? = nil,
    ingress: Choice<Ingress> = .unset
  ) async throws -> PhoneNumber {
    try await harness.numbers.importNumber(
      try Self.importing(number, provider, inbound: inbound, outbound: outbound, ingress: ingress),
      by: Self.caller)
  }

  private func delete(_ number: PhoneNumber) async throws {
    _ = try await harness.numbers.delete(number.id.description, by: Self.caller)
  }

  private func repair(_ number: PhoneNumber) async throws -> PhoneNumber {
    _ = try await harness.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: Self.caller)
    await harness.context.background.idle()
    return try await harness.numbers.get(number.id.description, by: Self.caller)
  }

  // MARK: Made and taken away

  @Test func theGatewayGetsWhatTheProviderSays() async throws {
    let (trunk, gateway) = try await Self.scene(types)
    let number = try await importNumber(1, trunk, ingress: .value(.sip))
    let e164 = try Sample.e164(1).text
    let name = "trunkline-\(number.id)"
    #expect(number.state == .active && number.ingress == .sip)
    #expect(number.gatewayProviderID == gateway.id)
    #expect(
      number.resources.map(\.kind) == [.gatewayInboundTrunk, .gatewayOutboundTrunk, .dispatchRule])
    #expect(number.resources.allSatisfy { $0.name == name && $0.providerID == gateway.id })
    let inbound = try #require(harness.gateway.inboundTrunks(Self.url).first)
    #expect(
      inbound
        == GatewayInboundTrunk(
          id: number.resources[0].externalID, name: name, numbers: [e164],
          allowedAddresses: ["192.0.2.0/24", "2001:db8::7"], allowedNumbers: ["+15005550009"],
          username: "in", password: Secret("in-pass"), encryption: .disabled))
    #expect(
      harness.gateway.outboundTrunks(Self.url) == [
        GatewayOutboundTrunk(
          id: number.resources[1].externalID, name: name, address: "sip.carrier.test:5061",
          transport: .tls, numbers: [e164], username: "out", password: Secret("out-pass"),
          headers: ["X-Line": "one"], encryption: .required)
      ])
    let rule = try #require(harness.gateway.dispatchRules(Self.url).first)
    #expect(rule.trunkIDs == [inbound.id] && rule.roomPrefix == "\(number.id)-")
    // No carrier was asked for anything.
    #expect(harness.carrier.requestCount == 0)
    try await delete(number)
    #expect(Self.isEmpty(harness.gateway))
    #expect(
      harness.gateway.writes.suffix(3) == [
        .deletedDispatchRule(rule.id), .deletedTrunk(number.resources[1].externalID),
        .deletedTrunk(inbound.id),
      ])
  }

  @Test func aSideThatTheTrunkLacksIsOff() async throws {
    let gateway = try await types.create(types.liveKit())
    let outOnly = try await types.create(
      types.trunk({ $0.inbound = nil }, gateway: gateway.id))
    let number = try await importNumber(1, outOnly)
    #expect(!number.supportsInbound && number.supportsOutbound)
    #expect(number.resources.map(\.kind) == [.gatewayOutboundTrunk])
    let wanted = await failure { try await importNumber(2, outOnly, inbound: true) }
    #expect(fields(wanted) == ["supports_inbound": .conflicting])
    let inOnly = try await types.create(
      types.trunk({ $0.outbound = nil }, gateway: gateway.id))
    let error = await failure { try await importNumber(2, inOnly, inbound: false) }
    #expect(fields(error) == ["supports_inbound": .conflicting])
    let other = try await importNumber(2, inOnly)
    #expect(other.resources.map(\.kind) == [.gatewayInboundTrunk, .dispatchRule])
  }

  @Test func withoutAGatewayItIsDegradedUntilItIsRepaired() async throws {
    let trunk = try await types.create(types.trunk())
    let number = try await importNumber(1, trunk)
    #expect(number.state == .degraded)
    #expect(number.conditions.map(\.reason) == ["NO_GATEWAY"])
    #expect(await failure { try await repair(number) } == .noGateway(number.id))
    let gateway = try await types.create(types.liveKit())
    _ = try await types.update(
      ProviderInput(
        id: trunk.id.description,
        sipTrunk: SIPTrunkInput(gatewayProviderID: gateway.id.description)))
    let repaired = try await repair(number)
    #expect(repaired.state == .active && repaired.gatewayProviderID == gateway.id)
    #expect(repaired.conditions.allSatisfy { $0.holds })
    #expect(repaired.resources.count == 3)
    try await delete(repaired)
    #expect(Self.isEmpty(harness.gateway))
  }

  @Test func oneWithoutAnythingOutsideIsDeletedAtOnce() async throws {
    let number = try await importNumber(1, try await types.create(types.trunk()))
    try await delete(number)
    #expect(harness.gateway.requestCount == 0)
  }

  @Test func whatVanishedIsMadeAgain() async throws {
    let (trunk, _) = try await Self.scene(types)
    let number = try await importNumber(1, trunk)
    for resource in number.resources {
      harness.gateway.remove(resource.externalID, url: Self.url)
      let repaired = try await repair(number)
      #expect(repaired.state == .active)
      #expect(harness.gateway.inboundTrunks(Self.url).count == 1)
      #expect(harness.gateway.outboundTrunks(Self.url).count == 1)
      #expect(harness.gateway.dispatchRules(Self.url).count == 1)
    }
  }

  // MARK: Failures

  private static func check(_ harness: Harness, _ what: Comment) async throws -> PhoneNumber? {
    let open = try await harness.store.openJournals(after: nil, limit: 9)
    #expect(open.isEmpty, what)
    let all = try await harness.numbers.list(ListPhoneNumbers(), by: caller).elements
    guard let number = all.first else {
      #expect(isEmpty(harness.gateway), what)
      return nil
    }
    #expect(all.count == 1 && number.state == .active && number.resources.count == 3, what)
    #expect(harness.gateway.inboundTrunks(url).count == 1, what)
    #expect(harness.gateway.outboundTrunks(url).count == 1, what)
    #expect(harness.gateway.dispatchRules(url).count == 1, what)
    return number
  }

  @Test func importSurvivesEveryFailure() async throws {
    let clean = ProviderTypes()
    let (trunk, _) = try await Self.scene(clean)
    let counter = FaultInjector()
    _ = try await clean.harness.restarted(counter).numbers.importNumber(
      Self.importing(1, trunk, requestID: "r1"), by: Self.caller)
    #expect(counter.count > 15)
    for fault in FaultInjector.Fault.allCases {
      for step in 1...counter.count {
        let what = Comment("\(fault) at \(step) of \(counter.count)")
        let types = ProviderTypes()
        let (trunk, _) = try await Self.scene(types)
        let request = try Self.importing(1, trunk, requestID: "r1")
        let process = types.harness.restarted(FaultInjector(failing: step, fault))
        let answer = try? await process.numbers.importNumber(request, by: Self.caller)
        await process.context.background.idle()
        let next = types.harness.restarted()
        try await next.context.resume()
        let number = try await Self.check(next, what)
        if let answer { #expect(number?.id == answer.id, what) }
        let repeated = try await next.numbers.importNumber(request, by: Self.caller)
        if let number { #expect(repeated == number, what) }
        #expect(try await Self.check(next, what) != nil, what)
      }
    }
  }

  @Test func deletionSurvivesEveryFailure() async throws {
    let clean = ProviderTypes()
    let number = try await clean.harness.numbers.importNumber(
      Self.importing(1, try await Self.scene(clean).trunk), by: Self.caller)
    let counter = FaultInjector()
    _ = try await clean.harness.restarted(counter).numbers.delete(
      number.id.description, by: Self.caller)
    #expect(counter.count > 10)
    for fault in FaultInjector.Fault.allCases {
      for step in 1...counter.count {
        let what = Comment("\(fault) at \(step) of \(counter.count)")
        let types = ProviderTypes()
        let number = try await types.harness.numbers.importNumber(
          Self.importing(1, try await Self.scene(types).trunk), by: Self.caller)
        let process = types.harness.restarted(FaultInjector(failing: step, fault))
        let answer = try? await process.numbers.delete(number.id.description, by: Self.caller)
        await process.context.background.idle()
        let next = types.harness.restarted()
        try await next.context.resume()
        let rest = try await Self.check(next, what)
        if answer != nil { #expect(rest == nil, what) }
        guard rest != nil else { continue }
        _ = try await next.numbers.delete(number.id.description, by: Self.caller)
        #expect(try await Self.check(next, what) == nil, what)
      }
    }
  }

  /// Another trunk at the gateway takes the number's calls: nothing of ours stays.
  @Test func aConflictAtTheGatewayUndoesAll() async throws {
    let (trunk, _) = try await Self.scene(types)
    harness.gateway.plant(
      GatewayInboundTrunk(name: "theirs", numbers: [try Sample.e164(1).text]), url: Self.url)
    let error = await failure { try await importNumber(1, trunk) }
    guard case .provisioningFailed(_, let cause, let leftovers) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cause.cause == .conflict && leftovers.isEmpty)
    #expect(harness.gateway.inboundTrunks(Self.url).map(\.name) == ["theirs"])
    #expect(harness.gateway.outboundTrunks(Self.url).isEmpty)
    let all = try await harness.numbers.list(ListPhoneNumbers(), by: Self.caller)
    #expect(all.elements.isEmpty)
  }

  // MARK: Keys, kinds and routes

  @Test func aNumberIsOneInItsTenant() async throws {
    let (trunk, _) = try await Self.scene(types)
    let number = try await importNumber(1, trunk)
    #expect(await failure { try await importNumber(1, trunk) } == .numberExists(number.id))
    let second = try await types.create(types.trunk { $0.outbound?.address = "other.test" })
    #expect(await failure { try await importNumber(1, second) } == .numberExists(number.id))
    // Nobody can prove it: another tenant may say that it has it.
    let stranger = Caller.of(Sample.otherTenant)
    let theirs = try await harness.providers.create(
      CreateProvider(provider: types.trunk()), by: stranger)
    let other = try await harness.numbers.importNumber(
      try Self.importing(1, theirs), by: stranger)
    #expect(other.id != number.id && other.tenant == Sample.otherTenant)
    // What an account holds is the tenant's already.
    let twilio = try await harness.link()
    try harness.buy(2)
    let held = try await harness.importNumber(2, twilio)
    #expect(await failure { try await importNumber(2, trunk) } == .numberExists(held.id))
  }

  @Test func aNumberComesAsItsProviderLetsIt() async throws {
    let (trunk, gateway) = try await Self.scene(types)
    for ingress in [Ingress.webhook, .trunk] {
      var request = try Self.importing(1, trunk, ingress: .value(ingress))
      if ingress == .trunk { request.gatewayID = gateway.id.description }
      let sent = request
      let error = await failure {
        try await harness.numbers.importNumber(sent, by: Self.caller)
      }
      #expect(fields(error) == ["ingress": .conflicting])
    }
    let twilio = try await harness.link()
    try harness.buy(1)
    let error = await failure { try await importNumber(1, twilio, ingress: .value(.sip)) }
    #expect(fields(error) == ["ingress": .conflicting])
    var named = try Self.importing(1, trunk, ingress: .value(.sip))
    named.gatewayID = gateway.id.description
    let sent = named
    #expect(
      fields(await failure { try await harness.numbers.importNumber(sent, by: Self.caller) }) == [
        "gateway_provider_id": .conflicting
      ])
    // And it stays so.
    let number = try await importNumber(3, trunk)
    let moved = await failure {
      try await harness.numbers.move(
        MovePhoneNumber(id: number.id.description, providerID: twilio.id.description),
        by: Self.caller)
    }
    #expect(moved == .numberOnTrunk(number.id))
  }

  @Test func numbersAreListedByTheirProvidersKind() async throws {
    let (trunk, _) = try await Self.scene(types)
    let twilio = try await harness.link()
    for number in 1...3 {
      try harness.buy(number)
      _ = try await harness.importNumber(number, twilio)
      _ = try await importNumber(number + 10, trunk)
    }
    for (kind, count) in [(ProviderKindFilter.twilio, 3), (.sipTrunk, 3), (.liveKit, 0)] {
      var found: [PhoneNumber] = []
      var token = ""
      repeat {
        let page = try await harness.numbers.list(
          ListPhoneNumbers(page: PageRequest(size: 2, token: token), kind: .value(kind)),
          by: Self.caller)
        found += page.elements
        token = page.nextToken
      } while !token.isEmpty
      #expect(found.count == count && Set(found.map(\.id)).count == count)
      #expect(found.allSatisfy { ($0.ingress == .sip) == (kind == .sipTrunk) })
    }
    let other = try await harness.numbers.list(
      ListPhoneNumbers(kind: .value(.sipTrunk), providerID: twilio.id.description),
      by: Self.caller)
    #expect(other.elements.isEmpty)
  }

  @Test func itsProviderAndItsGatewayStay() async throws {
    let (trunk, gateway) = try await Self.scene(types)
    let number = try await importNumber(1, trunk)
    let change = ProviderInput(
      id: trunk.id.description,
      sipTrunk: SIPTrunkInput(outbound: .init(address: "new.test")))
    #expect(
      await failure { try await types.update(change) } == .providerInUse(trunk.id, numberCount: 1))
    let named = ProviderInput(id: trunk.id.description, displayName: "new")
    #expect(try await types.update(named).displayName == "new")
    for provider in [trunk, gateway] {
      let error = await failure {
        try await harness.providers.delete(provider.id.description, by: Self.caller)
      }
      #expect(error != nil)
    }
    try await delete(number)
    try await harness.providers.delete(trunk.id.description, by: Self.caller)
    try await harness.providers.delete(gateway.id.description, by: Self.caller)
  }

  @Test func itsRouteTellsThatNoAccountPlacesItsCalls() async throws {
    let (trunk, _) = try await Self.scene(types)
    let twilio = try await harness.link()
    try harness.buy(2)
    #expect(NumberRoute(try await importNumber(1, trunk)).isSIP)
    #expect(!NumberRoute(try await harness.importNumber(2, twilio)).isSIP)
  }
}
