import Telephony
import TestKit
import Testing

@testable import Registry

struct ProvidersUpdateTests {
  private let harness = Harness()
  private var providers: Providers { harness.providers }
  private let tenant = Harness.tenant

  private func update(
    _ provider: Provider, mask: [String]? = nil, etag: String = "",
    _ change: (inout ProviderInput) -> Void
  ) async throws -> Provider {
    var input = ProviderInput(id: provider.id.description, etag: etag)
    change(&input)
    return try await providers.update(
      UpdateProvider(provider: input, mask: mask), by: .of(tenant))
  }

  private func newKey(_ secret: String = "new-secret") -> TwilioInput {
    TwilioInput(apiKeySID: Sample.key(9).description, apiKeySecret: Secret(secret))
  }

  @Test func changesWhatTheMaskNames() async throws {
    let made = try await harness.link()
    let renamed = try await update(made, mask: ["display_name"]) {
      $0.displayName = "New"
      $0.labels = ["a": "b"]
    }
    #expect(renamed.displayName == "New")
    #expect(renamed.labels.isEmpty)
    #expect(renamed.revision.version == 2)
    // Absent: what is populated.
    let labelled = try await update(made) { $0.labels = ["a": "b"] }
    #expect(labelled.displayName == "New")
    #expect(labelled.labels == ["a": "b"])
    // Named but empty: cleared.
    let cleared = try await update(made, mask: ["display_name", "labels"]) { _ in }
    #expect(cleared.displayName.isEmpty)
    #expect(cleared.labels.isEmpty)
    let unknown = await failure { try await update(made, mask: ["region"]) { _ in } }
    #expect(fields(unknown) == ["update_mask": .unknown])
  }

  @Test func takesWhatAReadGave() async throws {
    let made = try await harness.link()
    let requests = harness.carrier.requestCount
    let same = try await update(made) {
      $0.displayName = made.displayName
      $0.region = .value(.us1)
      $0.twilio = TwilioInput(
        accountSID: Harness.account.description, apiKeySID: Sample.key(1).masked)
    }
    #expect(same == made)
    #expect(harness.carrier.requestCount == requests)
  }

  @Test func refusesWhatNeverChanges() async throws {
    let made = try await harness.link()
    let error = await failure {
      try await update(made) {
        $0.region = .value(.ie1)
        $0.twilio = TwilioInput(accountSID: Sample.account(2).description)
      }
    }
    #expect(
      fields(error) == [
        "provider.region": .immutable, "provider.twilio.account_sid": .immutable,
      ])
  }

  @Test func comparesEtags() async throws {
    let made = try await harness.link()
    _ = try await update(made, etag: made.etag) { $0.displayName = "A" }
    let stale = await failure { try await update(made, etag: made.etag) { $0.displayName = "B" } }
    #expect(stale == .etagMismatch(.provider(made.id)))
  }

  @Test func takesANewKeyThatReachesEveryNumber() async throws {
    let made = try await harness.link()
    for index in 1...20 {
      try harness.buy(index)
      _ = try await harness.importNumber(index, made)
    }
    harness.carrier.addKey(
      Sample.key(9), secret: "new-secret", account: Harness.account, region: .us1)
    let requests = harness.carrier.requestCount
    let updated = try await update(made) { $0.twilio = newKey() }
    #expect(harness.carrier.requestCount == requests + 21)
    guard case .twilio(let twilio) = updated.configuration else { return }
    #expect(twilio.apiKey?.sid == Sample.key(9))
    harness.carrier.removeKey(Sample.key(1), account: Harness.account, region: .us1)
    _ = try await providers.validate(.stored(id: made.id.description), by: .of(tenant))
  }

  @Test func refusesANewKeyWhole() async throws {
    let made = try await harness.link()
    for index in 1...60 {
      try harness.buy(index)
      _ = try await harness.importNumber(index, made)
    }
    harness.carrier.addKey(
      Sample.key(9), secret: "new-secret", account: Harness.account, region: .us1)
    harness.carrier.hide((3...60).map(Sample.sid), from: Sample.key(9))
    let error = await failure { try await update(made) { $0.twilio = newKey() } }
    guard case .numbersUnreachable(let numbers, let total, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(total == 58)
    #expect(numbers.count == RegistryLimits.unreachableNumbersMax)
    #expect(numbers.allSatisfy { $0.carrierCode == 20404 })
    #expect(numbers.first?.e164 == (try Sample.e164(60)))
    #expect(try await providers.get(made.id.description, by: .of(tenant)) == made)
  }

  @Test func aSilentCarrierSaysNothingAboutAKey() async throws {
    let made = try await harness.link()
    harness.carrier.setOutage(CarrierError(.unavailable, effect: .unknown))
    let error = await failure { try await update(made) { $0.twilio = newKey() } }
    #expect(refusal(error) == .unavailable)
  }

  @Test func refusesABadKeyAndAKeyWithoutItsSecret() async throws {
    let made = try await harness.link()
    let refused = await failure { try await update(made) { $0.twilio = newKey("wrong") } }
    #expect(refusal(refused) == .credentialsRefused)
    let bare = await failure {
      try await update(made) { $0.twilio = TwilioInput(apiKeySID: Sample.key(9).description) }
    }
    #expect(fields(bare) == ["provider.twilio.api_key_secret": .required])
    let nothing = await failure {
      try await update(made, mask: ["twilio.api_key_secret"]) {
        $0.twilio = TwilioInput(apiKeySecret: Secret(""))
      }
    }
    #expect(fields(nothing) == ["provider.twilio": .required])
  }

  @Test func goesFromKeyToToken() async throws {
    let made = try await harness.link()
    try harness.buy(1)
    _ = try await harness.importNumber(1, made)
    harness.carrier.setToken("token", account: Harness.account, region: .us1)
    let both = try await update(made) { $0.twilio = TwilioInput(authToken: Secret("token")) }
    #expect(ProviderRoute(both).requiresSignature)
    let requests = harness.carrier.requestCount
    let token = try await update(made, mask: ["twilio.api_key_sid"]) {
      $0.twilio = TwilioInput()
    }
    // Every number is tried with the token that takes the key's place.
    #expect(harness.carrier.requestCount == requests + 1)
    guard case .twilio(let twilio) = token.configuration else { return }
    #expect(twilio.apiKey == nil)
    #expect(twilio.authToken != nil)
    harness.carrier.removeKey(Sample.key(1), account: Harness.account, region: .us1)
    _ = try await providers.validate(.stored(id: made.id.description), by: .of(tenant))
  }

  @Test func savesNothingWhenItValidates() async throws {
    let made = try await harness.link()
    let input = ProviderInput(id: made.id.description, displayName: "New")
    let shown = try await providers.update(
      UpdateProvider(provider: input, validateOnly: true), by: .of(tenant))
    #expect(shown.displayName == "New")
    #expect(try await providers.get(made.id.description, by: .of(tenant)) == made)
  }
}
