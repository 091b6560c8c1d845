import Access
import Telephony
import TestKit
import Testing

@testable import Registry

struct KeyRotationTests {
  let store = MemoryRegistryStore()
  let time = ManualTime()
  let old = FakeSealer(keyName: "old")
  let new = FakeSealer(keyName: "new", earlier: ["old"])

  private func rotation(_ sealer: FakeSealer) -> KeyRotation {
    KeyRotation(store: store, sealer: sealer, time: time, ids: CountingIDs())
  }

  /// A provider as an earlier version stored it: without a data key.
  private func earlier(_ number: Int) throws -> Provider {
    var provider = Sample.provider(number, account: number)
    let token = CredentialField.authToken(provider.id)
    provider.configuration = .twilio(
      TwilioConfiguration(
        accountSID: Sample.account(number), apiKey: nil,
        authToken: try old.seal(Secret("token \(number)"), associatedData: token.associatedData)))
    return provider
  }

  private func enveloped(_ number: Int) throws -> Provider {
    var provider = Sample.provider(number, account: number)
    let dataKey = try old.makeDataKey(for: provider.secretOwner)
    provider.dataKey = dataKey
    provider.configuration = .twilio(
      TwilioConfiguration(
        accountSID: Sample.account(number), apiKey: nil,
        authToken: try old.seal(
          Secret("token \(number)"), .authToken(provider.id), of: provider.secretOwner,
          under: dataKey)))
    return provider
  }

  private func agent(_ number: Int) throws -> Agent {
    var agent = try Sample.agent(number)
    agent.connections[1].target.password = try old.seal(
      Secret("password \(number)"),
      associatedData: CredentialField.sipPassword(agent.id, agent.tenant).associatedData)
    return agent
  }

  private func token(of provider: Provider?, _ sealer: FakeSealer) throws -> Secret {
    guard let provider, case .twilio(let twilio) = provider.configuration,
      let token = twilio.authToken
    else { return Secret("none") }
    return try sealer.open(
      token, .authToken(provider.id), of: provider.secretOwner, with: provider.dataKey)
  }

  @Test func everyRowComesUnderTheCurrentKey() async throws {
    try await store.commit(
      Sample.write([
        .insertProvider(try earlier(1)), .insertProvider(try enveloped(2)),
        .insertAgent(try agent(1)),
      ]))
    let before = try await store.provider(Sample.providerID(2))
    let outcome = try await rotation(new).run()
    #expect(outcome == KeyRotation.Outcome(resealedCount: 3))
    let seal = [Seal(keyName: "new", isEnvelope: true)]
    #expect(try await store.sealCounts() == [SealCount(seals: seal, rowCount: 3)])
    // The old key is needed no more.
    let alone = FakeSealer(keyName: "new")
    for number in [1, 2] {
      let provider = try await store.provider(Sample.providerID(number))
      #expect(try token(of: provider, alone) == Secret("token \(number)"))
      #expect(provider?.revision.version == 2)
      #expect(provider?.revision.updateTime == Sample.time(number))
    }
    // Under a data key only that is sealed anew.
    let after = try await store.provider(Sample.providerID(2))
    #expect(after?.configuration == before?.configuration)
    #expect(after?.dataKey?.id == before?.dataKey?.id)
    let agent = try #require(try await store.tenant(Sample.tenant).agent(try Sample.agentID(1)))
    let password = try #require(agent.connections[1].target.password)
    let opened = try alone.open(
      password, .sipPassword(agent.id, agent.tenant), of: agent.secretOwner, with: agent.dataKey)
    #expect(opened == Secret("password 1"))
    // Dispatches are told, since the password rests in the route, too.
    let routes = try await store.routes(after: 0, limit: 9).changes.map(\.kind)
    #expect(routes.contains(.put(.agent(AgentRoute(agent)))))
    #expect(try await rotation(new).run() == KeyRotation.Outcome())
  }

  @Test func theAuditLogTellsTheKeys() async throws {
    try await store.commit(Sample.write([.insertProvider(try earlier(1))]))
    _ = try await rotation(new).run()
    let entries = try await store.tenant(Sample.tenant).auditEvents(
      AuditFilter(action: .rotate), after: nil, limit: 9)
    #expect(entries.map(\.principal) == [.system])
    #expect(entries.map(\.changes) == [[AuditChange("seal_key", old: "old", new: "new")]])
  }

  @Test func moreRowsThanABatchAndFailuresAmongThem() async throws {
    let count = KeyRotation.batchSize * 2 + 3
    for number in 1...count {
      try await store.commit(Sample.write([.insertProvider(try enveloped(number))]))
    }
    var foreign = try enveloped(count + 1)
    foreign.dataKey?.keyName = "gone"
    try await store.commit(Sample.write([.insertProvider(foreign)]))
    let outcome = try await rotation(new).run()
    #expect(outcome.resealedCount == count)
    #expect(
      outcome.failures == [
        KeyRotation.Failure(
          resource: "provider \(foreign.id)", reason: .unknownKey(name: "gone"))
      ])
    #expect(outcome.failureCount == 1)
    #expect(try await store.provider(foreign.id) == foreign)
  }

  @Test func whatFailsInTheMiddleIsDoneByTheNextRun() async throws {
    let injector = FaultInjector(failing: 4)
    for number in 1...5 {
      try await store.commit(Sample.write([.insertProvider(try enveloped(number))]))
    }
    let faulty = KeyRotation(
      store: FaultyRegistryStore(store, injector), sealer: new, time: time, ids: CountingIDs())
    await #expect(throws: StoreError.self) { try await faulty.run() }
    let left = try await store.providers(notSealedUnder: "new", after: nil, limit: 9)
    #expect((1...4).contains(left.count))
    #expect(try await rotation(new).run().resealedCount == left.count)
    #expect(try await store.providers(notSealedUnder: "new", after: nil, limit: 9) == [])
  }

  /// Writers that set a secret at the same moment lose none, and leave none under the old key.
  @Test func noSecretIsLostThatIsWrittenMeanwhile() async throws {
    for number in 1...8 {
      try await store.commit(Sample.write([.insertProvider(try earlier(number))]))
    }
    let (store, new) = (store, new)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 1...8 {
        group.addTask {
          for round in 0..<50 {
            // A server that has the new key, or one that still seals under the old one.
            let behind = FakeSealer(keyName: "old", earlier: ["new"])
            let sealer = round.isMultiple(of: 2) ? new : behind
            try await Self.write("secret \(number) \(round)", number, sealer, store)
            await Task.yield()
          }
          try await Self.write("last \(number)", number, new, store)
        }
      }
      group.addTask {
        for _ in 0..<20 {
          _ = try await self.rotation(new).run()
          await Task.yield()
        }
      }
      try await group.waitForAll()
    }
    _ = try await rotation(new).run()
    #expect(try await store.providers(notSealedUnder: "new", after: nil, limit: 9) == [])
    for number in 1...8 {
      let provider = try await store.provider(Sample.providerID(number))
      #expect(
        try token(of: provider, FakeSealer(keyName: "new")) == Secret("last \(number)"))
    }
  }

  /// Sets a provider's token as the use case does: again after another write.
  private static func write(
    _ text: String, _ number: Int, _ sealer: FakeSealer, _ store: MemoryRegistryStore
  ) async throws {
    while true {
      guard var next = try await store.provider(Sample.providerID(number)),
        case .twilio(var twilio) = next.configuration
      else { return }
      let version = next.revision.version
      let dataKey = try next.dataKey ?? sealer.makeDataKey(for: next.secretOwner)
      twilio.authToken = try sealer.seal(
        Secret(text), .authToken(next.id), of: next.secretOwner, under: dataKey)
      next.dataKey = dataKey
      next.configuration = .twilio(twilio)
      next.revision = next.revision.next(at: Sample.time(number))
      do throws(StoreError) {
        try await store.tenant(next.tenant).commit(
          Sample.write([.updateProvider(next, from: version, numbersRevision: nil)]).write)
        return
      } catch .versionMismatch {
        continue
      }
    }
  }
}

struct SealCheckTests {
  let store = MemoryRegistryStore()

  private func problems(_ sealer: FakeSealer) async throws -> [SealCheck.Problem] {
    try await SealCheck(store: store, sealer: sealer).problems()
  }

  private func provider(_ number: Int, _ sealer: FakeSealer) throws -> Provider {
    var provider = Sample.provider(number, account: number)
    let dataKey = try sealer.makeDataKey(for: provider.secretOwner)
    provider.dataKey = dataKey
    provider.configuration = .twilio(
      TwilioConfiguration(
        accountSID: Sample.account(number), apiKey: nil,
        authToken: try sealer.seal(
          Secret("t"), .authToken(provider.id), of: provider.secretOwner, under: dataKey)))
    return provider
  }

  @Test func aKeyringThatFitsHasNoProblem() async throws {
    let sealer = FakeSealer(keyName: "k")
    #expect(try await problems(sealer) == [])
    try await store.commit(Sample.write([.insertProvider(try provider(1, sealer))]))
    #expect(try await problems(sealer) == [])
    #expect(try await problems(FakeSealer(keyName: "next", earlier: ["k"])) == [])
  }

  @Test func aKeyThatIsNotThereIsNamedWithItsRows() async throws {
    for number in 1...3 {
      let sealer = FakeSealer(keyName: number == 3 ? "b" : "a")
      try await store.commit(Sample.write([.insertProvider(try provider(number, sealer))]))
    }
    #expect(
      try await problems(FakeSealer(keyName: "c")) == [
        .missing(key: "a", rowCount: 2), .missing(key: "b", rowCount: 1),
      ])
    #expect(
      try await problems(FakeSealer(keyName: "a")) == [.missing(key: "b", rowCount: 1)])
  }

  @Test func aKeyOfTheSameNameThatIsAnotherIsTold() async throws {
    let sealer = FakeSealer(keyName: "k")
    // Sealed by somebody else under the same name: it is bound to another row here.
    for number in 1...2 {
      var foreign = try provider(number, sealer)
      foreign.dataKey?.bytes.reverse()
      try await store.commit(Sample.write([.insertProvider(foreign)]))
    }
    #expect(try await problems(sealer) == [.wrong(key: "k", rowCount: 2)])
    // One row that opens says that the key is the right one: the others are damaged.
    try await store.commit(Sample.write([.insertProvider(try provider(3, sealer))]))
    #expect(try await problems(sealer) == [])
  }
}
