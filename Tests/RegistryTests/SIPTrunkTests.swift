import Telephony
import TestKit
import Testing

@testable import Registry

/// SIP trunks as providers.
struct SIPTrunkTests {
  private let types = ProviderTypes()
  private var harness: Harness { types.harness }

  // MARK: SIP trunks

  @Test func aTrunkIsStoredWithItsPasswordsSealed() async throws {
    let made = try await types.create(types.trunk())
    guard case .sipTrunk(let trunk) = made.configuration else {
      Issue.record("\(made.configuration)")
      return
    }
    #expect(trunk.outbound?.address == "sip.carrier.test:5061")
    #expect(trunk.inbound?.allowedNumbers == [try E164("+15005550009")])
    #expect(made.conditions.isEmpty)
    let sealed = made.secrets
    #expect(sealed.map(\.field) == [.outboundPassword(made.id), .inboundPassword(made.id)])
    let opened = try sealed.map {
      try harness.context.sealer.open(
        $0.sealed, $0.field, of: made.secretOwner, with: made.dataKey)
    }
    #expect(opened == [Secret("out-pass"), Secret("in-pass")])
    #expect(await failure { try await types.create(types.trunk()) } == .providerExists(made.id))
    // Without an outbound side each is its own.
    let first = try await types.create(types.trunk { $0.outbound = nil })
    let second = try await types.create(types.trunk { $0.outbound = nil })
    #expect(first.id != second.id)
  }

  @Test func whatLiveKitCannotHoldToIsRefused() async {
    let domains = await types.refused(types.trunk { $0.inbound?.remoteDomains = ["carrier.test"] })
    #expect(domains == ["provider.sip_trunk.inbound.remote_domains": .unsupported])
    let patterns = await types.refused(types.trunk { $0.inbound?.allowedNumbers = ["+1500*"] })
    #expect(patterns == ["provider.sip_trunk.inbound.allowed_numbers[0]": .malformed])
  }

  @Test func anOpenDoorMustBeSaid() async throws {
    let open = types.trunk {
      $0.inbound = .init(allowedNumbers: ["+15005550009"])
    }
    #expect(await types.refused(open) == ["provider.sip_trunk.inbound": .required])
    let said = types.trunk { $0.inbound = .init(allowedAddresses: ["0.0.0.0/0"]) }
    #expect(try await types.create(said).kind == .sipTrunk)
    #expect(
      await types.refused(
        types.trunk {
          $0.inbound = nil
          $0.outbound = nil
        }) == ["provider.sip_trunk": .required])
  }

  @Test(arguments: [
    "Via", "FROM", "call-id", "CSeq", "Contact", "Max-Forwards", "Route", "Content-Length",
    "Proxy-Authorization", "Replaces", "v",
  ])
  func headersOfSIPItselfAreRefused(_ name: String) async {
    #expect(
      await types.refused(types.trunk { $0.outbound?.headers = [name: "x"] }) == [
        "provider.sip_trunk.outbound.headers": .conflicting
      ])
  }

  @Test(arguments: [
    ("", FieldViolation.Reason.malformed), ("X Line", .malformed), ("X:Line", .malformed),
    ("X-Lïne", .malformed), ("X-\r\nLine", .malformed),
  ])
  func headersHaveTokensAsNames(_ name: String, _ reason: FieldViolation.Reason) async {
    #expect(
      await types.refused(types.trunk { $0.outbound?.headers = [name: "x"] }) == [
        "provider.sip_trunk.outbound.headers": reason
      ])
  }

  @Test func headersAreBounded() async {
    let many = Dictionary(uniqueKeysWithValues: (0..<17).map { ("X-\($0)", "x") })
    for (headers, reason) in [
      (many, FieldViolation.Reason.tooMany), (["X-A": "a\r\nVia: b"], .forbiddenCharacter),
      (["X-A": String(repeating: "a", count: 257)], .tooLong),
      (["X-A": "1", "x-a": "2"], .duplicate),
    ] {
      #expect(
        await types.refused(types.trunk { $0.outbound?.headers = headers }) == [
          "provider.sip_trunk.outbound.headers": reason
        ])
    }
  }

  @Test(arguments: [
    "", "sip:carrier.test", "user@carrier.test", "carrier.test;transport=tls", "carrier.test/path",
    "carrier test", "carrier.test:0", "[::1", "-carrier.test",
  ])
  func aTrunksAddressIsHostAndPort(_ address: String) async {
    let found = await types.refused(types.trunk { $0.outbound?.address = address })
    #expect(
      found == ["provider.sip_trunk.outbound.address": address.isEmpty ? .required : .malformed])
  }

  @Test(arguments: [
    "192.0.2.7", "192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32", "::", "::1", "1:2:3:4:5:6:7:8",
    "::ffff:192.0.2.7", "fe80::1/128",
  ])
  func addressesAndBlocksAreTaken(_ address: String) {
    #expect(HostText.isAddressOrBlock(address))
  }

  @Test(arguments: [
    "", "carrier.test", "192.0.2", "192.0.2.256", "192.0.2.07", "192.0.2.0/33", "192.0.2.0/",
    "192.0.2.0/24/1", "1:2:3", "1:2:3:4:5:6:7:8:9", "1::2::3", ":1", "1:", "12345::", "g::",
    "2001:db8::/129", "192.0.2.7 ",
  ])
  func whatIsNoAddressIsRefused(_ address: String) async {
    #expect(
      await types.refused(types.trunk { $0.inbound?.allowedAddresses = [address] }) == [
        "provider.sip_trunk.inbound.allowed_addresses[0]": .malformed
      ])
  }

  @Test func aLoginIsWholeOrNotThere() async {
    let noPassword = await types.refused(types.trunk { $0.outbound?.password = nil })
    #expect(noPassword == ["provider.sip_trunk.outbound.password": .required])
    let noName = await types.refused(types.trunk { $0.inbound?.username = "" })
    #expect(noName == ["provider.sip_trunk.inbound.username": .required])
  }

  @Test func aChangeKeepsThePasswordOfTheSameUser() async throws {
    let made = try await types.create(types.trunk())
    var change = SIPTrunkInput(
      outbound: .init(address: "sip2.test", username: "out"), inbound: nil)
    let input = ProviderInput(id: made.id.description, sipTrunk: change)
    let moved = try await types.update(input, mask: ["sip_trunk.outbound"])
    guard case .sipTrunk(let after) = moved.configuration,
      case .sipTrunk(let before) = made.configuration
    else { return }
    #expect(after.outbound?.address == "sip2.test")
    #expect(after.outbound?.headers == [:])
    #expect(after.outbound?.login == before.outbound?.login)
    #expect(after.inbound == before.inbound)
    change.outbound?.username = "other"
    let error = await failure {
      try await types.update(ProviderInput(id: made.id.description, sipTrunk: change))
    }
    #expect(fields(error) == ["provider.sip_trunk.outbound.password": .required])
    change.outbound?.password = Secret("")
    let bare = try await types.update(ProviderInput(id: made.id.description, sipTrunk: change))
    #expect(bare.secrets.map(\.field) == [.inboundPassword(made.id)])
    // Nothing is left of a trunk whose only side goes.
    let gone = await failure {
      try await types.update(
        ProviderInput(id: made.id.description, sipTrunk: SIPTrunkInput()),
        mask: ["sip_trunk.outbound", "sip_trunk.inbound"])
    }
    #expect(fields(gone) == ["provider.sip_trunk": .required])
  }
}
