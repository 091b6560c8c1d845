import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// Imports that bring the credentials of their provider.
struct ImportWithCredentialsTests {
  private let harness = Harness()
  private let caller = Caller.of(Harness.tenant)

  private func request(
    _ number: Int, _ input: ProviderInput = Harness.input(), requestID: String = ""
  ) throws -> ImportPhoneNumber {
    ImportPhoneNumber(
      providerID: "", provider: input, e164: try Sample.e164(number).text, requestID: requestID)
  }

  private func providers(_ harness: Harness) async throws -> [Provider] {
    try await harness.providers.list(ListProviders(), by: caller).elements
  }

  private func actions(_ harness: Harness) async throws -> [AuditAction] {
    try await AuditLog(harness.context).list(ListAuditEvents(), by: caller).elements
      .map(\.action)
  }

  @Test func makesTheProviderOnceAndFindsItThen() async throws {
    for number in 1...3 { try harness.buy(number) }
    let first = try await harness.numbers.importNumber(try request(1), by: caller)
    #expect(first.state == .active)
    let made = try #require(try await providers(harness).first)
    #expect(made.id == first.providerID)
    #expect(made.displayName == "Main")
    #expect(made.conditions.map(\.reason) == ["ACCEPTED"])
    let second = try await harness.numbers.importNumber(try request(2), by: caller)
    #expect(second.providerID == made.id)
    // Other credentials of the account are tried, and not kept.
    harness.carrier.addKey(
      Sample.key(3), secret: "third", account: Harness.account, region: .us1)
    var other = Harness.input()
    other.displayName = "Other"
    other.twilio?.apiKeySID = Sample.key(3).description
    other.twilio?.apiKeySecret = Secret("third")
    let third = try await harness.numbers.importNumber(try request(3, other), by: caller)
    #expect(third.providerID == made.id)
    #expect(try await providers(harness) == [made])
  }

  @Test func needsCredentialsThatTheCarrierTakes() async throws {
    try harness.buy(1)
    let stranger = Sample.account(2)
    harness.carrier.addKey(Sample.key(4), secret: "theirs", account: stranger, region: .us1)
    var wrong = Harness.input()
    wrong.twilio?.apiKeySecret = Secret("wrong")
    var theirs = Harness.input()
    theirs.twilio?.apiKeySID = Sample.key(4).description
    theirs.twilio?.apiKeySecret = Secret("theirs")
    for isLinked in [false, true] {
      if isLinked { _ = try await harness.link() }
      let refused = await failure {
        try await harness.numbers.importNumber(try request(1, wrong), by: caller)
      }
      #expect(refusal(refused) == .credentialsRefused)
      let mismatch = await failure {
        try await harness.numbers.importNumber(try request(1, theirs), by: caller)
      }
      #expect(mismatch == .accountMismatch(expected: Harness.account, owner: stranger))
      #expect(try await providers(harness).count == (isLinked ? 1 : 0))
    }
    #expect(harness.carrier.writes.isEmpty)
  }

  @Test func makesNothingWhereTheNumberCanNotBe() async throws {
    #expect(
      await failure { try await harness.numbers.importNumber(try request(1), by: caller) }
        == .numberNotAtCarrier(nil))
    harness.carrier.addNumber(
      Sample.sid(2), try Sample.e164(2), account: Harness.account, hasVoice: false)
    #expect(
      await failure { try await harness.numbers.importNumber(try request(2), by: caller) }
        == .numberWithoutVoice(nil))
    let narrow = Harness(regions: [.ie1])
    try narrow.buy(1)
    #expect(
      await failure { try await narrow.numbers.importNumber(try request(1), by: caller) }
        == .regionNotServed(.us1))
    for kind in [CountedKind.number, .provider] {
      let full = Harness(quotas: [Quota(kind, countMax: 0)])
      try full.buy(1)
      #expect(
        await failure { try await full.numbers.importNumber(try request(1), by: caller) }
          == .quotaExceeded(kind, countMax: 0))
      #expect(try await providers(full).isEmpty)
    }
    var dry = try request(3)
    try harness.buy(3)
    dry.validateOnly = true
    _ = try await harness.numbers.importNumber(dry, by: caller)
    #expect(try await providers(harness).isEmpty)
    #expect(try await providers(narrow).isEmpty)
  }

  @Test func keepsTheProviderWhenTheCarrierRefusesTheNumber() async throws {
    try harness.buy(1)
    let requests = harness.carrier.requestCount
    // The probe and the look at the number succeed; what follows is refused.
    harness.carrier.setOutage(CarrierError(.notPermitted, effect: .refused), after: 2)
    let failed = await failure {
      try await harness.numbers.importNumber(try request(1, requestID: "r"), by: caller)
    }
    guard case .provisioningFailed = failed else {
      Issue.record("\(String(describing: failed))")
      return
    }
    #expect(harness.carrier.requestCount > requests + 2)
    harness.carrier.setOutage(nil)
    let made = try #require(try await providers(harness).first)
    let number = try await harness.numbers.importNumber(
      try request(1, requestID: "r"), by: caller)
    #expect(number.providerID == made.id)
    #expect(try await providers(harness) == [made])
  }

  @Test func needsTheScopeWhereAProviderWouldBeMade() async throws {
    try harness.buy(1)
    let narrow = Caller(
      tenant: Harness.tenant, principal: .anonymous, scopes: Scopes(.numbersWrite))
    let requests = harness.carrier.requestCount
    #expect(
      await failure { try await harness.numbers.importNumber(try request(1), by: narrow) }
        == .scopeMissing(.providersWrite))
    #expect(harness.carrier.requestCount == requests)
    let provider = try await harness.link()
    let number = try await harness.numbers.importNumber(try request(1), by: narrow)
    #expect(number.providerID == provider.id)
  }

  @Test func repeatsBothUnderOneRequestID() async throws {
    try harness.buy(1)
    let first = try await harness.numbers.importNumber(
      try request(1, requestID: "r"), by: caller)
    let requests = harness.carrier.requestCount
    #expect(
      try await harness.numbers.importNumber(try request(1, requestID: "r"), by: caller) == first)
    #expect(harness.carrier.requestCount == requests)
    var other = Harness.input()
    other.twilio?.apiKeySecret = Secret("another")
    let named = ImportPhoneNumber(
      providerID: first.providerID.description, e164: try Sample.e164(1).text, requestID: "r")
    for wrong in [try request(1, other, requestID: "r"), named] {
      let reused = await failure { try await harness.numbers.importNumber(wrong, by: caller) }
      #expect(fields(reused) == ["request_id": .requestIDReused])
    }
  }

  @Test func makesOneProviderForManyNumbersAtOnce() async throws {
    let harness = harness
    for number in 1...4 { try harness.buy(number) }
    let numbers = try await withThrowingTaskGroup(of: PhoneNumber.self) { group in
      for number in 1...4 {
        let request = try request(number)
        group.addTask { [caller] in
          try await harness.numbers.importNumber(request, by: caller)
        }
      }
      var numbers: [PhoneNumber] = []
      for try await number in group { numbers.append(number) }
      return numbers
    }
    let provider = try #require(try await providers(harness).first)
    #expect(try await providers(harness).count == 1)
    #expect(numbers.map(\.providerID) == Array(repeating: provider.id, count: 4))
  }

  @Test func tellsTheAuditLogOfBoth() async throws {
    try harness.buy(1)
    try harness.buy(2)
    _ = try await harness.numbers.importNumber(try request(1), by: caller)
    _ = try await harness.numbers.importNumber(try request(2), by: caller)
    let told = try await actions(harness)
    #expect(told.filter { $0 == .create }.count == 1)
    #expect(told.filter { $0 == .importNumber }.count == 2)
  }

  @Test func tellsEveryBadField() async throws {
    var both = try request(1)
    both.providerID = Sample.providerID(1).description
    #expect(
      fields(await failure { try await harness.numbers.importNumber(both, by: caller) })
        == ["provider_id": .conflicting])
    let bad = ImportPhoneNumber(
      providerID: "", provider: ProviderInput(twilio: TwilioInput(accountSID: "AC1")), e164: "1")
    #expect(
      fields(await failure { try await harness.numbers.importNumber(bad, by: caller) }) == [
        "provider.region": .required, "provider.twilio.account_sid": .malformed,
        "provider.twilio": .required, "e164": .malformed,
      ])
    let neither = ImportPhoneNumber(providerID: "", e164: try Sample.e164(1).text)
    #expect(
      fields(await failure { try await harness.numbers.importNumber(neither, by: caller) })
        == ["provider_id": .required])
    #expect(harness.carrier.requestCount == 0)
  }
}
