import Telephony
import TestKit
import Testing

@testable import Registry

struct ProvidersTests {
  private let harness = Harness()
  private var providers: Providers { harness.providers }
  private let tenant = Harness.tenant

  @Test func linksAnAccountOncePerRegion() async throws {
    let us1 = try await harness.link(.us1)
    let ie1 = try await harness.link(.ie1)
    #expect(us1.accountSID == ie1.accountSID)
    #expect(us1.state == .active)
    #expect(us1.conditions.map(\.reason) == ["ACCEPTED"])
    let error = await failure { try await harness.link(.us1) }
    #expect(error == .providerExists(us1.id))
    #expect(try await providers.get(us1.id.description, by: .of(tenant)) == us1)
  }

  @Test func asksTheCarrierFirst() async throws {
    var input = Harness.input(.ie1)
    input.twilio?.apiKeySecret = Secret("wrong")
    let error = await failure {
      try await providers.create(CreateProvider(provider: input), by: .of(tenant))
    }
    guard case .carrier(let refusal) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(refusal.kind == .credentialsRefused)
    #expect(refusal.code == 20003)
    let list = try await providers.list(ListProviders(), by: .of(tenant))
    #expect(list.elements.isEmpty)
  }

  /// The carrier says of each no more than that the credentials are wrong.
  @Test func saysWhereAndWhoseCredentialsAre() async throws {
    var input = Harness.input(.ie1)
    input.twilio?.apiKeySID = Sample.key(1).description
    input.twilio?.apiKeySecret = Secret("us-secret")
    let elsewhere = await failure {
      try await providers.create(CreateProvider(provider: input), by: .of(tenant))
    }
    #expect(elsewhere == .credentialsOfOtherRegion(asked: .ie1, valid: .us1))
    let stranger = Sample.account(9)
    harness.carrier.addKey(Sample.key(9), secret: "s", account: stranger, region: .ie1)
    input.twilio?.apiKeySID = Sample.key(9).description
    input.twilio?.apiKeySecret = Secret("s")
    let others = await failure {
      try await providers.create(CreateProvider(provider: input), by: .of(tenant))
    }
    #expect(others == .accountMismatch(expected: Harness.account, owner: stranger))
    harness.carrier.suspend(Harness.account)
    let suspended = await failure { try await harness.link(.us1) }
    #expect(refusal(suspended) == .accountInactive)
    let list = try await providers.list(ListProviders(), by: .of(tenant))
    #expect(list.elements.isEmpty)
  }

  @Test func triesTheTokenToo() async throws {
    harness.carrier.setToken("good", account: Harness.account, region: .us1)
    var input = Harness.input()
    input.twilio?.authToken = Secret("bad")
    let error = await failure {
      try await providers.create(CreateProvider(provider: input), by: .of(tenant))
    }
    #expect(refusal(error) == .credentialsRefused)
    input.twilio?.authToken = Secret("good")
    let made = try await providers.create(CreateProvider(provider: input), by: .of(tenant))
    let routes = try await harness.context.feed.page(after: 0)
    #expect(routes.changes.map(\.kind) == [.put(.provider(ProviderRoute(made)))])
    #expect(ProviderRoute(made).requiresSignature)
  }

  @Test func sealsSecretsToTheirProvider() async throws {
    let made = try await harness.link()
    guard case .twilio(let twilio) = made.configuration else { return }
    let sealed = try #require(twilio.apiKey?.secret)
    let dataKey = try #require(made.dataKey)
    #expect(made.seals == [Seal(keyName: "test", isEnvelope: true)])
    let opened = try FakeSealer().open(
      sealed, .apiKeySecret(made.id), of: made.secretOwner, under: dataKey)
    #expect(opened == Secret("us-secret"))
    #expect(throws: SealingError.notAuthentic) {
      try FakeSealer().open(sealed, .authToken(made.id), of: made.secretOwner, under: dataKey)
    }
    #expect(!"\(made)".contains("us-secret"))
  }

  @Test func savesNothingWhenItValidates() async throws {
    _ = try await providers.create(
      CreateProvider(provider: Harness.input(), requestID: "r1", validateOnly: true),
      by: .of(tenant))
    let tried = try await providers.validate(.candidate(Harness.input()), by: .of(tenant))
    #expect(tried.state == .active)
    #expect(try await providers.list(ListProviders(), by: .of(tenant)).elements.isEmpty)
    #expect(try await harness.store.tenant(tenant).request("r1") == nil)
    let made = try await harness.link()
    #expect(
      try await providers.validate(.stored(id: made.id.description), by: .of(tenant)).id == made.id)
    harness.carrier.removeKey(Sample.key(1), account: Harness.account, region: .us1)
    let error = await failure {
      try await providers.validate(.stored(id: made.id.description), by: .of(tenant))
    }
    #expect(refusal(error) == .credentialsRefused)
    #expect(
      fields(await failure { try await providers.validate(.unset, by: .of(tenant)) })
        == ["target": .required])
  }

  @Test func repeatsTheAnswerOfARequest() async throws {
    let request = CreateProvider(provider: Harness.input(), requestID: "r1")
    let first = try await providers.create(request, by: .of(tenant))
    let requests = harness.carrier.requestCount
    #expect(try await providers.create(request, by: .of(tenant)) == first)
    #expect(harness.carrier.requestCount == requests)
    var other = request
    other.provider?.displayName = "Other"
    let error = await failure { try await providers.create(other, by: .of(tenant)) }
    #expect(fields(error) == ["request_id": .requestIDReused])
    let foreign = await failure {
      try await providers.get(first.id.description, by: .of(Sample.otherTenant))
    }
    #expect(foreign == .notFound(.provider(first.id)))
  }

  @Test func makesOneOfManyEqualRequests() async throws {
    let request = CreateProvider(provider: Harness.input(), requestID: "r1")
    let providers = providers
    let tenant = tenant
    let ids = try await withThrowingTaskGroup(of: ProviderID.self) { group in
      for _ in 0..<8 {
        group.addTask { try await providers.create(request, by: .of(tenant)).id }
      }
      var ids: Set<ProviderID> = []
      for try await id in group { ids.insert(id) }
      return ids
    }
    #expect(ids.count == 1)
  }

  @Test func tellsEveryBadField() async throws {
    let bad = ProviderInput(
      displayName: "a\u{0}b", region: .unknown,
      twilio: TwilioInput(accountSID: "prv_1", apiKeySID: "SKxyz"),
      labels: ["Bad Key": "v"])
    let error = await failure {
      try await providers.create(
        CreateProvider(provider: bad, requestID: "with space"), by: .of(tenant))
    }
    #expect(
      fields(error) == [
        "request_id": .malformed, "provider.display_name": .forbiddenCharacter,
        "provider.region": .unknown, "provider.labels": .malformed,
        "provider.twilio.account_sid": .malformed, "provider.twilio.api_key_sid": .malformed,
        "provider.twilio.api_key_secret": .required,
      ])
    let empty = await failure {
      try await providers.create(CreateProvider(provider: nil), by: .of(tenant))
    }
    #expect(fields(empty) == ["provider": .required])
    let bare = await failure {
      try await providers.create(
        CreateProvider(
          provider: ProviderInput(
            region: .value(.us1), twilio: TwilioInput(accountSID: Harness.account.description))),
        by: .of(tenant))
    }
    #expect(fields(bare) == ["provider.twilio": .required])
    #expect(harness.carrier.requestCount == 0)
  }

  @Test func bindsPageTokensToTheirQuery() async throws {
    for region in [Region.us1, .ie1] { _ = try await harness.link(region) }
    let first = try await providers.list(
      ListProviders(page: PageRequest(size: 1)), by: .of(tenant))
    #expect(first.elements.map(\.region) == [.ie1])
    let second = try await providers.list(
      ListProviders(page: PageRequest(size: 1, token: first.nextToken)), by: .of(tenant))
    #expect(second.elements.map(\.region) == [.us1])
    #expect(second.nextToken.isEmpty)
    let changed = await failure {
      try await providers.list(
        ListProviders(page: PageRequest(size: 1, token: first.nextToken), region: .value(.us1)),
        by: .of(tenant))
    }
    #expect(fields(changed) == ["page_token": .conflicting])
    for token in ["x", "zz", "00", String(first.nextToken.dropLast(2)), first.nextToken + "00"] {
      let bad = await failure {
        try await providers.list(
          ListProviders(page: PageRequest(token: token)), by: .of(tenant))
      }
      #expect(fields(bad) == ["page_token": .malformed])
    }
    let negative = await failure {
      try await providers.list(ListProviders(page: PageRequest(size: -1)), by: .of(tenant))
    }
    #expect(fields(negative) == ["page_size": .outOfRange])
    let huge = try await providers.list(
      ListProviders(page: PageRequest(size: .max)), by: .of(tenant))
    #expect(huge.elements.count == 2)
  }

  @Test func deletesOnlyWhatHasNoNumbers() async throws {
    let made = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, made)
    let used = await failure {
      try await providers.delete(made.id.description, by: .of(tenant))
    }
    #expect(used == .providerInUse(made.id, numberCount: 1))
    _ = try await harness.numbers.delete(number.id.description, by: .of(tenant))
    let stale = await failure {
      try await providers.delete(made.id.description, etag: "x-1", by: .of(tenant))
    }
    #expect(stale == .etagMismatch(.provider(made.id)))
    try await providers.delete(made.id.description, etag: made.etag, by: .of(tenant))
    let gone = await failure { try await providers.get(made.id.description, by: .of(tenant)) }
    #expect(gone == .notFound(.provider(made.id)))
  }

  @Test func listsWhatTheCarrierHas() async throws {
    let made = try await harness.link()
    for index in 1...3 { try harness.buy(index) }
    let number = try await harness.importNumber(2, made)
    let first = try await providers.listNumbers(
      providerID: made.id.description, page: PageRequest(size: 2), by: .of(tenant))
    #expect(first.elements.map(\.number.sid) == [Sample.sid(1), Sample.sid(2)])
    #expect(first.elements.map(\.importedAs) == [nil, number.id])
    let rest = try await providers.listNumbers(
      providerID: made.id.description, page: PageRequest(size: 2, token: first.nextToken),
      by: .of(tenant))
    #expect(rest.elements.map(\.number.sid) == [Sample.sid(3)])
    #expect(rest.nextToken.isEmpty)
  }
}
