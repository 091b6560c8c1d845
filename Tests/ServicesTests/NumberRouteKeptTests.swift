import API
import CallDispatch
import Protobuf
import Registry
import Telephony
import TestKit
import Testing

@testable import Services

/// The short way to read a row of the dispatch's copy says what the messages' own decoders say.
struct NumberRouteKeptTests {
  private typealias Entry = Trunkline.Internal.V1.RouteEntry
  private typealias Message = Trunkline.Internal.V1.NumberRoute

  private static var messages: [Message] {
    let plain = Message(
      id: PhoneNumberID(bits: 7).description, tenantID: TenantID.main.description,
      e164: "+15005550006", providerID: ProviderID(bits: 5).description, region: .us1,
      supportsInbound: true, supportsOutbound: true, state: .active, webhookGeneration: 1)
    var assigned = plain
    assigned.agentID = "agent-1"
    assigned.carrierSID = "PN00000000000000000000000000000001"
    assigned.webhookGeneration = .max
    var redirected = plain
    redirected.unassignedURL = "https://former.example/é"
    redirected.unassignedMethod = "GET"
    redirected.supportsInbound = false
    var gateways = plain
    gateways.isSip = true
    let states: [Trunkline.V1.PhoneNumber.State] = [
      .unspecified, .provisioning, .degraded, .deleting, .corrupted, .unrecognized(99),
    ]
    let others = states.map { state in
      var other = plain
      other.state = state
      return other
    }
    return [plain, assigned, redirected, gateways] + others
  }

  private func read(_ bytes: [UInt8]) -> CallDispatch.NumberRoute? {
    CallDispatch.NumberRoute(kept: bytes)
  }

  @Test func aRouteIsTheSameEitherWay() {
    for message in Self.messages {
      let route = CallDispatch.NumberRoute(message)
      #expect(route != nil)
      #expect(read(Entry(entry: .number(message)).serialized()) == route)
    }
  }

  @Test func whatIsNotUnderstoodIsLeftToTheDecoders() throws {
    let message = try #require(Self.messages.first)
    let bytes = Entry(entry: .number(message)).serialized()
    for length in bytes.indices {
      #expect(read(Array(bytes.prefix(length))) == nil)
    }
    #expect(read(bytes + [0x10, 1]) == nil)
    var later = WireWriter()
    later.field(1, bytes: message.serialized() + [0xF8, 0x01, 1])
    #expect(read(later.bytes) == nil)
    var nobody = message
    nobody.id = ""
    #expect(read(Entry(entry: .number(nobody)).serialized()) == nil)
    let token = Entry(entry: .token(.init()))
    #expect(read(token.serialized()) == nil)
  }

  @Test func aSealedRowIsTheSameEitherWay() {
    let sealed = SealedSecret(keyName: "k1/us1", bytes: [1, 2, 3])
    let bytes = Trunkline.Internal.V1.Sealed(sealed).serialized()
    #expect(SealedSecret(kept: bytes) == sealed)
    for length in bytes.indices {
      #expect(SealedSecret(kept: Array(bytes.prefix(length))) == nil)
    }
    #expect(SealedSecret(kept: bytes + [0x18, 1]) == nil)
  }
}
