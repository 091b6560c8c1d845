import HTTPClient
import LiveKit
import Registry
import Telephony
import TestKit
import Testing

@testable import CarrierSim

/// The LiveKit adapter over sockets, at the simulator's LiveKit.
@Suite struct LiveKitAtSimulatorTests {
  private static let number = "+15005550006"

  private func run(
    _ body: (SimulatorRig, LiveKitGateway, GatewayAccess) async throws -> Void
  ) async throws {
    try await SimulatorRig.run { rig async throws in
      let made = try await rig.control(.post, "/livekit/keys")
      let access = GatewayAccess(
        url: rig.url("livekit"), apiKey: made["key"]?.string ?? "",
        apiSecret: Secret(made["secret"]?.string ?? ""))
      try await body(rig, LiveKitGateway(client: rig.client, time: rig.time), access)
    }
  }

  @Test func makesFindsChangesAndDeletes() async throws {
    try await run { rig, gateway, access async throws in
      let before = try await rig.inventory()
      try await gateway.probe(access)
      var inbound = GatewayInboundTrunk(
        name: "trunkline-a", numbers: [Self.number], username: "us", password: Secret("pass"),
        encryption: .required)
      var outbound = GatewayOutboundTrunk(
        name: "trunkline-a", address: "front.pstn.twilio.com", transport: .tls,
        numbers: [Self.number], headers: ["X-One": "1"])
      inbound.id = try await gateway.createInboundTrunk(inbound, access)
      outbound.id = try await gateway.createOutboundTrunk(outbound, access)
      var rule = GatewayDispatchRule(
        name: "trunkline-a", trunkIDs: [inbound.id], roomPrefix: "call-",
        attributes: ["number": "one"])
      rule.id = try await gateway.createDispatchRule(rule, access)

      inbound.password = nil
      #expect(
        try await gateway.findInboundTrunk(
          named: "trunkline-a", numbers: [Self.number], access) == inbound)
      #expect(
        try await gateway.findOutboundTrunk(
          named: "trunkline-a", numbers: [Self.number], access) == outbound)
      #expect(
        try await gateway.findDispatchRule(
          named: "trunkline-a", trunks: [inbound.id], access) == rule)
      #expect(
        try await gateway.findInboundTrunk(
          named: "trunkline-b", numbers: [Self.number], access) == nil)
      #expect(
        try await gateway.findInboundTrunk(
          named: "trunkline-a", numbers: ["+15005550007"], access) == nil)

      inbound.encryption = .disabled
      inbound.allowedNumbers = ["+15005550001"]
      inbound.password = Secret("other")
      try await gateway.replaceInboundTrunk(inbound.id, by: inbound, access)
      inbound.password = nil
      #expect(
        try await gateway.findInboundTrunk(named: "trunkline-a", numbers: [], access) == inbound)
      outbound.address = "other.pstn.twilio.com"
      try await gateway.replaceOutboundTrunk(outbound.id, by: outbound, access)
      #expect(
        try await gateway.findOutboundTrunk(named: "trunkline-a", numbers: [], access)
          == outbound)

      for _ in 0..<2 {
        try await gateway.deleteDispatchRule(rule.id, access)
        try await gateway.deleteTrunk(inbound.id, access)
        try await gateway.deleteTrunk(outbound.id, access)
      }
      #expect(try await rig.inventory() == before)
    }
  }

  @Test func whatTakesTheSameCallsIsAConflict() async throws {
    try await run { rig, gateway, access async throws in
      let trunk = GatewayInboundTrunk(name: "one", numbers: [Self.number])
      let id = try await gateway.createInboundTrunk(trunk, access)
      let again = try await rig.failure {
        _ = try await gateway.createInboundTrunk(trunk, access)
      }
      #expect(again?.kind == .conflict)
      #expect(again?.effect == .refused)
      #expect(again?.message.contains(Self.number) == false)
      let rule = GatewayDispatchRule(name: "one", trunkIDs: [id], roomPrefix: "call-")
      _ = try await gateway.createDispatchRule(rule, access)
      let second = try await rig.failure {
        _ = try await gateway.createDispatchRule(rule, access)
      }
      #expect(second?.kind == .conflict)
      let open = try await rig.failure {
        _ = try await gateway.createInboundTrunk(.init(name: "open", numbers: []), access)
      }
      #expect(open?.kind == .invalidRequest)
    }
  }

  @Test func tokensOfAnotherKeySecretOrTimeAreRefused() async throws {
    try await run { rig, gateway, access async throws in
      var other = access
      other.apiSecret = Secret("another")
      #expect(try await rig.failure { try await gateway.probe(other) }?.kind == .credentialsRefused)
      other = access
      other.apiKey = "APInobody"
      #expect(try await rig.failure { try await gateway.probe(other) }?.kind == .keyUnknown)
      for hours in [-1, 1] {
        let time = ManualTime(now: rig.time.now().advanced(by: .seconds(hours * 3600)))
        let late = LiveKitGateway(client: rig.client, time: time)
        #expect(
          try await rig.failure { try await late.probe(access) }?.kind == .credentialsRefused)
      }
    }
  }

  @Test func aLostAnswerLeavesWhatIsFoundByItsName() async throws {
    try await run { rig, gateway, access async throws in
      try await rig.fault("lost_after", "*/CreateSIPInboundTrunk")
      let trunk = GatewayInboundTrunk(name: "one", numbers: [Self.number])
      let lost = try await rig.failure {
        _ = try await gateway.createInboundTrunk(trunk, access)
      }
      #expect(lost?.kind == .unavailable)
      #expect(lost?.effect == .unknown)
      let found = try await gateway.findInboundTrunk(
        named: "one", numbers: [Self.number], access)
      let id = try #require(found?.id)
      // A deletion is sent again, and finds that the first was carried out.
      try await rig.fault("lost_after", "*/DeleteSIPTrunk")
      try await gateway.deleteTrunk(id, access)
      #expect(try await gateway.findInboundTrunk(named: "one", numbers: [], access) == nil)
    }
  }
}
