import Telephony
import TestKit
import Testing

@testable import Registry

struct PhoneNumbersTests {
  private let harness = Harness()
  private var numbers: PhoneNumbers { harness.numbers }
  private let tenant = Harness.tenant

  @Test func importsThroughTheRegionAndThenTurnsTheCalls() async throws {
    let provider = try await harness.link(.ie1)
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let url = "https://ie1.hooks.example.test/voice/\(number.id)/1"
    #expect(
      harness.carrier.writes == [
        .configured(Sample.sid(1), .ie1, voiceURL: url), .routed(try Sample.e164(1), .ie1),
      ])
    #expect(number.state == .active)
    #expect(number.former?.voice.voiceURL == "https://former.test/ie1")
    #expect(number.former?.processingRegion == nil)
    #expect(number.conditions.map(\.reason) == ["CONFIGURED"])
    // The record of the other region is not touched.
    #expect(harness.carrier.voice(Sample.sid(1), region: .us1) == Harness.former)
    #expect(try await numbers.get(number.id.description, by: .of(tenant)) == number)
  }

  @Test func publishesTheRouteBeforeTheWebhook() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    harness.carrier.setOutage(nil)
    let number = try await harness.importNumber(1, provider)
    let page = try await harness.context.feed.page(after: 0)
    guard case .put(.number(let route)) = page.changes.last?.kind else {
      Issue.record("no route")
      return
    }
    #expect(route.id == number.id)
    #expect(route.state == .active)
    #expect(route.formerVoiceURL == Harness.former.voiceURL)
  }

  @Test func leavesAnOutboundNumberAloneAtTheCarrier() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider, inbound: false)
    #expect(number.state == .active)
    #expect(number.former == nil)
    #expect(harness.carrier.writes.isEmpty)
    let gone = try await numbers.delete(number.id.description, by: .of(tenant))
    #expect(gone.state == .deleting)
    #expect(harness.carrier.writes.isEmpty)
  }

  @Test func putsBackWhatWasThere() async throws {
    let provider = try await harness.link(.ie1)
    try harness.buy(1, processingRegion: .us1)
    let number = try await harness.importNumber(1, provider)
    let gone = try await numbers.delete(number.id.description, by: .of(tenant))
    #expect(gone.state == .deleting)
    #expect(
      harness.carrier.voice(Sample.sid(1), region: .ie1)?.voiceURL == "https://former.test/ie1")
    #expect(harness.carrier.processingRegion(of: try Sample.e164(1)) == .us1)
    #expect(
      harness.carrier.writes.suffix(2).first == .routed(try Sample.e164(1), .us1))
    let missing = await failure {
      try await numbers.get(number.id.description, by: .of(tenant))
    }
    #expect(missing == .notFound(.number(number.id)))
    // The claim is free again.
    _ = try await harness.importNumber(1, provider)
  }

  @Test func leavesAloneWhatIsNotOursAnyMore() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let theirs = VoiceSettings(voiceURL: "https://somebody.test")
    harness.carrier.overwrite(Sample.sid(1), region: .us1, with: theirs)
    _ = try await numbers.delete(number.id.description, by: .of(tenant))
    #expect(harness.carrier.voice(Sample.sid(1), region: .us1) == theirs)
  }

  @Test func claimsANumberOnce() async throws {
    let us1 = try await harness.link(.us1)
    let ie1 = try await harness.link(.ie1)
    try harness.buy(1)
    let number = try await harness.importNumber(1, us1)
    #expect(
      await failure { try await harness.importNumber(1, us1) } == .numberExists(number.id))
    #expect(
      await failure { try await harness.importNumber(1, ie1) }
        == .numberInOtherRegion(number.id, .us1))
    let theirs = try await harness.providers.create(
      CreateProvider(provider: Harness.input()), by: .of(Sample.otherTenant))
    let claimed = await failure {
      try await numbers.importNumber(
        ImportPhoneNumber(
          providerID: theirs.id.description, e164: try Sample.e164(1).text),
        by: .of(Sample.otherTenant))
    }
    #expect(claimed == .numberClaimed)
  }

  @Test func needsTheNumberAtTheCarrier() async throws {
    let provider = try await harness.link()
    #expect(
      await failure { try await harness.importNumber(1, provider) }
        == .numberNotAtCarrier(provider.id))
    harness.carrier.addNumber(
      Sample.sid(2), try Sample.e164(2), account: Harness.account, hasVoice: false)
    #expect(
      await failure { try await harness.importNumber(2, provider) }
        == .numberWithoutVoice(provider.id))
    let narrow = Harness(regions: [.ie1])
    let us1 = try await narrow.link()
    try narrow.buy(1)
    #expect(await failure { try await narrow.importNumber(1, us1) } == .regionNotServed(.us1))
  }

  @Test func tellsEveryBadField() async throws {
    let error = await failure {
      try await numbers.importNumber(
        ImportPhoneNumber(
          providerID: "pn_1", e164: "1500", label: String(repeating: "x", count: 129),
          supportsInbound: false, supportsOutbound: false, labels: ["k": "a\u{7}"],
          requestID: "ü"),
        by: .of(tenant))
    }
    #expect(
      fields(error) == [
        "request_id": .malformed, "provider_id": .malformed, "e164": .malformed,
        "label": .tooLong, "labels": .forbiddenCharacter, "supports_inbound": .conflicting,
      ])
    let short = await failure {
      try await numbers.importNumber(
        ImportPhoneNumber(providerID: Sample.providerID(1).description, e164: "+15005"),
        by: .of(tenant))
    }
    #expect(fields(short) == ["e164": .notPossibleNumber])
    #expect(harness.carrier.requestCount == 0)
  }

  @Test func repeatsAnImport() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let first = try await harness.importNumber(1, provider, requestID: "r1")
    let writes = harness.carrier.writes
    #expect(try await harness.importNumber(1, provider, requestID: "r1") == first)
    #expect(harness.carrier.writes == writes)
    let reused = await failure { try await harness.importNumber(2, provider, requestID: "r1") }
    #expect(fields(reused) == ["request_id": .requestIDReused])
  }

  @Test func importsOnceForManyEqualRequests() async throws {
    let provider = try await harness.link(.ie1)
    try harness.buy(1)
    let harness = harness
    let ids = try await withThrowingTaskGroup(of: PhoneNumberID.self) { group in
      for _ in 0..<8 {
        group.addTask { try await harness.importNumber(1, provider, requestID: "r1").id }
      }
      var ids: Set<PhoneNumberID> = []
      for try await id in group { ids.insert(id) }
      return ids
    }
    #expect(ids.count == 1)
    #expect(harness.carrier.writes.count == 2)
  }

  @Test func assignsAndUnassigns() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let agent = try await harness.addAgent("front-desk")
    let id = number.id.description
    let assigned = try await numbers.assign(id, to: .agent("front-desk"), by: .of(tenant))
    #expect(assigned.agentID == agent.id)
    let usage = try await numbers.usage(id, by: .of(tenant))
    #expect(usage.agent == agent)
    #expect(!usage.isDeletable)
    #expect(
      await failure { try await numbers.delete(id, by: .of(tenant)) }
        == .numberAssigned(number.id, agent.id))
    let stale = await failure {
      try await numbers.unassign(id, etag: number.etag, by: .of(tenant))
    }
    #expect(stale == .etagMismatch(.number(number.id)))
    let free = try await numbers.unassign(id, etag: assigned.etag, by: .of(tenant))
    #expect(free.agentID == nil)
    #expect(try await numbers.unassign(id, by: .of(tenant)) == free)
    #expect(try await numbers.usage(id, by: .of(tenant)).isDeletable)
    let missing = await failure {
      try await numbers.assign(id, to: .agent("nobody"), by: .of(tenant))
    }
    #expect(missing == .notFound(.agent(try AgentID("nobody"))))
  }

  @Test func updatesWithoutTheCarrier() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let requests = harness.carrier.requestCount
    let id = number.id.description
    let updated = try await numbers.update(
      UpdatePhoneNumber(
        number: PhoneNumberInput(id: id, label: "Desk", labels: ["a": "b"]),
        mask: ["label", "supports_outbound"]),
      by: .of(tenant))
    #expect(updated.label == "Desk")
    #expect(updated.labels.isEmpty)
    #expect(!updated.supportsOutbound)
    #expect(harness.carrier.requestCount == requests)
    let star = try await numbers.update(
      UpdatePhoneNumber(
        number: PhoneNumberInput(id: id, supportsOutbound: true), mask: ["*"]),
      by: .of(tenant))
    #expect(star.label.isEmpty)
    #expect(star.supportsOutbound)
    let wrong = await failure {
      try await numbers.update(
        UpdatePhoneNumber(number: PhoneNumberInput(id: id), mask: ["e164"]), by: .of(tenant))
    }
    #expect(fields(wrong) == ["update_mask": .unknown])
  }

  @Test func sendsUnassignedCallsWhereTheyWentBefore() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    #expect(number.unassignedPolicy == .reject)
    let id = number.id.description
    let former = try await numbers.update(
      UpdatePhoneNumber(number: PhoneNumberInput(id: id, unassigned: .value(.formerURL))),
      by: .of(tenant))
    #expect(former.unassignedPolicy == .formerURL)
    let reset = try await numbers.update(
      UpdatePhoneNumber(number: PhoneNumberInput(id: id), mask: ["inbound"]), by: .of(tenant))
    #expect(reset.unassignedPolicy == .reject)
    let wrong = await failure {
      try await numbers.update(
        UpdatePhoneNumber(number: PhoneNumberInput(id: id, unassigned: .unknown)), by: .of(tenant))
    }
    #expect(fields(wrong) == ["phone_number.inbound.unassigned": .unknown])
  }

  @Test func keepsOneDirection() async throws {
    let provider = try await harness.link()
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider, inbound: false)
    let error = await failure {
      try await numbers.update(
        UpdatePhoneNumber(
          number: PhoneNumberInput(id: number.id.description), mask: ["supports_outbound"]),
        by: .of(tenant))
    }
    #expect(fields(error) == ["phone_number.supports_outbound": .conflicting])
  }

  /// A provider's numbers are all of its region: that nothing fits is known without reading them.
  @Test func listsByProviderAndRegion() async throws {
    let provider = try await harness.link(.ie1)
    try harness.buy(1)
    let number = try await harness.importNumber(1, provider)
    let id = provider.id.description
    func labels(_ region: Region, _ provider: String) async throws -> [String] {
      try await numbers.list(
        ListPhoneNumbers(providerID: provider, region: .value(region)), by: .of(tenant)
      ).elements.map(\.label)
    }
    #expect(try await labels(.ie1, id) == [number.label])
    #expect(try await labels(.us1, id).isEmpty)
    #expect(try await labels(.ie1, Sample.providerID(99).description).isEmpty)
    let elsewhere = try await numbers.list(
      ListPhoneNumbers(providerID: id, region: .value(.ie1)), by: .of(Sample.otherTenant))
    #expect(elsewhere.elements.isEmpty)
  }

  @Test func listsByFilter() async throws {
    let provider = try await harness.link()
    for index in 1...3 {
      try harness.buy(index)
      _ = try await harness.importNumber(index, provider)
    }
    _ = try await harness.addAgent("a")
    let all = try await numbers.list(ListPhoneNumbers(), by: .of(tenant))
    _ = try await numbers.assign(all.elements[1].id.description, to: .agent("a"), by: .of(tenant))
    let mine = try await numbers.list(ListPhoneNumbers(agentID: "a"), by: .of(tenant))
    #expect(mine.elements.map(\.label) == ["n2"])
    let bad = await failure {
      try await numbers.list(
        ListPhoneNumbers(
          kind: .unknown, agentID: "A B", providerID: "x", region: .unknown, state: .unknown),
        by: .of(tenant))
    }
    #expect(
      fields(bad) == [
        "type": .unknown, "agent_id": .malformed, "provider_id": .malformed,
        "region": .unknown, "state": .unknown,
      ])
  }
}
