import Registry
import Telephony
import TestKit
import Testing

/// The fake keeps the words of the port.
@Suite struct FakeGatewayTests {
  private let gateway = FakeGateway()
  private let access = GatewayAccess(
    url: "https://gateway.test", apiKey: "APIkey", apiSecret: Secret("secret"))

  init() {
    gateway.addKey("APIkey", secret: "secret", url: "https://gateway.test")
  }

  @Test func whatWasMadeIsFoundByItsNameWithoutItsPassword() async throws {
    let trunk = GatewayInboundTrunk(
      name: "ours", numbers: ["+15005550006"], username: "user", password: Secret("pass"))
    let id = try await gateway.createInboundTrunk(trunk, access)
    let found = try await gateway.findInboundTrunk(
      named: "ours", numbers: ["+15005550006"], access)
    #expect(found?.id == id)
    #expect(found?.password == nil)
    #expect(
      try await gateway.findInboundTrunk(named: "theirs", numbers: [], access) == nil)
    #expect(gateway.inboundTrunks(access.url).first?.password == Secret("pass"))
  }

  @Test func twoTrunksOfOneNumberConflict() async throws {
    let trunk = GatewayInboundTrunk(name: "ours", numbers: ["+15005550006"])
    gateway.plant(trunk, url: access.url)
    await #expect { try await gateway.createInboundTrunk(trunk, access) } throws: {
      ($0 as? CarrierError)?.kind == .conflict
    }
  }

  @Test func twoRulesOfOneTrunkConflict() async throws {
    let rule = GatewayDispatchRule(name: "ours", trunkIDs: ["ST_1"], roomPrefix: "ours-")
    let id = try await gateway.createDispatchRule(rule, access)
    await #expect { try await gateway.createDispatchRule(rule, access) } throws: {
      ($0 as? CarrierError)?.kind == .conflict
    }
    try await gateway.deleteDispatchRule(id, access)
    try await gateway.deleteDispatchRule(id, access)
    #expect(gateway.writes == [.createdDispatchRule("ours"), .deletedDispatchRule(id)])
  }

  @Test func aTrunkOfEitherKindIsDeletedAndOneThatIsGoneIsFine() async throws {
    let id = try await gateway.createOutboundTrunk(
      GatewayOutboundTrunk(name: "ours", address: "sip.test", numbers: ["+15005550006"]), access)
    try await gateway.deleteTrunk(id, access)
    try await gateway.deleteTrunk(id, access)
    #expect(gateway.outboundTrunks(access.url).isEmpty)
    #expect(gateway.writes == [.createdOutboundTrunk("ours"), .deletedTrunk(id)])
  }

  @Test func credentialsAreToldApart() async {
    var wrong = access
    wrong.apiSecret = Secret("other")
    await #expect { try await gateway.probe(wrong) } throws: {
      ($0 as? CarrierError)?.kind == .credentialsRefused
    }
    gateway.addKey("APIviewer", secret: "secret", url: access.url, isAdmin: false)
    var viewer = access
    viewer.apiKey = "APIviewer"
    await #expect { try await gateway.probe(viewer) } throws: {
      ($0 as? CarrierError)?.kind == .notPermitted
    }
    var elsewhere = access
    elsewhere.url = "https://elsewhere.test"
    await #expect { try await gateway.probe(elsewhere) } throws: {
      ($0 as? CarrierError)?.kind == .unavailable
    }
  }

  @Test func anInjectedFaultHitsOneRequest() async throws {
    let faulty = FaultyGateway(gateway, FaultInjector(failing: 1, .afterEffect))
    let trunk = GatewayInboundTrunk(name: "ours", numbers: ["+15005550006"])
    await #expect { try await faulty.createInboundTrunk(trunk, access) } throws: {
      ($0 as? CarrierError)?.effect == .unknown
    }
    #expect(
      try await faulty.findInboundTrunk(named: "ours", numbers: [], access) != nil)
  }
}
