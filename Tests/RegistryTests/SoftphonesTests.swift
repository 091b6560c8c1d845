import Access
import Telephony
import TestKit
import Testing

@testable import Registry

struct SoftphonesTests {
  private let harness = Harness()
  private var softphones: Agents { Agents(harness.context, .softphone) }
  private let tenant = Harness.tenant

  private func input(
    _ uri: String = "sip:ada@pbx.test", id: String = "", user: String = "",
    password: Secret? = nil, name: String = ""
  ) -> AgentInput {
    AgentInput(
      id: id, displayName: name,
      connections: [
        AgentConnectionInput(target: .sip(uri: uri, username: user, password: password))
      ])
  }

  private func create(_ input: AgentInput) async throws -> Agent {
    try await softphones.create(CreateAgent(agent: input), by: .of(tenant)).agent
  }

  @Test func takesTheClientsIDOrMakesOne() async throws {
    let chosen = try await create(input(id: "sph_ada"))
    #expect(chosen.id.description == "sph_ada")
    harness.time.advance(by: .milliseconds(1))
    let made = try await create(input())
    #expect(made.id.kind == .softphone)
    #expect(made.id.description.utf8.count == 36)
    #expect(await failure { try await create(input(id: "sph_ada")) } == .agentExists(chosen.id))
  }

  /// Agents and softphones share a table and not a list, and an id is of one kind.
  @Test func isNoAgent() async throws {
    let agent = try await harness.addAgent("sphere")
    let softphone = try await create(input())
    let agents = try await harness.agents.list(PageRequest(), by: .of(tenant))
    #expect(agents.elements.map(\.agent.id) == [agent.id])
    let listed = try await softphones.list(PageRequest(), by: .of(tenant))
    #expect(listed.elements.map(\.agent.id) == [softphone.id])
    let id = softphone.id.description
    #expect(
      fields(await failure { try await harness.agents.get(id, by: .of(tenant)) })
        == ["id": .malformed])
    #expect(
      fields(await failure { try await softphones.get("sphere", by: .of(tenant)) })
        == ["id": .malformed])
    #expect(
      fields(await failure { try await create(input(id: "ada")) })
        == ["softphone.id": .malformed])
    #expect(
      fields(await failure { try await create(input(id: "sph_")) })
        == ["softphone.id": .malformed])
    let asAgent = CreateAgent(agent: input(id: "sph_ada"))
    #expect(
      fields(await failure { try await harness.agents.create(asAgent, by: .of(tenant)) })
        == ["agent.id": .malformed])
  }

  @Test func needsAGoodEndpoint() async throws {
    #expect(
      fields(await failure { try await create(AgentInput()) })
        == ["softphone.endpoint": .required])
    #expect(
      fields(await failure { try await create(input("http://pbx.test")) })
        == ["softphone.sip.uri": .malformed])
    #expect(
      fields(await failure { try await create(input(password: Secret("pw"))) })
        == ["softphone.sip.username": .required])
  }

  @Test func updatesByItsOwnPaths() async throws {
    let made = try await create(input(user: "u", password: Secret("pw"), name: "Ada"))
    func update(_ input: AgentInput, _ mask: [String]?) async throws -> Agent {
      var input = input
      input.id = made.id.description
      return try await softphones.update(
        UpdateAgent(agent: input, mask: mask), by: .of(tenant)
      ).agent
    }
    let same = try await update(input(user: "u"), ["sip"])
    #expect(same == made)
    let named = try await update(input("sip:b@pbx.test", name: "Bo"), ["display_name"])
    #expect(named.displayName == "Bo")
    #expect(named.connections == made.connections)
    let moved = try await update(input("sip:b@pbx.test", user: "u"), nil)
    #expect(
      moved.connections.map(\.target)
        == [.sip(uri: "sip:b@pbx.test", login: SIPLogin(username: "u", password: nil))])
    let odd = await failure { try await update(input(), ["connections"]) }
    #expect(fields(odd) == ["update_mask": .unknown])
  }

  @Test func answersANumber() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let softphone = try await create(input(id: "sph_ada", name: "Ada"))
    let id = number.id.description
    let assigned = try await harness.numbers.assign(
      id, to: .softphone("sph_ada"), by: .of(tenant))
    #expect(assigned.agentID == softphone.id)
    let usage = try await harness.numbers.usage(id, by: .of(tenant))
    #expect(usage.agent == softphone)
    #expect(!usage.isDeletable)
    let listed = try await harness.numbers.list(
      ListPhoneNumbers(softphoneID: "sph_ada"), by: .of(tenant))
    #expect(listed.elements.map(\.id) == [number.id])
    let inUse = await failure { try await softphones.delete("sph_ada", by: .of(tenant)) }
    #expect(inUse == .agentInUse(softphone.id, numberCount: 1))
    #expect(inUse?.description.contains("softphone sph_ada") == true)
    // An agent takes it over: a number has one assignee.
    let agent = try await harness.addAgent("desk")
    let taken = try await harness.numbers.assign(id, to: .agent("desk"), by: .of(tenant))
    #expect(taken.agentID == agent.id)
    try await softphones.delete("sph_ada", by: .of(tenant))
    let gone = await failure {
      try await harness.numbers.assign(id, to: .softphone("sph_ada"), by: .of(tenant))
    }
    #expect(gone == .notFound(.agent(softphone.id)))
    #expect(gone?.description == "There is no softphone sph_ada.")
  }

  @Test func oneAssigneeIsNamed() async throws {
    let id = Sample.numberID(1).description
    #expect(
      fields(await failure { try await harness.numbers.assign(id, to: .unset, by: .of(tenant)) })
        == ["assignee": .required])
    #expect(
      fields(
        await failure {
          try await harness.numbers.assign(id, to: .agent("sph_ada"), by: .of(tenant))
        }) == ["agent_id": .malformed])
    let both = ListPhoneNumbers(agentID: "desk", softphoneID: "sph_ada")
    #expect(
      fields(await failure { try await harness.numbers.list(both, by: .of(tenant)) })
        == ["softphone_id": .conflicting])
  }

  /// A dispatch of the version before knows no softphones: it gets one as an agent that is reached
  /// by SIP, which it connects.
  @Test func goesToDispatchesAsAnAgent() async throws {
    let softphone = try await create(input(user: "u", password: Secret("pw")))
    let page = try await harness.store.routes(after: 0, limit: 9)
    #expect(page.changes.map(\.kind) == [.put(.agent(AgentRoute(softphone)))])
    #expect(softphone.connections.map(\.region) == [nil])
  }

  @Test func theLogCallsItByItsKind() async throws {
    let softphone = try await create(input(password: nil, name: "Ada"))
    let entries = try await harness.store.tenant(tenant).auditEvents(
      AuditFilter(resourceKind: .softphone), after: nil, limit: 9)
    #expect(entries.map(\.resource.id) == [softphone.id.description])
    #expect(entries.first?.changes.map(\.field) == ["display_name", "sip.uri"])
  }
}
