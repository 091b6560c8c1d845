import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// Numbers that are linked from the agent's side: all of a request, or none.
struct LinkTests {
  private let harness = Harness()
  private let caller = Caller.of(Harness.tenant)
  private var agents: Agents { harness.agents }

  private func input(_ id: String, name: String = "") -> AgentInput {
    AgentInput(
      id: id, displayName: name,
      connections: [
        AgentConnectionInput(target: .mediaStream(url: "wss://a.test/x", parameters: [:]))
      ])
  }

  private func numbers(_ count: Int) async throws -> [PhoneNumber] {
    let provider = try await harness.link()
    var numbers: [PhoneNumber] = []
    for number in 0..<count {
      try harness.buy(number)
      numbers.append(try await harness.importNumber(number, provider))
    }
    return numbers
  }

  private func texts(_ numbers: [PhoneNumber]) -> [String] { numbers.map(\.id.description) }

  private func holder(_ number: PhoneNumber) async throws -> String? {
    try await harness.numbers.get(number.id.description, by: caller).agentID?.description
  }

  @Test func anAgentIsMadeWithItsNumbers() async throws {
    let numbers = try await numbers(3)
    let request = CreateAgent(
      agent: input("desk"), requestID: "r", linkedIDs: texts([numbers[0], numbers[1]]))
    let made = try await agents.create(request, by: caller)
    #expect(Set(made.numbers.newest) == [numbers[0].id, numbers[1].id])
    #expect(made.numbers.count == 2)
    #expect(try await agents.create(request, by: caller) == made)
    #expect(try await holder(numbers[2]) == nil)
    var other = request
    other.linkedIDs = texts([numbers[0]])
    #expect(
      fields(await failure { try await agents.create(other, by: caller) })
        == ["request_id": .requestIDReused])
  }

  @Test func anUpdateLinksAndUnlinks() async throws {
    let numbers = try await numbers(3)
    let made = try await agents.create(
      CreateAgent(agent: input("desk"), linkedIDs: texts([numbers[0]])), by: caller)
    let request = UpdateAgent(
      agent: AgentInput(id: "desk", displayName: "Desk"),
      linkedIDs: texts([numbers[1], numbers[2]]), unlinkedIDs: texts([numbers[0]]))
    let updated = try await agents.update(request, by: caller)
    #expect(updated.agent.displayName == "Desk")
    #expect(Set(updated.numbers.newest) == [numbers[1].id, numbers[2].id])
    // Once more it changes nothing.
    let version = try await harness.numbers.get(texts(numbers)[1], by: caller).revision
    #expect(try await agents.update(request, by: caller) == updated)
    #expect(try await harness.numbers.get(texts(numbers)[1], by: caller).revision == version)
    // Numbers alone leave the agent's own version.
    let alone = UpdateAgent(agent: AgentInput(id: "desk"), unlinkedIDs: texts([numbers[1]]))
    let rest = try await agents.update(alone, by: caller)
    #expect(rest.agent == updated.agent)
    #expect(rest.numbers.newest == [numbers[2].id])
    #expect(made.agent.id == rest.agent.id)
  }

  @Test func oneThatCannotBeLinkedKeepsAllFromIt() async throws {
    let numbers = try await numbers(4)
    let other = try await harness.addAgent("other")
    let ids = texts(numbers)
    _ = try await harness.numbers.assign(ids[1], to: .agent("other"), by: caller)
    // The carrier refuses to put it back.
    harness.carrier.setOutage(CarrierError(.notPermitted, effect: .refused))
    _ = try? await harness.numbers.delete(ids[2], by: caller)
    harness.carrier.setOutage(nil)
    let missing = Sample.numberID(99)
    let create = CreateAgent(
      agent: input("desk"), linkedIDs: [ids[0], ids[1], ids[2], missing.description])
    let error = await failure { try await agents.create(create, by: caller) }
    guard case .numbersNotLinked(let obstacles, let total) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(total == 3)
    #expect(
      Set(obstacles) == [
        LinkObstacle(id: numbers[1].id, reason: .assigned(other.id)),
        LinkObstacle(id: numbers[2].id, reason: .state(.corrupted)),
        LinkObstacle(id: missing, reason: .missing),
      ])
    #expect(try await holder(numbers[0]) == nil)
    let none = await failure { try await agents.get("desk", by: caller) }
    #expect(none == .notFound(.agent(try AgentID("desk"))))
    // Nor does it lose what is another's.
    let unlink = UpdateAgent(agent: AgentInput(id: "other"), unlinkedIDs: [ids[0], ids[1]])
    _ = try await agents.update(unlink, by: caller)
    #expect(try await holder(numbers[1]) == nil)
    _ = try await harness.numbers.assign(ids[1], to: .agent("other"), by: caller)
    let third = try await harness.addAgent("third")
    let foreign = UpdateAgent(agent: AgentInput(id: "third"), unlinkedIDs: [ids[1]])
    #expect(
      await failure { try await agents.update(foreign, by: caller) }
        == .numbersNotLinked(
          [LinkObstacle(id: numbers[1].id, reason: .assigned(other.id))], total: 1))
    #expect(third.id != other.id)
  }

  @Test func badListsAreRefused() async throws {
    let id = Sample.numberID(1).description
    let many = (0...RegistryLimits.linkCountMax).map { Sample.numberID($0).description }
    func refused(_ linked: [String], _ unlinked: [String] = []) async -> [String: String] {
      let update = UpdateAgent(
        agent: AgentInput(id: "desk"), linkedIDs: linked, unlinkedIDs: unlinked)
      return fields(await failure { try await agents.update(update, by: caller) })
        .mapValues(\.rawValue)
    }
    #expect(await refused(["x"]) == ["link_phone_number_ids[0]": "MALFORMED"])
    #expect(await refused([id, id]) == ["link_phone_number_ids[1]": "DUPLICATE"])
    #expect(await refused([id], [id]) == ["unlink_phone_number_ids": "CONFLICTING"])
    #expect(await refused(many) == ["link_phone_number_ids": "TOO_MANY"])
  }

  @Test func itNeedsTheScopeOfNumbers() async throws {
    let numbers = try await numbers(1)
    let limited = Caller(
      tenant: Harness.tenant, principal: .system, scopes: Scopes(.agentsWrite))
    let create = CreateAgent(agent: input("desk"), linkedIDs: texts(numbers))
    let refusal = RegistryError.scopeMissing(.numbersWrite)
    #expect(await failure { try await agents.create(create, by: limited) } == refusal)
    _ = try await agents.create(create, by: caller)
    let update = UpdateAgent(agent: AgentInput(id: "desk"), unlinkedIDs: texts(numbers))
    #expect(await failure { try await agents.update(update, by: limited) } == refusal)
    #expect(
      await failure { try await agents.delete("desk", unlink: true, by: limited) } == refusal)
    #expect(try await holder(numbers[0]) == "desk")
  }

  @Test func aDeletionUnlinksWhenItIsTold() async throws {
    let numbers = try await numbers(3)
    let made = try await agents.create(
      CreateAgent(agent: input("desk"), linkedIDs: texts([numbers[0], numbers[1]])), by: caller)
    #expect(
      await failure { try await agents.delete("desk", by: caller) }
        == .agentInUse(made.agent.id, numberCount: 2))
    try await agents.delete("desk", etag: made.agent.etag, unlink: true, by: caller)
    for number in numbers { #expect(try await holder(number) == nil) }
    let log = try await harness.store.tenant(Harness.tenant).auditEvents(
      AuditFilter(action: .unassign), after: nil, limit: 9)
    #expect(Set(log.map(\.resource.id)) == Set(texts([numbers[0], numbers[1]])))
  }

  @Test func aSoftphoneIsLinkedLikewise() async throws {
    let numbers = try await numbers(1)
    let softphones = Agents(harness.context, .softphone)
    let sip = AgentConnectionInput(
      target: .sip(uri: "sip:a@pbx.test", username: "", password: nil))
    let made = try await softphones.create(
      CreateAgent(agent: AgentInput(connections: [sip]), linkedIDs: texts(numbers)), by: caller)
    #expect(made.numbers.newest == [numbers[0].id])
    try await softphones.delete(made.agent.id.description, unlink: true, by: caller)
    #expect(try await holder(numbers[0]) == nil)
  }

  @Test func anImportAssignsAtOnce() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let agent = try await harness.addAgent("desk")
    func request(_ assignee: AssigneeChoice) throws -> ImportPhoneNumber {
      ImportPhoneNumber(
        providerID: provider.id.description, e164: try Sample.e164(1).text, assignee: assignee,
        requestID: "r")
    }
    let requests = harness.carrier.requestCount
    let nobody = try request(.agent("nobody"))
    #expect(
      await failure { try await harness.numbers.importNumber(nobody, by: caller) }
        == .notFound(.agent(try AgentID("nobody"))))
    #expect(harness.carrier.requestCount == requests)
    let desk = try request(.agent("desk"))
    let imported = try await harness.numbers.importNumber(desk, by: caller)
    #expect(imported.agentID == agent.id)
    #expect(try await harness.numbers.importNumber(desk, by: caller) == imported)
    let without = try request(.unset)
    #expect(
      fields(await failure { try await harness.numbers.importNumber(without, by: caller) })
        == ["request_id": .requestIDReused])
    // The route that is published first names it already: no call finds nobody.
    let page = try await harness.store.routes(after: 0, limit: 9)
    let routes = page.changes.compactMap { change -> NumberRoute? in
      if case .put(.number(let route)) = change.kind { route } else { nil }
    }
    #expect(routes.map(\.agentID) == [agent.id])
  }
}
