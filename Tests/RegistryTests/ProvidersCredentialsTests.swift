import Access
import Telephony
import TestKit
import Testing

@testable import Registry

struct ProvidersCredentialsTests {
  private let harness = Harness()
  private var providers: Providers { harness.providers }
  private let tenant = Harness.tenant

  private func key(_ number: Int, _ secret: String) -> TwilioInput {
    harness.carrier.addKey(
      Sample.key(number), secret: secret, account: Harness.account, region: .us1)
    return TwilioInput(
      apiKeySID: Sample.key(number).description, apiKeySecret: Secret(secret))
  }

  private func stage(
    _ provider: Provider, _ input: TwilioInput, etag: String = "", requestID: String = "",
    validateOnly: Bool = false
  ) async throws -> Provider {
    try await providers.stage(
      StageCredential(
        providerID: provider.id.description, twilio: input, etag: etag, requestID: requestID,
        validateOnly: validateOnly), by: .of(tenant))
  }

  private func promote(_ provider: Provider, etag: String = "") async throws -> Provider {
    try await providers.promote(
      SwitchCredential(providerID: provider.id.description, etag: etag), by: .of(tenant)
    ).0
  }

  private func rollBack(_ provider: Provider, etag: String = "") async throws -> Provider {
    try await providers.rollBack(
      SwitchCredential(providerID: provider.id.description, etag: etag), by: .of(tenant))
  }

  private func stored(_ provider: Provider) async throws -> Provider {
    try await providers.get(provider.id.description, by: .of(tenant))
  }

  private func sid(_ provider: Provider) -> APIKeySID? {
    guard case .twilio(let twilio) = provider.configuration else { return nil }
    return twilio.apiKey?.sid
  }

  /// What a provider's current credentials are, opened.
  private func token(_ provider: Provider) throws -> Secret? {
    guard case .twilio(let twilio) = provider.configuration, let token = twilio.authToken else {
      return nil
    }
    return try FakeSealer().open(
      token, .authToken(provider.id), of: provider.secretOwner, with: provider.dataKey)
  }

  private func linkedWithToken() async throws -> Provider {
    harness.carrier.setToken("primary", account: Harness.account, region: .us1)
    var input = Harness.input()
    input.twilio?.authToken = Secret("primary")
    return try await providers.create(CreateProvider(provider: input), by: .of(tenant))
  }

  private func addNumbers(_ count: Int, _ provider: Provider) async throws {
    for index in 1...count {
      try harness.buy(index)
      _ = try await harness.importNumber(index, provider)
    }
  }

  // MARK: Staging

  @Test func stagingChangesNothingElse() async throws {
    let made = try await harness.link()
    try await addNumbers(3, made)
    let before = harness.carrier.requestCount
    let staged = try await stage(made, key(9, "new-secret"), requestID: "r")
    #expect(harness.carrier.requestCount == before + 4)
    #expect(staged.configuration == made.configuration)
    #expect(staged.staged?.apiKey?.sid == Sample.key(9))
    #expect(staged.staged?.use.state == .unproven)
    #expect(staged.staged?.mark == staged.revision.version)
    // The same request again makes nothing more; another body is refused.
    #expect(try await stage(made, key(9, "new-secret"), requestID: "r") == staged)
    let reused = await failure { try await stage(made, key(9, "other"), requestID: "r") }
    #expect(fields(reused) == ["request_id": .requestIDReused])
    let second = await failure { try await stage(made, key(8, "more")) }
    #expect(second == .credentialStaged(made.id))
    #expect(try await stored(made) == staged)
  }

  @Test func whatTheCarrierRefusesIsNotStaged() async throws {
    let made = try await harness.link()
    try await addNumbers(60, made)
    let wrong = TwilioInput(
      apiKeySID: Sample.key(9).description, apiKeySecret: Secret("never heard of"))
    #expect(refusal(await failure { try await stage(made, wrong) }) == .credentialsRefused)
    let region = TwilioInput(
      apiKeySID: Sample.key(2).description, apiKeySecret: Secret("ie-secret"))
    #expect(
      await failure { try await stage(made, region) }
        == .credentialsOfOtherRegion(asked: .us1, valid: .ie1))
    let blind = key(9, "new-secret")
    harness.carrier.hide((3...60).map(Sample.sid), from: Sample.key(9))
    let blinded = await failure { try await stage(made, blind) }
    guard case .numbersUnreachable(let listed, 58, _) = blinded
    else { return #expect(Bool(false)) }
    #expect(listed.count == RegistryLimits.unreachableNumbersMax)
    #expect(
      fields(await failure { try await stage(made, TwilioInput()) }) == ["twilio": .required])
    #expect(try await stage(made, key(7, "good"), validateOnly: true).staged != nil)
    var elsewhere = key(7, "good")
    elsewhere.accountSID = Sample.account(2).description
    #expect(
      fields(await failure { try await stage(made, elsewhere) })
        == ["twilio.account_sid": .immutable])
    let stale = await failure { try await stage(made, key(7, "good"), etag: "x-1") }
    #expect(stale == .etagMismatch(.provider(made.id)))
    #expect(try await stored(made) == made)
  }

  @Test func anUpdateOfCredentialsWaitsForWhatIsStaged() async throws {
    let made = try await harness.link()
    let staged = try await stage(made, key(9, "new-secret"))
    let input = ProviderInput(id: made.id.description, twilio: key(8, "update"))
    let refused = await failure {
      try await providers.update(UpdateProvider(provider: input), by: .of(tenant))
    }
    #expect(refused == .credentialStaged(made.id))
    let named = try await providers.update(
      UpdateProvider(provider: ProviderInput(id: made.id.description, displayName: "N")),
      by: .of(tenant))
    #expect(named.staged == staged.staged)
  }

  // MARK: Promotion

  @Test func promotionSwapsAndKeepsWhatWas() async throws {
    let made = try await linkedWithToken()
    try await addNumbers(2, made)
    var input = key(9, "new-secret")
    input.authToken = Secret("secondary")
    // The carrier takes both tokens; the fake knows one at a time.
    harness.carrier.setToken("secondary", account: Harness.account, region: .us1)
    let staged = try await stage(made, input)
    let before = harness.carrier.requestCount
    let promoted = try await promote(made, etag: staged.etag)
    #expect(harness.carrier.requestCount == before + 4)
    #expect(sid(promoted) == Sample.key(9))
    #expect(try token(promoted) == Secret("secondary"))
    #expect(promoted.staged == nil)
    #expect(promoted.previous?.apiKey?.sid == Sample.key(1))
    #expect(
      promoted.previous?.expireTime
        == harness.time.now().advanced(by: RegistryLimits.credentialWindowDefault))
    #expect(try await stored(made) == promoted)
    // The key that was is not needed by anything.
    harness.carrier.removeKey(Sample.key(1), account: Harness.account, region: .us1)
    _ = try await providers.validate(.stored(id: made.id.description), by: .of(tenant))
    #expect(await failure { try await promote(made) } == .credentialNotStaged(made.id))
    guard case .credentialReplaced(made.id, _) = await failure({ try await stage(made, input) })
    else { return #expect(Bool(false)) }
  }

  @Test func aTokenAloneLeavesTheKey() async throws {
    let made = try await linkedWithToken()
    harness.carrier.setToken("secondary", account: Harness.account, region: .us1)
    _ = try await stage(made, TwilioInput(authToken: Secret("secondary")))
    let promoted = try await promote(made)
    #expect(sid(promoted) == Sample.key(1))
    #expect(try token(promoted) == Secret("secondary"))
    let back = await failure { try await rollBack(made) }
    // The carrier takes the old one no more.
    #expect(refusal(back) == .credentialsRefused)
    harness.carrier.setToken("primary", account: Harness.account, region: .us1)
    let restored = try await rollBack(made)
    #expect(try token(restored) == Secret("primary"))
    #expect(sid(restored) == Sample.key(1))
    #expect(restored.staged?.apiKey == nil)
    #expect(restored.staged?.authToken != nil)
  }

  @Test func promotionNeedsWhatWorks() async throws {
    let made = try await harness.link()
    let staged = try await stage(made, key(9, "new-secret"))
    let mark = try #require(staged.staged?.mark)
    var use = CredentialUse()
    use.refused(.create, at: harness.time.now())
    try await providers.noteUse(of: made.id, mark: mark, use)
    #expect(await failure { try await promote(made) } == .credentialRefused(made.id))
    // Nothing hides that it may not place calls.
    use = CredentialUse()
    use.signed(at: harness.time.now().advanced(by: .seconds(1)))
    use.answered(.other, at: harness.time.now().advanced(by: .seconds(1)))
    try await providers.noteUse(of: made.id, mark: mark, use)
    #expect(await failure { try await promote(made) } == .credentialRefused(made.id))
    use = CredentialUse()
    use.answered(.create, at: harness.time.now().advanced(by: .seconds(1)))
    try await providers.noteUse(of: made.id, mark: mark, use)
    #expect(try await stored(made).etag == staged.etag)
    // It is tried again: numbers may have come that it does not reach.
    try await addNumbers(2, made)
    harness.carrier.hide([Sample.sid(2)], from: Sample.key(9))
    guard case .numbersUnreachable(_, 1, _) = await failure({ try await promote(made) }) else {
      return #expect(Bool(false))
    }
    harness.carrier.removeKey(Sample.key(9), account: Harness.account, region: .us1)
    #expect(refusal(await failure { try await promote(made) }) == .credentialsRefused)
    #expect(sid(try await stored(made)) == Sample.key(1))
  }

  // MARK: Rolling back

  @Test func rollingBackUndoesOneStep() async throws {
    let made = try await harness.link()
    _ = try await stage(made, key(9, "new-secret"))
    let dropped = try await rollBack(made)
    #expect(dropped.staged == nil)
    #expect(dropped.configuration == made.configuration)
    #expect(await failure { try await rollBack(made) } == .credentialNotStaged(made.id))

    _ = try await stage(made, key(9, "new-secret"))
    let promoted = try await promote(made)
    let stale = await failure { try await rollBack(made, etag: made.etag) }
    #expect(stale == .etagMismatch(.provider(made.id)))
    let back = try await rollBack(made, etag: promoted.etag)
    #expect(sid(back) == Sample.key(1))
    #expect(back.previous == nil)
    // What was replaced is staged, as if it had been: it can be promoted, or dropped.
    #expect(back.staged?.apiKey?.sid == Sample.key(9))
    #expect(back.staged?.mark == back.revision.version)
    #expect(sid(try await promote(made)) == Sample.key(9))
    _ = try await rollBack(made)
    #expect(try await rollBack(made).staged == nil)
  }

  @Test func theWindowEnds() async throws {
    let made = try await harness.link()
    _ = try await stage(made, key(9, "new-secret"))
    let promoted = try await promote(made)
    harness.time.advance(by: RegistryLimits.credentialWindowDefault + .seconds(-1))
    try await harness.context.closeCredentialWindows()
    #expect(try await stored(made) == promoted)
    harness.time.advance(by: .seconds(1))
    // Also before anybody has destroyed them.
    #expect(await failure { try await rollBack(made) } == .credentialNotStaged(made.id))
    try await harness.context.closeCredentialWindows()
    let after = try await stored(made)
    #expect(after.previous == nil)
    #expect(after.configuration == promoted.configuration)
    let entries = try await harness.store.tenant(tenant).auditEvents(
      AuditFilter(principal: .system), after: nil, limit: 9)
    #expect(entries.count == 1)
    // Nothing is left to do.
    try await harness.context.closeCredentialWindows()
    #expect(try await stored(made) == after)
  }

  @Test func anotherProcessFindsTheWindow() async throws {
    let made = try await harness.link()
    _ = try await stage(made, key(9, "new-secret"))
    _ = try await promote(made)
    let restarted = harness.restarted()
    harness.time.advance(by: RegistryLimits.credentialWindowDefault)
    try await restarted.context.closeCredentialWindows()
    #expect(try await stored(made).previous != nil)
    try await restarted.context.findCredentialWindows()
    try await restarted.context.closeCredentialWindows()
    #expect(try await stored(made).previous == nil)
  }

  @Test func anUpdateOfCredentialsEndsTheWindow() async throws {
    let made = try await harness.link()
    _ = try await stage(made, key(9, "new-secret"))
    _ = try await promote(made)
    let input = ProviderInput(id: made.id.description, twilio: key(8, "update"))
    let updated = try await providers.update(UpdateProvider(provider: input), by: .of(tenant))
    #expect(updated.previous == nil)
    #expect(sid(updated) == Sample.key(8))
  }

  // MARK: Bounds

  /// One trial of a provider goes on at a time, whatever it is for, and so many over all.
  @Test func trialsAreBounded() async throws {
    let made = try await harness.link()
    let fresh = key(9, "new-secret")
    _ = try await stage(made, fresh)
    let requests = harness.carrier.requestCount
    let update = UpdateProvider(
      provider: ProviderInput(id: made.id.description, twilio: key(8, "update")))
    try await harness.context.trials.run(made.id) { () async throws(RegistryError) in
      #expect(await failure { try await promote(made) } == .tooManyTrials)
    }
    _ = try await rollBack(made)
    try await harness.context.trials.run(made.id) { () async throws(RegistryError) in
      #expect(await failure { try await stage(made, fresh) } == .tooManyTrials)
      #expect(
        await failure { try await providers.update(update, by: .of(tenant)) } == .tooManyTrials)
      // What tries nothing is not kept from anything.
      let named = ProviderInput(id: made.id.description, displayName: "N")
      #expect(
        await failure {
          try await providers.update(UpdateProvider(provider: named), by: .of(tenant))
        } == nil)
    }
    try await occupied(RegistryLimits.keyTrialsMax) {
      #expect(await failure { try await stage(made, fresh) } == .tooManyTrials)
    }
    #expect(harness.carrier.requestCount == requests)
    try await occupied(RegistryLimits.keyTrialsMax - 1) {
      #expect(await failure { try await stage(made, fresh) } == nil)
    }
    _ = try await promote(made)
    try await harness.context.trials.run(made.id) { () async throws(RegistryError) in
      #expect(await failure { try await rollBack(made) } == .tooManyTrials)
    }
  }

  /// While trials of so many other providers go on.
  private func occupied(
    _ count: Int, _ body: () async -> Void
  ) async throws(RegistryError) {
    guard count > 0 else { return await body() }
    try await harness.context.trials.run(Sample.providerID(90 + count)) {
      () async throws(RegistryError) in try await occupied(count - 1, body)
    }
  }

  // MARK: What stores and dispatches know

  @Test func aFirstTokenIsRequiredOnlyWhenTheWindowIsOver() async throws {
    let made = try await harness.link()
    harness.carrier.setToken("first", account: Harness.account, region: .us1)
    let staged = try await stage(made, TwilioInput(authToken: Secret("first")))
    #expect(!ProviderRoute(staged).requiresSignature)
    #expect(!ProviderRoute(try await promote(made)).requiresSignature)
    harness.time.advance(by: RegistryLimits.credentialWindowDefault)
    try await harness.context.closeCredentialWindows()
    #expect(ProviderRoute(try await stored(made)).requiresSignature)
  }

  @Test func everySecretIsSealedAsWhatItIs() async throws {
    let made = try await linkedWithToken()
    harness.carrier.setToken("secondary", account: Harness.account, region: .us1)
    var input = key(9, "new-secret")
    input.authToken = Secret("secondary")
    let staged = try await stage(made, input)
    #expect(staged.secrets.count == 4)
    let promoted = try await promote(made)
    #expect(promoted.secrets.count == 4)
    let sealer = FakeSealer()
    for provider in [staged, promoted] {
      #expect(provider.seals == [Seal(keyName: "test", isEnvelope: true)])
      for (index, secret) in provider.secrets.enumerated() {
        for (other, field) in provider.secrets.map(\.field).enumerated() {
          let opened = try? sealer.open(
            secret.sealed, field, of: provider.secretOwner, with: provider.dataKey)
          #expect((opened != nil) == (index == other))
        }
      }
    }
    // The keyring's rotation takes them along.
    let new = FakeSealer(keyName: "new", earlier: ["test"])
    _ = try await KeyRotation(
      store: harness.store, sealer: new, time: harness.time, ids: harness.ids
    ).run()
    let moved = try await stored(made)
    for secret in moved.secrets {
      _ = try FakeSealer(keyName: "new").open(
        secret.sealed, secret.field, of: moved.secretOwner, with: moved.dataKey)
    }
    #expect(try await SealCheck(store: harness.store, sealer: new).problems().isEmpty)
  }

  @Test func useOfWhatIsNotStagedIsForgotten() async throws {
    let made = try await harness.link()
    let staged = try await stage(made, key(9, "new-secret"))
    var use = CredentialUse()
    use.signed(at: harness.time.now())
    try await providers.noteUse(of: made.id, mark: 1, use)
    try await providers.noteUse(of: Sample.providerID(77), mark: 1, use)
    #expect(try await stored(made) == staged)
  }
}
