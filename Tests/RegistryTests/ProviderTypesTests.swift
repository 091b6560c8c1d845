import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// LiveKit servers as providers, and what all kinds share.
struct ProviderTypesTests {
  private let types = ProviderTypes()
  private var harness: Harness { types.harness }
  private var providers: Providers { harness.providers }
  private let tenant = Harness.tenant

  // MARK: LiveKit

  @Test func aLiveKitServerIsLinkedOnceByItsKey() async throws {
    let made = try await types.create(types.liveKit(url: "HTTPS://LiveKit.test:443"))
    guard case .liveKit(let gateway) = made.configuration else {
      Issue.record("\(made.configuration)")
      return
    }
    #expect(gateway.url == ProviderTypes.url)
    #expect(gateway.maskedAPIKey == "API****y123")
    #expect(made.conditions.map(\.reason) == ["ACCEPTED"])
    #expect(await failure { try await types.create(types.liveKit()) } == .providerExists(made.id))
    let other = try await types.create(types.liveKit(key: "APIsecondkey45", secret: "secret-two"))
    #expect(other.id != made.id)
  }

  /// Each with its own remedy.
  @Test func whatIsWrongWithCredentialsIsToldApart() async {
    var seen: [String: CarrierError.Kind?] = [:]
    seen["key"] = types.gatewayRefusal(
      await failure { try await types.create(types.liveKit(key: "APIother")) })
    seen["secret"] = types.gatewayRefusal(
      await failure { try await types.create(types.liveKit(secret: "no")) })
    seen["grant"] = types.gatewayRefusal(
      await failure { try await types.create(types.liveKit(key: "APIviewer00000", secret: "s3")) })
    seen["host"] = types.gatewayRefusal(
      await failure { try await types.create(types.liveKit(url: "https://nobody.test")) })
    harness.gateway.setOutage(CarrierError(.notFound, effect: .refused, code: 404))
    seen["page"] = types.gatewayRefusal(await failure { try await types.create(types.liveKit()) })
    #expect(
      seen == [
        "key": .keyUnknown, "secret": .credentialsRefused, "grant": .notPermitted,
        "host": .unavailable, "page": .unreadableAnswer,
      ])
    let remedies = seen.values.compactMap { $0 }.map {
      CarrierFailure(CarrierError($0, effect: .refused)).gatewayDescription
    }
    #expect(Set(remedies).count == 5)
    #expect(remedies.allSatisfy { $0.contains("Check") || $0.contains("Give") })
  }

  @Test(arguments: [
    ("", FieldViolation.Reason.required), ("livekit.test", .malformed),
    ("wss://livekit.test", .malformed), ("https://livekit.test/path", .malformed),
    ("https://user@livekit.test", .malformed), ("https://livekit.test?x=1", .malformed),
    ("https://", .malformed), ("https://livekit.test:99999", .malformed),
    ("http://livekit.test", .malformed), ("http://127.0.0.1.evil.test", .malformed),
    ("http://localhost.evil.test:80", .malformed),
    ("https://" + String(repeating: "a", count: 260), .tooLong),
  ])
  func anAddressIsSchemeHostAndPort(_ url: String, _ reason: FieldViolation.Reason) async {
    #expect(await types.refused(types.liveKit(url: url)) == ["provider.livekit.url": reason])
  }

  @Test(arguments: ["http://127.0.0.1:7880", "http://localhost:7880", "http://[::1]:7880"])
  func thisMachineIsSpokenToWithoutTLS(_ url: String) async throws {
    harness.gateway.addKey("APIlocal123456", secret: "s", url: url)
    let made = try await types.create(types.liveKit(key: "APIlocal123456", secret: "s", url: url))
    #expect(made.key == "lk/\(url)/APIlocal123456")
  }

  @Test func keyAndSecretBelongTogether() async {
    var input = types.liveKit()
    input.liveKit?.apiSecret = nil
    #expect(await types.refused(input) == ["provider.livekit.api_secret": .required])
    input.liveKit?.apiKey = "API****y123"
    #expect(
      await types.refused(input) == [
        "provider.livekit.api_secret": .required, "provider.livekit.api_key": .malformed,
      ])
  }

  @Test func aNewKeyIsTriedAndTakesThePlaceOfTheOld() async throws {
    let made = try await types.create(types.liveKit())
    var change = ProviderInput(
      id: made.id.description, liveKit: LiveKitInput(apiKey: "APIsecondkey45"))
    #expect(
      fields(await failure { try await types.update(change) }) == [
        "provider.livekit.api_secret": .required
      ])
    change.liveKit?.apiSecret = Secret("wrong")
    #expect(
      types.gatewayRefusal(await failure { try await types.update(change) }) == .credentialsRefused)
    change.liveKit?.apiSecret = Secret("secret-two")
    let updated = try await types.update(change)
    #expect(updated.key == "lk/\(ProviderTypes.url)/APIsecondkey45")
    #expect(updated.revision.version == made.revision.version + 1)
    // The first key is free again, and what a read shows means the key that is there.
    let again = try await types.create(types.liveKit())
    var masked = ProviderInput(
      id: updated.id.description,
      liveKit: LiveKitInput(
        url: ProviderTypes.url, apiKey: "API****ey45", apiSecret: Secret("secret-two")))
    #expect(try await types.update(masked).key == updated.key)
    masked.liveKit?.url = "https://other.test"
    #expect(
      fields(await failure { try await types.update(masked) }) == [
        "provider.livekit.url": .immutable
      ])
    // Two providers don't become one.
    let twin = ProviderInput(
      id: updated.id.description,
      liveKit: LiveKitInput(apiKey: "APIfirstkey123", apiSecret: Secret("secret-one")))
    #expect(await failure { try await types.update(twin) } == .providerExists(again.id))
  }

  // MARK: Gateways

  @Test func aTrunkNamesALiveKitServerAsItsGateway() async throws {
    let twilio = try await harness.link()
    let gateway = try await types.create(types.liveKit())
    let unknown = Sample.providerID(99)
    #expect(
      await failure { try await types.create(types.trunk(gateway: unknown)) }
        == .notFound(.provider(unknown)))
    #expect(
      await failure { try await types.create(types.trunk(gateway: twilio.id)) }
        == .notAGateway(twilio.id))
    let made = try await types.create(types.trunk(gateway: gateway.id))
    #expect(
      await failure { try await providers.delete(gateway.id.description, by: .of(tenant)) }
        == .gatewayInUse(gateway.id, providerCount: 1, numberCount: 0))
    let freed = ProviderInput(
      id: made.id.description, sipTrunk: SIPTrunkInput(gatewayProviderID: ""))
    _ = try await types.update(freed, mask: ["sip_trunk.gateway_provider_id"])
    try await providers.delete(gateway.id.description, by: .of(tenant))
  }

  // MARK: All kinds

  @Test func aProvidersKindNeverChanges() async throws {
    let made = try await types.create(types.liveKit())
    var other = types.trunk()
    other.id = made.id.description
    #expect(
      fields(await failure { try await types.update(other) }) == ["provider.config": .immutable])
    let name = ProviderInput(id: made.id.description, displayName: "n")
    #expect(
      fields(await failure { try await types.update(name, mask: ["twilio.auth_token"]) }) == [
        "update_mask": .unknown
      ])
    #expect(try await types.update(name).displayName == "n")
  }

  @Test func repeatedRequestsGiveTheFirstAnswer() async throws {
    let first = try await types.create(types.trunk(), requestID: "r1")
    #expect(try await types.create(types.trunk(), requestID: "r1") == first)
    let changed = types.trunk { $0.inbound?.password = Secret("another") }
    #expect(
      fields(await failure { try await types.create(changed, requestID: "r1") }) == [
        "request_id": .requestIDReused
      ])
    let gateway = try await types.create(types.liveKit(), requestID: "r2")
    #expect(try await types.create(types.liveKit(), requestID: "r2") == gateway)
  }

  @Test func validatingTriesWhatThereIs() async throws {
    let gateway = try await types.create(types.liveKit())
    let made = try await types.create(types.trunk(gateway: gateway.id))
    for id in [gateway.id, made.id] {
      let validated = try await providers.validate(
        .stored(id: id.description), by: .of(tenant))
      #expect(validated.id == id)
    }
    harness.gateway.removeKey("APIfirstkey123", url: ProviderTypes.url)
    let error = await failure {
      try await providers.validate(.stored(id: gateway.id.description), by: .of(tenant))
    }
    #expect(types.gatewayRefusal(error) == .keyUnknown)
    #expect(
      types.gatewayRefusal(
        await failure { try await providers.validate(.candidate(types.liveKit()), by: .of(tenant)) }
      )
        == .keyUnknown)
  }

  @Test func whatNeedsAnAccountSaysSo() async throws {
    let made = try await types.create(types.liveKit())
    let expected = RegistryError.providerUnsuited(made.id, .liveKit)
    let (id, caller) = (made.id.description, Caller.of(tenant))
    #expect(
      await failure { try await providers.listNumbers(providerID: id, page: .init(), by: caller) }
        == expected)
    #expect(
      await failure { try await providers.sync(SyncProvider(id: id), by: caller) } == expected)
    #expect(
      await failure {
        try await providers.stage(
          StageCredential(
            providerID: id, twilio: TwilioInput(authToken: Secret("token"))), by: caller)
      } == expected)
    #expect(
      await failure {
        try await harness.numbers.importNumber(
          ImportPhoneNumber(providerID: id, e164: "+15005550006"), by: caller)
      } == expected)
    let twilio = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, twilio)
    #expect(
      await failure {
        try await harness.numbers.move(
          MovePhoneNumber(id: number.id.description, providerID: id), by: caller)
      } == expected)
    let inline = await failure {
      try await harness.numbers.importNumber(
        ImportPhoneNumber(providerID: "", provider: types.liveKit(), e164: "+15005550006"),
        by: caller)
    }
    #expect(fields(inline) == ["provider.config": .conflicting])
    // A sweep leaves it alone.
    await DriftSweep(harness.context, interval: .seconds(60)).sweep { provider, error in
      Issue.record("\(String(describing: provider)): \(error)")
    }
  }

  @Test func anotherKeyringKeepsEverySecret() async throws {
    let gateway = try await types.create(types.liveKit())
    let made = try await types.create(types.trunk())
    let next = FakeSealer(keyName: "next", earlier: [harness.context.sealer.currentKeyName])
    let outcome = try await KeyRotation(
      store: harness.store, sealer: next, time: harness.time, ids: harness.ids
    ).run()
    #expect(outcome == KeyRotation.Outcome(resealedCount: 2))
    let alone = FakeSealer(keyName: "next")
    var opened: [Secret] = []
    for id in [gateway.id, made.id] {
      guard let provider = try await harness.store.provider(id) else {
        Issue.record("\(id) is gone")
        continue
      }
      for (sealed, field) in provider.secrets {
        opened.append(
          try alone.open(sealed, field, of: provider.secretOwner, with: provider.dataKey))
      }
    }
    #expect(opened == [Secret("secret-one"), Secret("out-pass"), Secret("in-pass")])
  }

  @Test func theAuditLogTellsNoSecret() async throws {
    let gateway = try await types.create(types.liveKit())
    _ = try await types.create(types.trunk())
    _ = try await types.update(
      ProviderInput(
        id: gateway.id.description,
        liveKit: LiveKitInput(apiKey: "APIsecondkey45", apiSecret: Secret("secret-two"))))
    let log = try await harness.store.tenant(tenant).auditEvents(
      AuditFilter(), after: nil, limit: 20)
    let changes = log.flatMap(\.changes)
    #expect(log.map(\.action) == [.rotate, .create, .create])
    #expect(changes.contains { $0.field == "livekit.api_key" && $0.new == "API****ey45" })
    #expect(changes.contains { $0.field == "sip_trunk.outbound.address" })
    for text in changes.flatMap({ [$0.old, $0.new] }) {
      for secret in [
        "secret-one", "secret-two", "out-pass", "in-pass", "APIfirstkey123", "+15005550009",
      ] {
        #expect(!text.contains(secret))
      }
    }
  }
}
