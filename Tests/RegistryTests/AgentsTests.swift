import Telephony
import TestKit
import Testing

@testable import Registry

struct AgentsTests {
  private let harness = Harness()
  private var agents: Agents { harness.agents }
  private let tenant = Harness.tenant

  private func stream(_ url: String, parameters: [String: String] = [:]) -> AgentConnectionInput {
    AgentConnectionInput(target: .mediaStream(url: url, parameters: parameters))
  }

  private func sip(
    _ uri: String, user: String = "", password: Secret? = nil
  ) -> AgentConnectionInput {
    AgentConnectionInput(target: .sip(uri: uri, username: user, password: password))
  }

  private func create(
    _ connections: [AgentConnectionInput], id: String = ""
  ) async throws -> Agent {
    let input = AgentInput(id: id, connections: connections)
    return try await agents.create(CreateAgent(agent: input), by: .of(tenant)).agent
  }

  @Test func takesTheClientsIDOrMakesOne() async throws {
    let chosen = try await create([stream("wss://a.test/x")], id: "front-desk")
    #expect(chosen.id.description == "front-desk")
    harness.time.advance(by: .milliseconds(1))
    let made = try await create([stream("wss://a.test/x")])
    #expect(made.id.description.hasPrefix("agt_"))
    let twin = await failure { try await create([stream("wss://a.test/x")], id: "front-desk") }
    #expect(twin == .agentExists(chosen.id))
    let list = try await agents.list(PageRequest(size: 1), by: .of(tenant))
    #expect(list.elements.map(\.agent.id) == [made.id])
    let rest = try await agents.list(PageRequest(token: list.nextToken), by: .of(tenant))
    #expect(rest.elements.map(\.agent.id) == [chosen.id])
  }

  /// However many are asked for: a page keeps its loop from others.
  @Test func aPageHoldsNoMoreThanItsBound() async throws {
    for number in 0...RegistryLimits.pageSizeMax {
      _ = try await create([stream("wss://a.test/x")], id: "agent-\(number)")
    }
    for size in [RegistryLimits.pageSizeMax, .max] {
      let first = try await agents.list(PageRequest(size: size), by: .of(tenant))
      #expect(first.elements.count == RegistryLimits.pageSizeMax)
      let rest = try await agents.list(
        PageRequest(size: size, token: first.nextToken), by: .of(tenant))
      #expect(rest.elements.count == 1)
      #expect(rest.nextToken.isEmpty)
    }
  }

  @Test(arguments: [
    "wss://agent.example", "wss://agent.example:8443/a/b%20c", "wss://[2001:db8::1]:443/x",
    "wss://10.0.0.1/",
  ])
  func takesAStreamURL(url: String) async throws {
    #expect(try await create([stream(url)]).connections.count == 1)
  }

  @Test(arguments: [
    ("", FieldViolation.Reason.required), ("ws://a.test", .malformed), ("wss://", .malformed),
    ("wss:///x", .malformed), ("wss://a.test/x?y=1", .malformed), ("wss://a.test/x#y", .malformed),
    ("wss://user:pw@a.test/x", .malformed), ("wss://a.test:0/x", .malformed),
    ("wss://a.test:99999/x", .malformed), ("wss://a b/x", .forbiddenCharacter),
    ("wss://a.test/ü", .forbiddenCharacter), ("wss://a.test/\u{0}", .forbiddenCharacter),
    ("wss://a.test/" + String(repeating: "x", count: 2048), .tooLong),
  ])
  func refusesAStreamURL(url: String, reason: FieldViolation.Reason) async throws {
    let error = await failure { try await create([stream(url)]) }
    #expect(fields(error) == ["agent.connections[0].media_stream.url": reason])
  }

  @Test(arguments: [
    "sip:agent@sip.example", "sips:agent@10.0.0.1:5061", "sip:a@b.test;transport=tls",
    "sip:+15005550006@b.test:5060;transport=udp",
  ])
  func takesASIPAddress(uri: String) async throws {
    #expect(try await create([sip(uri)]).connections.count == 1)
  }

  @Test(arguments: [
    "tel:+1500", "sip:host.test", "sip:@host.test", "sip:a@", "sip:a@b@c", "sip:a@b;x=y",
    "sip:a@b;transport=ws", "sip:a b@c", "sip:a@b:port",
  ])
  func refusesASIPAddress(uri: String) async throws {
    let error = await failure { try await create([sip(uri)]) }
    #expect(fields(error) == ["agent.connections[0].sip.uri": .malformed])
  }

  @Test func refusesTooMuch() async throws {
    let none = await failure { try await create([]) }
    #expect(fields(none) == ["agent.connections": .required])
    let many = await failure {
      try await create(Array(repeating: stream("wss://a.test"), count: 9))
    }
    #expect(fields(many) == ["agent.connections": .tooMany])
    let odd = await failure {
      try await create([
        stream("wss://a.test", parameters: ["call_id": "1"]),
        AgentConnectionInput(region: .unknown, target: .unset),
        sip("sip:a@b.test", password: Secret("p")),
      ])
    }
    #expect(
      fields(odd) == [
        "agent.connections[0].media_stream.parameters": .conflicting,
        "agent.connections[1].region": .unknown, "agent.connections[1].endpoint": .required,
        "agent.connections[2].sip.username": .required,
      ])
  }

  @Test func keepsAPasswordThatAnUpdateDoesNotGive() async throws {
    let made = try await create(
      [sip("sip:a@b.test", user: "u", password: Secret("pw"))], id: "a")
    guard case .sip(_, let login?) = made.connections[0].target else {
      Issue.record("no login")
      return
    }
    #expect(login.password != nil)
    func update(_ connection: AgentConnectionInput) async throws -> Agent {
      try await agents.update(
        UpdateAgent(agent: AgentInput(id: "a", connections: [connection])), by: .of(tenant)
      ).agent
    }
    let same = try await update(sip("sip:a@b.test", user: "u"))
    #expect(same == made)
    let other = try await update(sip("sip:a@b.test", user: "v"))
    #expect(
      other.connections[0].target
        == .sip(uri: "sip:a@b.test", login: SIPLogin(username: "v", password: nil)))
  }

  @Test func staysWhileNumbersNameIt() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let agent = try await harness.addAgent("a")
    _ = try await harness.numbers.assign(number.id.description, to: .agent("a"), by: .of(tenant))
    let view = try await agents.get("a", by: .of(tenant))
    #expect(view.numbers == AgentNumbers(newest: [number.id], count: 1))
    #expect(
      await failure { try await agents.delete("a", by: .of(tenant)) }
        == .agentInUse(agent.id, numberCount: 1))
    _ = try await harness.numbers.unassign(number.id.description, by: .of(tenant))
    try await agents.delete("a", etag: agent.etag, by: .of(tenant))
    #expect(
      await failure { try await agents.get("a", by: .of(tenant)) } == .notFound(.agent(agent.id)))
  }

  @Test func repeatsTheAnswerOfARequest() async throws {
    let input = AgentInput(connections: [stream("wss://a.test")])
    let request = CreateAgent(agent: input, requestID: "r1")
    let first = try await agents.create(request, by: .of(tenant))
    #expect(try await agents.create(request, by: .of(tenant)) == first)
    var other = request
    other.agent?.displayName = "x"
    #expect(
      fields(await failure { try await agents.create(other, by: .of(tenant)) })
        == ["request_id": .requestIDReused])
  }

  @Test func prefersItsOwnRegion() async throws {
    let made = try await create([
      stream("wss://any.test"),
      AgentConnectionInput(
        region: .value(.ie1), target: .mediaStream(url: "wss://ie1.test", parameters: [:])),
    ])
    #expect(made.connections.map(\.region) == [nil, .ie1])
  }
}
