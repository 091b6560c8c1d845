import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// What the audit log holds of each change.
@Suite struct AuditTests {
  private let harness = Harness()
  private let caller = Caller.of(.main)

  private func entries(
    _ request: ListAuditEvents = ListAuditEvents(), by caller: Caller = .of(.main)
  ) async throws -> [AuditEntry] {
    try await AuditLog(harness.context).list(request, by: caller).elements
  }

  /// `action field: old→new; …`, oldest first.
  private func told(_ entries: [AuditEntry]) -> [String] {
    entries.reversed().map { entry in
      let changes = entry.changes.map { "\($0.field): \($0.old)→\($0.new)" }
      return "\(entry.action.rawValue) \(changes.joined(separator: "; "))"
    }
  }

  @Test func anAgentsLifeIsTold() async throws {
    let agents = harness.agents
    let sip = AgentConnectionInput(
      target: .sip(uri: "sip:a@b.example", username: "me", password: Secret("s3cret-password")))
    _ = try await agents.create(
      CreateAgent(
        agent: AgentInput(id: "a", displayName: "One", connections: [sip], labels: ["team": "x"])),
      by: caller)
    harness.time.advance(by: .seconds(1))
    _ = try await agents.update(
      UpdateAgent(
        agent: AgentInput(id: "a", displayName: "Two"), mask: ["display_name", "labels"]),
      by: caller)
    // Nothing changes, and nothing is told.
    _ = try await agents.update(
      UpdateAgent(agent: AgentInput(id: "a", displayName: "Two"), mask: ["display_name"]),
      by: caller)
    harness.time.advance(by: .seconds(1))
    try await agents.delete("a", by: caller)
    let entries = try await entries()
    #expect(
      told(entries) == [
        "create connections[0].sip.password: →set; display_name: →One; "
          + "connections[0].sip.uri: →sip:a@b.example; connections[0].sip.username: →me; "
          + "labels.team: →x",
        "update display_name: One→Two; labels.team: x→",
        "delete connections[0].sip.password: set→; display_name: Two→; "
          + "connections[0].sip.uri: sip:a@b.example→; connections[0].sip.username: me→",
      ])
    for entry in entries {
      #expect(entry.resource == AuditResource(.agent, "a"))
      #expect(entry.principal == caller.principal && entry.peer == caller.peer)
      #expect(entry.method == caller.method && entry.traceID == caller.traceID)
      #expect(!"\(entry)".contains("s3cret"))
    }
  }

  @Test func nothingHidesAChangeOfAnAddressOrASecret() async throws {
    let (start, agents) = (
      "wss://agent.example/" + String(repeating: "a", count: 600), harness.agents
    )
    func agent(_ end: String, _ password: String, _ keys: String) -> AgentInput {
      AgentInput(
        id: "a",
        connections: [
          AgentConnectionInput(target: .mediaStream(url: start + end, parameters: [:])),
          AgentConnectionInput(
            target: .sip(uri: "sip:a@b.example", username: "me", password: Secret(password))),
        ],
        labels: Dictionary(
          uniqueKeysWithValues: (0..<RegistryLimits.labelCountMax).map { ("\(keys)\($0)", "x") }))
    }
    _ = try await agents.create(
      CreateAgent(agent: agent("one", "former-password", "k")), by: caller)
    harness.time.advance(by: .seconds(1))
    _ = try await agents.update(
      UpdateAgent(agent: agent("two", "present-password", "l"), mask: ["connections", "labels"]),
      by: caller)
    let changes = try #require(try await entries().first).changes
    #expect(changes.count == 2 + 2 * RegistryLimits.labelCountMax)
    #expect(changes[0] == .secret("connections[1].sip.password", had: true, has: true))
    #expect(changes[1].field == "connections[0].media_stream.url")
    #expect(changes[1].old.hasSuffix("one") && changes[1].new.hasSuffix("two"))
  }

  @Test func aRotationIsToldWithoutTheSecret() async throws {
    let provider = try await harness.link()
    harness.carrier.addKey(
      Sample.key(3), secret: "fresh-secret", account: Harness.account, region: .us1)
    harness.time.advance(by: .seconds(1))
    _ = try await harness.providers.update(
      UpdateProvider(
        provider: ProviderInput(
          id: provider.id.description,
          twilio: TwilioInput(
            apiKeySID: Sample.key(3).description, apiKeySecret: Secret("fresh-secret"))),
        mask: ["twilio.api_key_secret", "twilio.api_key_sid"]), by: caller)
    let entries = try await entries()
    #expect(entries.map(\.action) == [.rotate, .create])
    let changes = entries.first?.changes ?? []
    #expect(changes.map(\.field) == ["twilio.api_key_secret", "twilio.api_key_sid"])
    #expect(changes.first?.old == "set" && changes.first?.new == "changed")
    #expect(!"\(entries)".contains("fresh-secret") && !"\(entries)".contains("us-secret"))
  }

  @Test func anImportIsItsCallersAndItsEndIsOurs() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    _ = try await harness.addAgent("a")
    harness.time.advance(by: .seconds(1))
    _ = try await harness.numbers.assign("\(number.id)", to: .agent("a"), by: caller)
    harness.time.advance(by: .seconds(1))
    _ = try await harness.numbers.unassign("\(number.id)", by: caller)
    harness.time.advance(by: .seconds(1))
    _ = try await harness.numbers.delete("\(number.id)", by: caller)
    let entries = try await entries(ListAuditEvents(resourceType: "phone_number"))
    let steps = Set(entries.map { "\($0.action.rawValue) by \($0.principal)" })
    let mine = "\(caller.principal)"
    #expect(
      steps == [
        "import by \(mine)", "update by system", "assign by \(mine)", "unassign by \(mine)",
        "delete by \(mine)", "delete by system",
      ])
    #expect(entries.filter { $0.principal == .system }.allSatisfy { $0.method == "background" })
    let assigned = try #require(entries.first { $0.action == .assign })
    #expect(assigned.changes == [AuditChange("agent_id", old: "", new: "a")])
  }

  @Test func theLogIsFilteredPagedAndOnesOwn() async throws {
    for index in 0..<5 {
      _ = try await harness.addAgent("a\(index)")
      harness.time.advance(by: .seconds(1))
    }
    let log = AuditLog(harness.context)
    let first = try await log.list(
      ListAuditEvents(page: PageRequest(size: 2)), by: caller)
    #expect(first.elements.map(\.resource.id) == ["a4", "a3"])
    let next = try await log.list(
      ListAuditEvents(page: PageRequest(size: 2, token: first.nextToken)), by: caller)
    #expect(next.elements.map(\.resource.id) == ["a2", "a1"])
    #expect(try await entries(ListAuditEvents(resourceID: "a3")).count == 1)
    #expect(try await entries(ListAuditEvents(action: "delete")).isEmpty)
    #expect(try await entries(ListAuditEvents(principal: "system")).isEmpty)
    let middle = first.elements[1].time
    #expect(try await entries(ListAuditEvents(since: middle)).count == 2)
    #expect(try await entries(ListAuditEvents(until: middle)).count == 3)
    #expect(try await entries(by: .of(Sample.otherTenant)).isEmpty)
    for bad in [
      ListAuditEvents(resourceType: "table"), ListAuditEvents(action: "x"),
      ListAuditEvents(principal: "root"), ListAuditEvents(principal: "identity:a\0b"),
      ListAuditEvents(principal: "identity:" + String(repeating: "a", count: 1024)),
      ListAuditEvents(resourceID: "a\0b"),
    ] {
      await #expect(throws: RegistryError.self) { try await log.list(bad, by: caller) }
    }
  }
}

/// Quotas, counted in the write's own transaction.
@Suite struct QuotaTests {
  @Test func oneMoreThanTheQuotaIsRefusedAndADeletionMakesRoom() async throws {
    let store = MemoryRegistryStore()
    let context = RegistryContext(
      store: store, carrier: FakeCarrier(), gateway: FakeGateway(),
      trunks: FakeTrunkCarrier(FakeCarrier()), trunkCredentials: FakeTrunkCredentials(),
      sealer: FakeSealer(),
      webhooks: FakeWebhookEndpoints(), numberPlan: FakeNumberPlan(), time: ManualTime(),
      ids: CountingIDs(), quotas: [Quota(.agent, countMax: 2)])
    let agents = Agents(context)
    func create(_ id: String, _ tenant: TenantID = .main) async -> RegistryError? {
      let stream = AgentConnectionInput(
        target: .mediaStream(url: "wss://a.example/s", parameters: [:]))
      do throws(RegistryError) {
        _ = try await agents.create(
          CreateAgent(agent: AgentInput(id: id, connections: [stream])), by: .of(tenant))
        return nil
      } catch {
        return error
      }
    }
    #expect(await create("a") == nil)
    #expect(await create("b") == nil)
    #expect(await create("c") == .quotaExceeded(.agent, countMax: 2))
    #expect(await create("c", Sample.otherTenant) == nil)
    try await agents.delete("a", by: .of(.main))
    #expect(await create("c") == nil)
    #expect(await create("d") == .quotaExceeded(.agent, countMax: 2))
    let uses = try await PhoneNumbers(context).quota(by: .of(.main))
    #expect(uses.map(\.kind) == CountedKind.allCases)
    #expect(uses.first { $0.kind == .agent } == QuotaUse(.agent, count: 2, countMax: 2))
    #expect(uses.first { $0.kind == .number } == QuotaUse(.number, count: 0, countMax: nil))
  }
}

@Suite struct TimestampTextTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
      (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
      (1_795_270_000, "2026-11-21T14:06:40Z"), (4_102_444_800, "2100-01-01T00:00:00Z"),
    ] as [(Int64, String)])
  func isWrittenAsRFC3339(_ seconds: Int64, _ text: String) {
    #expect(Timestamp(milliseconds: seconds * 1000).rfc3339 == text)
  }

  @Test func oldEntriesAreForgottenInSteps() async throws {
    let harness = Harness()
    let count = RegistryLimits.pruneCountMax + 5
    try await harness.store.record((1...count).map { Sample.audit($0, tenant: Harness.tenant) })
    let last = Sample.time(count)
    harness.time.setWallClock(last.advanced(by: .seconds(400 * 24 * 3600)))
    try await harness.context.housekeep()
    func left() async throws -> [AuditEntry] {
      try await harness.store.tenant(Harness.tenant).auditEvents(
        AuditFilter(), after: nil, limit: 9)
    }
    #expect(try await left().map(\.time) == [last])
    harness.time.advance(by: .microseconds(1))
    try await harness.context.housekeep()
    #expect(try await left().isEmpty)
  }
}
