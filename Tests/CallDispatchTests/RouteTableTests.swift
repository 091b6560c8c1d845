import CallDispatch
import Telephony
import TestKit
import Testing

struct RouteTableTests {
  let tenant = CallSamples.tenant

  func provider(_ id: UInt64 = 4) -> ProviderRoute {
    ProviderRoute(
      id: ProviderID(bits: UInt128(id)), tenant: tenant, account: CallSamples.account, region: .ie1,
      signsWebhooks: true)
  }

  func agent(_ name: String, _ connections: [AgentConnection] = []) throws -> AgentRoute {
    AgentRoute(tenant: tenant, id: try AgentID(name), connections: connections)
  }

  func number(_ id: UInt64, agent: String? = nil, url: String? = nil) throws -> NumberRoute {
    NumberRoute(
      id: PhoneNumberID(bits: UInt128(id)), tenant: tenant, provider: provider().id,
      e164: try E164("+1415\(5_000_000 + id)"), webhookGeneration: 3,
      agent: try agent.map { try AgentID($0) }, placesOutbound: false, unassignedURL: url,
      unassignedMethod: url == nil ? .post : .get)
  }

  func place(_ revision: UInt64) -> RoutePlace { RoutePlace(epoch: "e", revision: revision) }

  @Test func aNumberComesBackAsItWasWithWhatItRefersTo() throws {
    var table = RouteTable()
    #expect(table.place == nil)
    let route = try number(1, agent: "a", url: "https://former.example.com")
    // In any order of the kinds.
    table.apply(.snapshotBegan)
    table.apply(.changed(.setNumber(route), at: nil))
    #expect(table.number(route.id)?.provider == nil)
    table.apply(.changed(.setAgent(try agent("a")), at: nil))
    table.apply(.changed(.setProvider(provider()), at: nil))
    table.apply(.snapshotEnded(place(5)))
    #expect(table.place == place(5))
    let found = try #require(table.number(route.id))
    #expect(found.route == route)
    #expect(found.provider == provider())
    #expect(found.agent == (try agent("a")))
    #expect(table.number(PhoneNumberID(bits: 9)) == nil)
  }

  @Test func changesReplaceAndRemove() throws {
    var table = RouteTable()
    table.apply(.changed(.setProvider(provider()), at: place(1)))
    table.apply(.changed(.setAgent(try agent("a")), at: place(2)))
    table.apply(.changed(.setNumber(try number(1, agent: "a", url: "https://x")), at: place(3)))
    let plain = try number(1)
    table.apply(.changed(.setNumber(plain), at: place(4)))
    #expect(table.number(plain.id)?.route == plain)
    #expect(table.number(plain.id)?.agent == nil)
    table.apply(.changed(.setNumber(try number(1, agent: "b")), at: place(5)))
    #expect(table.number(plain.id)?.route.agent?.description == "b")
    #expect(table.number(plain.id)?.agent == nil)
    table.apply(.changed(.removeProvider(provider().id), at: place(6)))
    #expect(table.number(plain.id)?.provider == nil)
    table.apply(.changed(.removeNumber(plain.id), at: place(7)))
    #expect(table.number(plain.id) == nil)
    #expect(table.numberCount == 0)
    table.apply(.changed(.removeAgent(tenant, try AgentID("a")), at: place(8)))
    #expect(table.agent(try AgentID("a"), tenant: tenant) == nil)
    #expect(table.place == place(8))
  }

  @Test func aNumberOnItsWayRefersToBothProviders() throws {
    var table = RouteTable()
    var moving = try number(1)
    moving.pendingProvider = provider(5).id
    for change in [RouteChange.setProvider(provider()), .setNumber(moving)] {
      table.apply(.changed(change, at: nil))
    }
    #expect(table.number(moving.id)?.pendingProvider == nil)
    table.apply(.changed(.setProvider(provider(5)), at: nil))
    #expect(table.number(moving.id)?.route == moving)
    #expect(table.number(moving.id)?.pendingProvider == provider(5))
    #expect(table.number(moving.id)?.provider == provider())
    let arrived = try number(1)
    table.apply(.changed(.setNumber(arrived), at: nil))
    #expect(table.number(moving.id)?.route == arrived)
    #expect(table.number(moving.id)?.pendingProvider == nil)
    table.apply(.changed(.setNumber(moving), at: nil))
    table.apply(.changed(.removeNumber(moving.id), at: nil))
    #expect(table.number(moving.id) == nil)
  }

  @Test func aSnapshotDropsWhatItDidNotNameOnlyAtItsEnd() throws {
    var table = RouteTable()
    table.apply(.snapshotBegan)
    for id in 1...3 { table.apply(.changed(.setNumber(try number(UInt64(id))), at: nil)) }
    table.apply(.changed(.setProvider(provider()), at: nil))
    table.apply(.changed(.setAgent(try agent("a")), at: nil))
    table.apply(.snapshotEnded(place(1)))
    // One that broke in the middle, then a whole one.
    table.apply(.snapshotBegan)
    table.apply(.changed(.setNumber(try number(1)), at: nil))
    #expect(table.numberCount == 3)
    table.apply(.snapshotBegan)
    table.apply(.changed(.setNumber(try number(2)), at: nil))
    table.apply(.changed(.setProvider(provider()), at: nil))
    #expect(table.numberCount == 3)
    table.apply(.snapshotEnded(place(2)))
    #expect(table.numberCount == 1)
    #expect(table.number(PhoneNumberID(bits: 2))?.provider == provider())
    #expect(table.agent(try AgentID("a"), tenant: tenant) == nil)
  }

  @Test func aConnectionOfTheRegionGoesFirst() throws {
    func sip(_ region: Region?, _ uri: String) -> AgentConnection {
      AgentConnection(region: region, target: .sip(uri: uri, login: nil))
    }
    let facts = CallFacts(
      id: CallID(region: .ie1, bits: 1), direction: .inbound, number: CallSamples.number,
      from: CallParty("a"), to: CallParty("b"), metadata: [:])
    let both = try agent("a", [sip(nil, "sip:any"), sip(.ie1, "sip:ie1"), sip(nil, "sip:other")])
    #expect(
      Routing.connection(to: both, in: .ie1, facts: facts) == .sip(uri: "sip:ie1", login: nil))
    #expect(
      Routing.connection(to: both, in: .au1, facts: facts) == .sip(uri: "sip:any", login: nil))
    let one = try agent("a", [sip(.us1, "sip:us1")])
    #expect(Routing.connection(to: one, in: .ie1, facts: facts) == nil)
    let resolved = ResolvedNumber(route: try number(1, agent: "a"), provider: nil, agent: one)
    let decision = Routing.inbound(to: resolved, in: .ie1, facts: facts)
    #expect(decision.answer == .reject(.busy))
    #expect(decision.reason == .connectionMissing)
  }

  @Test func slotsAreUsedAgain() throws {
    var table = RouteTable()
    table.apply(.changed(.setProvider(provider()), at: nil))
    for round in 0..<1000 {
      let name = "agent-\(round)"
      table.apply(.changed(.setAgent(try agent(name)), at: nil))
      table.apply(.changed(.setNumber(try number(1, agent: name)), at: nil))
      if round > 0 {
        table.apply(.changed(.removeAgent(tenant, try AgentID("agent-\(round - 1)")), at: nil))
      }
    }
    #expect(table.agentSlotCount <= 3)
    #expect(table.number(PhoneNumberID(bits: 1))?.agent?.id.description == "agent-999")
  }
}
