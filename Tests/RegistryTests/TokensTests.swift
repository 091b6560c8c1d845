import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// Tokens on the memory store.
@Suite struct TokensTests {
  private let harness = Harness()
  private let directory = TokenDirectory()
  private let main = Caller.of(.main)
  private let other = Caller.of(Sample.otherTenant)

  private var tokens: Tokens {
    Tokens(harness.context, directory: directory, hasher: FakeHasher())
  }

  /// Not SHA-256, but as long.
  private struct FakeHasher: TokenHasher {
    func hash(_ secret: Secret) -> TokenHash { TokenHash(secret.revealed.map { $0 ^ 0x5a }) }
  }

  private func failure(
    _ body: () async throws(RegistryError) -> Void
  ) async -> RegistryError? {
    do throws(RegistryError) {
      try await body()
      return nil
    } catch {
      return error
    }
  }

  private func create(_ request: CreateToken, _ caller: Caller) async -> RegistryError? {
    await failure { () async throws(RegistryError) in
      _ = try await tokens.create(request, by: caller)
    }
  }

  @Test func aTokenWorksAtOnceAndItsSecretIsNotKept() async throws {
    let made = try await tokens.create(
      CreateToken(displayName: "dialler", scopes: ["calls:place", "numbers:read"]), by: other)
    let text = try #require(made.text)
    let grant = try #require(directory.grant(made.token.id))
    #expect(grant.tenant == Sample.otherTenant)
    #expect(grant.scopes == Scopes([.callsPlace, .numbersRead]))
    #expect(grant.hash.matches(FakeHasher().hash(text.secret)))
    #expect(made.token.hash.bytes != text.secret.revealed)
    #expect(made.token.creator == other.principal)
    #expect(try await tokens.grant(made.token.id) == grant)
  }

  @Test func aRevokedTokenIsGoneHereAndInTheStore() async throws {
    let made = try await tokens.create(CreateToken(scopes: ["calls:read"]), by: other)
    let id = made.token.id.description
    let revoked = try await tokens.revoke(id, of: "", by: other)
    #expect(revoked.revokeTime == harness.time.now())
    #expect(directory.grant(made.token.id) == nil)
    #expect(try await tokens.grant(made.token.id) == nil)
    harness.time.advance(by: .seconds(5))
    #expect(try await tokens.revoke(id, of: "", by: other) == revoked)
    let listed = try await tokens.list(PageRequest(), of: "", by: other).elements
    #expect(listed.map(\.revokeTime) == [revoked.revokeTime])
  }

  @Test func nobodyGivesWhatTheyDoNotHave() async {
    let reader = Caller(
      tenant: Sample.otherTenant, principal: .anonymous, scopes: Scopes(.numbersRead))
    #expect(
      await create(CreateToken(scopes: ["numbers:write"]), reader) == .scopeNotHeld(.numbersWrite))
    #expect(await create(CreateToken(scopes: ["dispatch"]), other) == .scopeNotHeld(.dispatch))
    #expect(await create(CreateToken(scopes: ["dispatch"]), main) == nil)
    let elsewhere = CreateToken(scopes: ["dispatch"], tenantID: "\(Sample.otherTenant)")
    #expect(
      await create(elsewhere, main)?.isInvalid(field: "scopes", .conflicting) == true)
  }

  @Test func badRequestsAreRefusedField() async {
    let past = harness.time.now()
    #expect(
      await create(CreateToken(scopes: []), main)?.isInvalid(field: "scopes", .required) == true)
    #expect(
      await create(CreateToken(scopes: ["root"]), main)?.isInvalid(field: "scopes[0]", .unknown)
        == true)
    #expect(
      await create(CreateToken(scopes: ["admin"], expireTime: past), main)?
        .isInvalid(field: "expire_time", .outOfRange) == true)
    #expect(
      await create(CreateToken(scopes: ["admin"], tenantID: "ten_1"), main)?
        .isInvalid(field: "tenant_id", .malformed) == true)
  }

  /// PostgreSQL refuses a text with U+0000, with an error that looks like ours.
  @Test func aPlaceWithoutAnIDIsNoPageToken() async {
    for id in ["", "tok_\0", "tok_%", String(repeating: "a", count: 64)] {
      let place = PageToken.bytes(of: 1) + Array(id.utf8)
      let request = PageRequest(token: PageToken(query: "tokens ", place: place).text)
      let failure = await failure { () async throws(RegistryError) in
        _ = try await tokens.list(request, of: "", by: main)
      }
      #expect(failure?.isInvalid(field: "page_token", .malformed) == true)
    }
  }

  @Test func onlyTheOperatorNamesOtherTenants() async throws {
    for tenant in ["\(TenantID.main)", CreateToken.newTenant] {
      #expect(
        await create(CreateToken(scopes: ["admin"], tenantID: tenant), other)
          == .notFound(.tenant(tenant)))
    }
    let made = try await tokens.create(
      CreateToken(scopes: ["admin"], tenantID: "\(Sample.otherTenant)"), by: main)
    #expect(made.token.tenant == Sample.otherTenant)
    // Another tenant's token is not there.
    let id = made.token.id
    #expect(
      await failure { () async throws(RegistryError) in
        _ = try await tokens.revoke("\(id)", of: "", by: main)
      } == .notFound(.token(id)))
    _ = try await tokens.revoke("\(id)", of: "\(Sample.otherTenant)", by: main)
  }

  @Test func aNewTenantIsTheSameWhenTheRequestComesAgain() async throws {
    let request = CreateToken(
      displayName: "Acme", scopes: ["admin"], tenantID: CreateToken.newTenant, requestID: "r1")
    let first = try await tokens.create(request, by: main)
    let again = try await tokens.create(request, by: main)
    #expect(first.token.tenant != .main && first.text != nil)
    #expect(again.token == first.token && again.text == nil)
    let next = try await tokens.create(
      CreateToken(scopes: ["admin"], tenantID: CreateToken.newTenant, requestID: "r2"), by: main)
    #expect(next.token.tenant != first.token.tenant)
  }

  @Test func aRequestThatIsForgottenMakesNoSecondAdministrator() async throws {
    let request = CreateToken(
      displayName: "Acme", scopes: ["admin"], tenantID: CreateToken.newTenant, requestID: "r1")
    let first = try await tokens.create(request, by: main)
    harness.time.advance(by: RegistryLimits.requestLifetime + .seconds(1))
    try await harness.context.housekeep()
    #expect(await create(request, main)?.isInvalid(field: "request_id", .requestIDReused) == true)
    let all = try await tokens.list(PageRequest(), of: "\(first.token.tenant)", by: main).elements
    #expect(all.map(\.id) == [first.token.id])
  }

  @Test func aTokenMakesNoneThatOutlivesIt() async throws {
    let last = harness.time.now().advanced(by: .seconds(60))
    let maker = try await tokens.create(
      CreateToken(scopes: ["admin"], expireTime: last), by: other)
    let caller = Caller(
      tenant: Sample.otherTenant, principal: .token(maker.token.id), scopes: Scopes(.admin))
    for isKnown in [true, false] {
      if !isKnown { directory.remove(maker.token.id) }
      for time in [nil, last.advanced(by: .microseconds(1))] {
        #expect(
          await create(CreateToken(scopes: ["admin"], expireTime: time), caller)?
            .isInvalid(field: "expire_time", .outOfRange) == true)
      }
      #expect(await create(CreateToken(scopes: ["admin"], expireTime: last), caller) == nil)
    }
  }

  @Test func theFirstAdministratorIsMadeOnce() async throws {
    #expect(try await tokens.newest() == nil)
    let text = tokens.makeText()
    #expect(try await tokens.makeAdministrator(text, after: nil))
    #expect(try await tokens.newest() == text.id)
    // Another process that starts at the same time.
    let late = tokens.makeText()
    #expect(try await !tokens.makeAdministrator(late, after: nil))
    #expect(try await tokens.grant(late.id) == nil)
    let grant = try #require(try await tokens.grant(text.id))
    #expect(grant.scopes == Scopes(.admin) && grant.tenant == .main)
    #expect(grant.expireTime == nil)
    // One that is asked for is made all the same, and ends by itself.
    harness.time.advance(by: .seconds(1))
    let another = tokens.makeText()
    #expect(try await tokens.makeAdministrator(another, after: text.id))
    #expect(
      directory.grant(another.id)?.expireTime
        == harness.time.now().advanced(by: AccessLimits.extraAdministratorLifetime))
    // Once for all that were asked at the same time, and again for who is asked later.
    #expect(try await !tokens.makeAdministrator(tokens.makeText(), after: text.id))
    #expect(try await tokens.newest() == another.id)
    #expect(try await tokens.makeAdministrator(tokens.makeText(), after: another.id))
  }

  @Test func anAdministratorIsWhoHasAGoodTokenOfTheFirstTenant() async throws {
    let text = tokens.makeText()
    #expect(try await !tokens.isAdministrator(text))
    #expect(try await tokens.makeAdministrator(text, after: nil))
    #expect(try await tokens.isAdministrator(text))
    #expect(try await !tokens.isAdministrator(TokenText(id: text.id, random: harness.context.ids)))
    for (scopes, caller) in [(["numbers:read"], main), (["admin"], other)] {
      let made = try await tokens.create(CreateToken(scopes: scopes), by: caller)
      #expect(try await !tokens.isAdministrator(try #require(made.text)))
    }
    let extra = tokens.makeText()
    #expect(try await tokens.makeAdministrator(extra, after: text.id))
    harness.time.advance(by: AccessLimits.extraAdministratorLifetime)
    #expect(try await !tokens.isAdministrator(extra))
    _ = try await tokens.revoke("\(text.id)", of: "", by: main)
    #expect(try await !tokens.isAdministrator(text))
  }
}

extension RegistryError {
  fileprivate func isInvalid(field: String, _ reason: FieldViolation.Reason) -> Bool {
    guard case .invalidArgument(let violations) = self else { return false }
    return violations.contains { $0.field == field && $0.reason == reason }
  }
}
