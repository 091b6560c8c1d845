import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// A number is bought, whatever becomes of the answer, at most once; what was bought stays.
struct ProvisionTests {
  static let caller = Caller.of(Harness.tenant)
  var caller: Caller { Self.caller }

  static let offer = E164.sample("+14155550110")

  /// An account in us1 whose carrier sells one number.
  static func scene(quotas: [Quota] = []) async throws -> (Harness, Provider) {
    let harness = Harness(quotas: quotas)
    let provider = try await harness.link(.us1)
    harness.market.offer(
      MarketNumber(e164: offer, country: "US", kind: .local, locality: "San Francisco"))
    return (harness, provider)
  }

  static func request(
    _ provider: Provider, inbound: Bool? = nil, agent: String = "", requestID: String = "r1"
  ) -> ProvisionPhoneNumber {
    ProvisionPhoneNumber(
      providerID: provider.id.description, choice: .number(offer.text), label: "bought",
      supportsInbound: inbound, agentID: agent, isConfirmed: true, requestID: requestID)
  }

  /// Buys, and gives the operation as it is when all rests.
  static func buy(
    _ harness: Harness, _ request: ProvisionPhoneNumber
  ) async throws -> Registry.Operation {
    let (begun, _) = try await harness.numbers.provision(request, by: caller)
    await harness.context.background.idle()
    let id = try #require(begun).id.description
    return try await Operations(harness.context).get(id, by: caller)
  }

  static func numbers(_ harness: Harness) async throws -> [PhoneNumber] {
    try await harness.numbers.list(ListPhoneNumbers(), by: caller).elements
  }

  /// Time passes as the registry looks: for so long that a purchase is settled.
  static func settle(_ harness: Harness) async throws {
    for _ in 0..<40 {
      harness.time.advance(by: RegistryLimits.purchaseSeekInterval)
      try await harness.context.takeUp()
      await harness.context.background.idle()
    }
  }

  @Test func aBoughtNumberIsSetUpAndItsAgentHasIt() async throws {
    let (harness, provider) = try await Self.scene()
    _ = try await harness.addAgent("desk")
    let operation = try await Self.buy(harness, Self.request(provider, agent: "desk"))
    #expect(operation.state == .succeeded && operation.kind == .provisionNumber)
    #expect(operation.steps.map(\.kind) == [.purchase, .webhook, .processingRegion])
    #expect(operation.steps.allSatisfy { $0.state == .done })
    let number = try #require(try await Self.numbers(harness).first)
    #expect(number.state == .active && number.purchase == .customer && !number.isAwaited)
    #expect(number.agentID?.description == "desk" && number.label == "bought")
    #expect(
      harness.carrier.voice(number.carrierSID, region: .us1)?.voiceURL
        == number.configured?.voiceURL)
    #expect(harness.market.bought.map(\.name) == ["trunkline-\(number.id)"])
    let claims = try await harness.store.tenant(Harness.tenant).claims(
      of: [number.carrierSID, .awaited(number.id)], account: Harness.account)
    #expect(claims.map(\.carrierSID) == [number.carrierSID])
    // The name by which it was looked for is no drift.
    let record = CarrierNumber(
      sid: number.carrierSID, accountSID: Harness.account, e164: number.e164,
      friendlyName: number.marketName, hasVoice: true, voice: VoiceSettings())
    #expect(Drift.otherLabel(of: number, record) == nil)

    // The same request buys nothing more, and tells the first one's operation.
    let (again, same) = try await harness.numbers.provision(
      Self.request(provider, agent: "desk"), by: caller)
    #expect(again?.id == operation.id && same?.id == number.id)
    #expect(harness.market.buyRequestCount == 1)
  }

  @Test func criteriaTakeTheFirstOffer() async throws {
    let (harness, provider) = try await Self.scene()
    var request = Self.request(provider, inbound: false)
    request.choice = .any(NumberCriteria(country: "US", areaCode: "415"))
    let operation = try await Self.buy(harness, request)
    #expect(operation.state == .succeeded && operation.steps.map(\.kind) == [.purchase])
    let number = try #require(try await Self.numbers(harness).first)
    #expect(number.e164 == Self.offer && number.state == .active && number.configured == nil)
    request.requestID = "r2"
    let none = await failure { try await harness.numbers.provision(request, by: caller) }
    #expect(none == .numberNotFound)
    request.choice = .number(Self.offer.text)
    let owned = await failure { try await harness.numbers.provision(request, by: caller) }
    #expect(owned == .numberExists(number.id))
  }

  @Test func nothingIsBoughtWithoutConsentAndARequestID() async throws {
    let (harness, provider) = try await Self.scene()
    var request = Self.request(provider)
    request.isConfirmed = false
    request.requestID = ""
    let refused = await failure { try await harness.numbers.provision(request, by: caller) }
    #expect(fields(refused) == ["confirm_purchase": .required, "request_id": .required])
    request.validateOnly = true
    let (operation, number) = try await harness.numbers.provision(request, by: caller)
    #expect(operation == nil && number?.e164 == Self.offer)
    #expect(harness.market.buyRequestCount == 0)
    #expect(try await Self.numbers(harness).isEmpty)
  }

  @Test func badFieldsAreAllTold() async throws {
    let (harness, _) = try await Self.scene()
    let request = ProvisionPhoneNumber(
      providerID: "x",
      choice: .any(
        NumberCriteria(country: "us", kind: .unknown, areaCode: "41", contains: "4")),
      addressSID: "AD1", bundleSID: "x", isConfirmed: true, requestID: "r1")
    let refused = await failure { try await harness.numbers.provision(request, by: caller) }
    #expect(
      fields(refused) == [
        "provider_id": .malformed, "criteria.country": .malformed, "criteria.type": .unknown,
        "criteria.area_code": .malformed, "criteria.contains": .malformed,
        "address_sid": .malformed, "bundle_sid": .malformed,
      ])
    let unset = await failure {
      try await harness.numbers.provision(
        ProvisionPhoneNumber(providerID: "x", choice: .unset, validateOnly: true), by: caller)
    }
    #expect(fields(unset)["e164"] == .required)
    let search = await failure {
      try await harness.numbers.search(
        SearchAvailablePhoneNumbers(
          providerID: "", criteria: NumberCriteria(country: ""), limit: -1), by: caller)
    }
    #expect(fields(search) == ["country": .required, "limit": .outOfRange])
  }

  @Test(arguments: [
    (CarrierError.Kind.notForSale, 21422), (.papersMissing, 21615), (.purchaseRefused, 22300),
    (.credentialsRefused, 20003),
  ])
  func aRefusedPurchaseLeavesNothing(kind: CarrierError.Kind, code: Int) async throws {
    let (harness, provider) = try await Self.scene()
    harness.market.refuse(purchases: CarrierError(kind, effect: .refused, code: code))
    let operation = try await Self.buy(harness, Self.request(provider))
    #expect(operation.state == .failed && operation.failure?.carrierCode == code)
    #expect(operation.steps.allSatisfy { $0.state == .undone })
    #expect(try await Self.numbers(harness).isEmpty)
    #expect(harness.market.buyRequestCount == 1)
    // What an account may not buy is asked for once: a repetition tells the same end.
    harness.market.refuse()
    let repeated = try await Self.buy(harness, Self.request(provider))
    #expect(repeated.id == operation.id && harness.market.buyRequestCount == 1)
  }

  @Test func aLostAnswerIsFoundAgain() async throws {
    for loss in [FakeMarket.Loss.after, .late(looks: 3)] {
      let (harness, provider) = try await Self.scene()
      harness.market.lose(loss)
      _ = try await Self.buy(harness, Self.request(provider))
      try await Self.settle(harness)
      let number = try #require(try await Self.numbers(harness).first, "\(loss)")
      #expect(number.state == .active && !number.isAwaited, "\(loss)")
      #expect(harness.market.bought.count == 1 && harness.market.buyRequestCount == 1, "\(loss)")
    }
  }

  @Test func whatWasNotBoughtIsNotBoughtLater() async throws {
    let (harness, provider) = try await Self.scene()
    harness.market.lose(.before)
    let operation = try await Self.buy(harness, Self.request(provider))
    #expect(operation.state == .running)
    let pending = try #require(try await Self.numbers(harness).first)
    #expect(pending.state == .provisioning && pending.isAwaited)
    // Its provider takes new credentials meanwhile, and is not deleted.
    let busy = await failure {
      try await harness.numbers.delete(pending.id.description, by: caller)
    }
    #expect(busy == .numberBusy(pending.id, .provisioning))
    let used = await failure {
      try await harness.providers.delete(provider.id.description, by: caller)
    }
    #expect(used == .providerInUse(provider.id, numberCount: 1))
    try await Self.settle(harness)
    let ended = try await Operations(harness.context).get(operation.id.description, by: caller)
    #expect(ended.state == .failed && ended.failure?.cause == .unavailable)
    #expect(try await Self.numbers(harness).isEmpty)
    #expect(harness.market.bought.isEmpty && harness.market.buyRequestCount == 1)
  }

  @Test func somebodyElsesNumberIsNotTaken() async throws {
    let (harness, provider) = try await Self.scene()
    harness.market.lose(.before)
    _ = try await Self.buy(harness, Self.request(provider))
    harness.carrier.addNumber(Sample.sid(7), Self.offer, account: Harness.account)
    try await Self.settle(harness)
    #expect(try await Self.numbers(harness).isEmpty)
    // One that was imported between the purchase and its record is registered as that.
    harness.carrier.removeNumber(Sample.sid(7))
    harness.market.lose(.late(looks: 1))
    let operation = try await Self.buy(harness, Self.request(provider, requestID: "r2"))
    #expect(operation.state == .running)
  }

  /// For a day the carrier can't be asked: nobody knows, and it can be asked again later.
  @Test func whatNobodyKnowsIsTold() async throws {
    let (harness, provider) = try await Self.scene()
    harness.market.lose(.after)
    harness.market.refuse(looks: CarrierError(.credentialsRefused, effect: .refused, code: 20003))
    let begun = try await Self.buy(harness, Self.request(provider))
    harness.time.advance(by: RegistryLimits.purchaseSoughtMax)
    try await harness.context.takeUp()
    await harness.context.background.idle()
    let number = try #require(try await Self.numbers(harness).first)
    #expect(number.state == .corrupted && number.leftovers.map(\.kind) == [.purchase])
    let ended = try await Operations(harness.context).get(begun.id.description, by: caller)
    #expect(ended.state == .failed && ended.steps.first?.state == .left)
    let refused = await failure {
      try await harness.numbers.delete(number.id.description, by: caller)
    }
    #expect(refused == .numberBusy(number.id, .corrupted))

    harness.market.refuse()
    _ = try await harness.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: caller)
    await harness.context.background.idle()
    let repaired = try #require(try await Self.numbers(harness).first)
    #expect(repaired.state == .active && !repaired.isAwaited)
    #expect(harness.market.bought.count == 1 && harness.market.buyRequestCount == 1)
  }

  /// A later step fails: the number is ours and stays, and a repair goes on.
  @Test func whatCanNotBeSetUpStaysAndIsRepaired() async throws {
    let (harness, provider) = try await Self.scene()
    harness.carrier.setOutage(
      CarrierError(.notPermitted, effect: .refused, code: 20003), after: 2)
    let operation = try await Self.buy(harness, Self.request(provider))
    harness.carrier.setOutage(nil)
    #expect(operation.state == .failed)
    #expect(operation.steps.first?.state == .done)
    let number = try #require(try await Self.numbers(harness).first)
    #expect(number.state == .degraded && number.isUnfinished && number.leftovers.isEmpty)
    #expect(number.conditions.first?.reason == "CARRIER_NOT_PERMITTED")
    #expect(harness.market.released.isEmpty && harness.market.bought.count == 1)
    // No look at the carrier takes it for well.
    #expect(!number.isComparable)

    _ = try await harness.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: caller)
    await harness.context.background.idle()
    let repaired = try #require(try await Self.numbers(harness).first)
    #expect(repaired.state == .active && repaired.former != nil && !repaired.isUnfinished)
    #expect(repaired.former?.voice == VoiceSettings())
    _ = try await harness.numbers.delete(repaired.id.description, by: caller)
    #expect(harness.carrier.voice(number.carrierSID, region: .us1) == VoiceSettings())
    #expect(harness.market.released.isEmpty)
  }

  /// What an earlier work left, unseen, is not what stood there before us.
  @Test func whatIsOursIsNotTakenForWhatWasThere() async throws {
    let (harness, provider) = try await Self.scene()
    harness.carrier.setOutage(
      CarrierError(.notFound, effect: .refused, code: 20404), after: 5)
    _ = try await Self.buy(harness, Self.request(provider))
    harness.carrier.setOutage(nil)
    let number = try #require(try await Self.numbers(harness).first)
    let voice = try #require(harness.carrier.voice(number.carrierSID, region: .us1))
    #expect(number.isUnfinished && !voice.voiceURL.isEmpty)
    _ = try await harness.numbers.repair(
      RepairPhoneNumber(id: number.id.description), by: caller)
    await harness.context.background.idle()
    let repaired = try #require(try await Self.numbers(harness).first)
    #expect(repaired.state == .active && repaired.former?.voice == VoiceSettings())
  }

  @Test func numbersThatAreBoughtCount() async throws {
    let (harness, provider) = try await Self.scene(quotas: [Quota(.number, countMax: 1)])
    try harness.buy(1)
    _ = try await harness.importNumber(1, provider)
    let refused = await failure {
      try await harness.numbers.provision(Self.request(provider), by: caller)
    }
    #expect(refused == .quotaExceeded(.number, countMax: 1))
    #expect(harness.market.buyRequestCount == 0)
  }
}

extension E164 {
  fileprivate static func sample(_ text: String) -> E164 {
    do { return try E164(text) } catch { preconditionFailure("\(text) is no number.") }
  }
}
