import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// Numbers on the operator's account: a sub-account for each tenant, of one country, by slots.
struct PlatformTests {
  static let operatorAccount = Sample.account(9)
  private let tenant = Caller.of(Sample.otherTenant)

  /// The operator's account is linked, and two numbers are for sale. FakeNumberPlan knows the
  /// countries.
  private static func scene(
    slots: Int = 1, byTenant: [TenantID: Int] = [:]
  ) async throws -> Harness {
    let first = Harness()
    first.carrier.setToken("operator", account: operatorAccount, region: .us1)
    let linked = try await first.providers.create(
      CreateProvider(
        provider: ProviderInput(
          displayName: "Operator", region: .value(.us1),
          twilio: TwilioInput(
            accountSID: operatorAccount.description, authToken: Secret("operator")))),
      by: .of(Harness.tenant))
    let harness = Harness(
      store: first.store, carrier: first.carrier, port: first.carrier, storePort: first.store,
      time: first.time, ids: first.ids, market: first.market,
      platform: PlatformAccount(
        providerID: linked.id, slots: slots, slotsByTenant: byTenant))
    for number in ["+14155550110", "+14155550111"] {
      harness.market.offer(MarketNumber(e164: try E164(number), country: "US", kind: .local))
    }
    return harness
  }

  private func request(
    _ number: String = "+14155550110", id: String = "r1"
  ) -> ProvisionPhoneNumber {
    ProvisionPhoneNumber(
      providerID: "", choice: .number(number), isConfirmed: true, requestID: id)
  }

  private func buy(
    _ harness: Harness, _ request: ProvisionPhoneNumber
  ) async throws -> (Registry.Operation, PhoneNumber) {
    let (begun, number) = try await harness.numbers.provision(request, by: tenant)
    await harness.context.background.idle()
    let operation = try await Operations(harness.context).get(
      try #require(begun).id.description, by: tenant)
    let id = try #require(number).id.description
    return (operation, try await harness.numbers.get(id, by: tenant))
  }

  @Test func aTenantHasASubAccountOfItsOwn() async throws {
    let harness = try await Self.scene()
    let (operation, number) = try await buy(harness, request())
    #expect(operation.state == .succeeded && number.state == .active)
    #expect(number.purchase == .platform)
    let provider = try await harness.providers.get(number.providerID.description, by: tenant)
    #expect(provider.isPlatform && provider.id == Provider.platformID(of: Sample.otherTenant))
    #expect(harness.market.subAccounts.keys.sorted() == ["trunkline-\(Sample.otherTenant)"])
    let account = try #require(harness.market.subAccounts.values.first)
    #expect(number.accountSID == account.sid && provider.accountSID == account.sid)
    // Dispatches are told where its numbers may call.
    let route = ProviderRoute(provider)
    #expect(route.onlyCountry == "US" && route.requiresSignature)

    // It is the operator's: nothing of it is the tenant's to change.
    let id = provider.id.description
    let refused: [RegistryError?] = [
      await failure { try await harness.providers.delete(id, by: tenant) },
      await failure {
        try await harness.providers.update(
          UpdateProvider(provider: ProviderInput(id: id, displayName: "mine")), by: tenant)
      },
      await failure {
        try await harness.providers.listNumbers(
          providerID: id, page: PageRequest(), by: tenant)
      },
      await failure {
        try await harness.numbers.importNumber(
          ImportPhoneNumber(providerID: id, e164: "+14155550111"), by: tenant)
      },
      await failure { try await harness.providers.validate(.stored(id: id), by: tenant) },
      await failure {
        try await harness.providers.promote(SwitchCredential(providerID: id), by: tenant)
      },
    ]
    #expect(refused.allSatisfy { $0 == .platformProvider(provider.id) })
    let kept = await failure {
      try await harness.numbers.delete(number.id.description, by: tenant)
    }
    #expect(kept == .platformNumber(number.id))
  }

  @Test func slotsBoundAndARaisedNumberGivesOne() async throws {
    let harness = try await Self.scene(slots: 0, byTenant: [Sample.otherTenant: 1])
    let none = await failure {
      try await harness.numbers.provision(request(), by: .of(Harness.tenant))
    }
    #expect(none == .quotaExceeded(.platformNumber, countMax: 0))
    let (_, number) = try await buy(harness, request())
    let uses = try await harness.numbers.quota(by: tenant)
    #expect(
      uses.first { $0.kind == .platformNumber }
        == QuotaUse(.platformNumber, count: 1, countMax: 1))
    let full = await failure {
      try await harness.numbers.provision(request("+14155550111", id: "r2"), by: tenant)
    }
    #expect(full == .quotaExceeded(.platformNumber, countMax: 1))
    #expect(harness.market.buyRequestCount == 1)

    // A released one makes room, and goes back to the operator and not to the carrier.
    _ = try await harness.numbers.release(
      ReleasePhoneNumber(id: number.id.description, isConfirmed: true), by: tenant)
    await harness.context.background.idle()
    #expect(harness.market.released.isEmpty)
    #expect(
      harness.market.quarantined == ["quarantine-\(number.marketName)": number.carrierSID])
    let (second, _) = try await buy(harness, request("+14155550111", id: "r3"))
    #expect(second.state == .succeeded && harness.market.subAccounts.count == 1)
  }

  @Test func onlyTheUnitedStates() async throws {
    let harness = try await Self.scene()
    // +1, and not of the United States.
    for choice in [
      ProvisionPhoneNumber.Choice.number("+14165550110"), .number("+442079460110"),
      .any(NumberCriteria(country: "CA")),
    ] {
      var other = request()
      other.choice = choice
      let refused = await failure { try await harness.numbers.provision(other, by: tenant) }
      #expect(fields(refused).values.first == .outOfRange)
    }
    #expect(harness.market.subAccounts.isEmpty)
  }

  @Test func checkingMakesNothing() async throws {
    let harness = try await Self.scene()
    var only = request()
    only.validateOnly = true
    let (operation, number) = try await harness.numbers.provision(only, by: tenant)
    #expect(operation == nil && number?.purchase == .platform)
    let found = try await harness.numbers.search(
      SearchAvailablePhoneNumbers(providerID: "", criteria: NumberCriteria(country: "US")),
      by: tenant)
    #expect(found.count == 2)
    #expect(harness.market.subAccounts.isEmpty && harness.market.buyRequestCount == 0)
    #expect(try await harness.providers.list(ListProviders(), by: tenant).elements.isEmpty)
    let without = Harness()
    let missing = await failure { try await without.numbers.provision(request(), by: tenant) }
    #expect(missing == .platformMissing)
  }
}
