import Telephony
import TestKit
import Testing

@testable import Registry

/// What steps make, one by one, at carriers and gateways in memory.
struct ResourceWorkTests {
  private static let url = "https://gateway.test"
  private let carrier = FakeCarrier()
  private let trunks: FakeTrunkCarrier
  private let gateway = FakeGateway()
  private let number: PhoneNumber

  init() throws {
    trunks = FakeTrunkCarrier(carrier)
    carrier.addKey(Sample.key(1), secret: "s", account: Sample.account(1), region: .us1)
    gateway.addKey("key", secret: "secret", url: Self.url)
    var number = try Sample.number(1, provider: Sample.provider(1))
    number.ingress = .trunk
    self.number = number
  }

  private func ports(_ injector: FaultInjector?) -> OutsidePorts {
    OutsidePorts(
      trunks: injector.map { FaultyTrunkCarrier(trunks, $0) as any TrunkCarrier } ?? trunks,
      gateway: injector.map { FaultyGateway(gateway, $0) as any SIPGateway } ?? gateway,
      credentials: FakeTrunkCredentials())
  }

  private func journal(_ username: String? = nil) -> ProvisioningJournal {
    let plan = TrunkPlan(
      gatewayID: Sample.provider(2).id, sipHost: "sip.example.test",
      username: username ?? FakeTrunkCredentials().username(for: number.id, generation: 1))
    return .importing(number, by: .trunk(plan), id: Sample.operationID(1), time: Sample.start)
  }

  private func work(
    _ step: ProvisioningStep, _ journal: ProvisioningJournal, _ injector: FaultInjector? = nil
  ) throws -> ResourceWork {
    let access = CarrierAccess(
      accountSID: Sample.account(1), region: .us1,
      credentials: .apiKey(sid: Sample.key(1), secret: Secret("s")))
    let gatewayAccess = GatewayAccess(url: Self.url, apiKey: "key", apiSecret: Secret("secret"))
    return ResourceWork(
      ports: ports(injector), number: number, wanted: try #require(step.resource),
      account: step.kind.isAtGateway ? .gateway(gatewayAccess) : .carrier(access),
      others: journal)
  }

  /// Makes all; the steps know then what they made.
  private func make(
    _ journal: inout ProvisioningJournal, _ injector: FaultInjector? = nil
  ) async throws {
    for index in journal.steps.indices where journal.steps[index].kind.isResource {
      journal.steps[index].made = try await work(journal.steps[index], journal, injector).make()
    }
  }

  private func takeAway(_ journal: ProvisioningJournal) async throws {
    for step in journal.steps.reversed() where step.kind.isResource {
      let work = try work(step, journal)
      if step.kind == .credential { continue }
      switch try await work.find(everywhere: true) {
      case .absent: continue
      case .found, .altered: try await work.takeAway()
      }
    }
  }

  private var isEmpty: Bool {
    trunks.inventory.isEmpty && gateway.inboundTrunks(Self.url).isEmpty
      && gateway.outboundTrunks(Self.url).isEmpty && gateway.dispatchRules(Self.url).isEmpty
  }

  @Test func makesEachOnceHoweverOften() async throws {
    var journal = journal()
    try await make(&journal)
    let name = "trunkline-\(number.id)"
    let domain = TrunkPlan.domain(of: number.id)
    let user = FakeTrunkCredentials().username(for: number.id, generation: 1)
    let inventory = [
      "credential \(user) in \(name)", "list \(name)", "list \(name) on \(name)",
      "trunk \(name) \(domain)", "url \(name) sip:sip.example.test;transport=tcp",
    ]
    #expect(trunks.inventory == inventory)
    let inbound = try #require(gateway.inboundTrunks(Self.url).first)
    #expect(inbound.numbers == [number.e164.text] && inbound.name == name)
    let outbound = try #require(gateway.outboundTrunks(Self.url).first)
    #expect(outbound.address == domain && outbound.username == user)
    #expect(outbound.password == trunks.password(of: user) && outbound.password != nil)
    let rule = try #require(gateway.dispatchRules(Self.url).first)
    #expect(rule.trunkIDs == [inbound.id] && rule.roomPrefix == "\(number.id)-")
    #expect(rule.attributes == ["trunkline.phone_number_id": number.id.description])

    // A second time, and after a crash that forgot all ids.
    let writes = gateway.writes.count
    try await make(&journal)
    for index in journal.steps.indices where journal.steps[index].kind != .trunk {
      let forgotten = journal.steps[index].made
      journal.steps[index].made = nil
      guard journal.steps[index].kind.isResource else { continue }
      journal.steps[index].made = try await work(journal.steps[index], journal).make()
      #expect(journal.steps[index].made == forgotten)
    }
    #expect(trunks.inventory == inventory)
    #expect(gateway.writes.count == writes)
    try await takeAway(journal)
    #expect(isEmpty)
    // Gone is fine.
    try await takeAway(journal)
  }

  /// Each request's answer is lost in turn: what it made is found again.
  @Test func findsWhatALostAnswerMade() async throws {
    let counter = FaultInjector()
    var clean = journal()
    try await make(&clean, counter)
    try await takeAway(clean)
    #expect(counter.count == 16)
    for request in 1...counter.count {
      var journal = journal()
      let injector = FaultInjector(failing: request, .afterEffect)
      await #expect(throws: CarrierError.self) { try await make(&journal, injector) }
      try await make(&journal)
      #expect(trunks.inventory.count == 5, "\(request)")
      #expect(gateway.inboundTrunks(Self.url).count == 1, "\(request)")
      #expect(gateway.outboundTrunks(Self.url).count == 1, "\(request)")
      #expect(gateway.dispatchRules(Self.url).count == 1, "\(request)")
      try await takeAway(journal)
      #expect(isEmpty, "\(request)")
    }
  }

  /// A request that had its effect after it was given up leaves a second one: both go.
  @Test func takesAwayCopies() async throws {
    var journal = journal()
    try await make(&journal)
    let access = CarrierAccess(
      accountSID: Sample.account(1), region: .us1,
      credentials: .apiKey(sid: Sample.key(1), secret: Secret("s")))
    _ = try await trunks.createCredentialList(named: "trunkline-\(number.id)", access)
    #expect(trunks.inventory.count == 6)
    try await takeAway(journal)
    #expect(isEmpty)
  }

  /// A list is never "not found": who says so of it is not believed that the thing is gone.
  @Test func isNotGoneBecauseAListIsNotFound() async throws {
    var journal = journal()
    try await make(&journal)
    let missing = CarrierError(.notFound, effect: .refused, code: 20404)
    for step in journal.steps where step.kind.isResource && step.kind != .credential {
      let work = try ResourceWork(
        ports: OutsidePorts(
          trunks: FaultyTrunkCarrier(trunks, FaultInjector(failing: 1), error: missing),
          gateway: FaultyGateway(gateway, FaultInjector(failing: 1), error: missing),
          credentials: FakeTrunkCredentials()),
        number: number, wanted: #require(step.resource), account: self.work(step, journal).account,
        others: journal)
      let error = await #expect(throws: CarrierError.self) { try await work.find(everywhere: true) }
      #expect(error?.kind == .notFound, "\(step.kind)")
    }
  }

  @Test func makesAnewWhatSomebodyAltered() async throws {
    var journal = journal()
    try await make(&journal)
    trunks.redirect(to: "sip:elsewhere.test")
    let gatewayAccess = GatewayAccess(url: Self.url, apiKey: "key", apiSecret: Secret("secret"))
    var theirs = try #require(gateway.outboundTrunks(Self.url).first)
    let id = theirs.id
    theirs.address = "elsewhere.test"
    try await gateway.replaceOutboundTrunk(id, by: theirs, gatewayAccess)
    for step in journal.steps
    where step.kind == .originationURL || step.kind == .gatewayOutboundTrunk {
      guard case .altered = try await work(step, journal).find(everywhere: false) else {
        Issue.record("\(step.kind) was not seen to be altered")
        continue
      }
    }
    try await make(&journal)
    #expect(trunks.inventory.contains { $0.hasSuffix("sip:sip.example.test;transport=tcp") })
    #expect(trunks.inventory.count == 5)
    // It keeps its id, which calls refer to.
    #expect(gateway.outboundTrunks(Self.url).map(\.id) == [id])
    #expect(gateway.outboundTrunks(Self.url).map(\.address) == [TrunkPlan.domain(of: number.id)])
    #expect(gateway.outboundTrunks(Self.url).first?.password != nil)
  }

  /// A password can't be made any more when its key left the keyring: nothing is guessed.
  @Test func refusesAUserWhoseKeyIsGone() async throws {
    var journal = journal("k0-1234-1")
    let error = await #expect(throws: CarrierError.self) { try await make(&journal) }
    #expect(error?.kind == .invalidRequest)
  }

  @Test func whatItHangsOnMayBeGone() async throws {
    var journal = journal()
    try await make(&journal)
    let trunk = try #require(journal.resource(.trunk)?.externalID)
    trunks.remove(try CarrierTrunkSID(trunk))
    let url = try #require(journal.steps.first { $0.kind == .originationURL })
    guard case .absent = try await work(url, journal).find(everywhere: true) else {
      Issue.record("something hangs on nothing")
      return
    }
    try await takeAway(journal)
    #expect(isEmpty)
  }
}
