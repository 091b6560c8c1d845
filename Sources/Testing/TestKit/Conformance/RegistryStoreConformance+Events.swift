internal import Registry
internal import Telephony

extension RegistryStoreConformance {
  /// The same of each way to read the feed.
  private static func stands(
    of store: any RegistryStore, after sequence: UInt64, limit: Int
  ) async throws -> [FeedStand] {
    let tenant = store.tenant(Sample.tenant)
    return [
      try await store.events(after: sequence, limit: limit).feed,
      try await tenant.events(of: .number, after: sequence, limit: limit).feed,
      try await store.routes(after: sequence, limit: limit).feed,
    ]
  }

  static let eventChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("every change is an event, once and in order") { store in
      let provider = Sample.provider(1)
      let first = try Sample.number(1, provider: provider)
      try await store.commit(
        Sample.write([.insertProvider(provider), .insertNumber(first, providerVersion: 1)]))
      var second = first
      second.label = "changed"
      second.revision = first.revision.sampleNext
      try await store.commit(Sample.write([.updateNumber(second, from: 1)], at: Sample.time(2)))
      try await store.commit(
        Sample.write([.deleteNumber(first.id, from: 2)], at: Sample.time(3)))
      let page = try await store.events(after: 0, limit: 9)
      try requireEqual(page.events.map(\.sequence), [1, 2, 3, 4])
      try requireEqual(page.events.map(\.kind), [.provider, .number, .number, .number])
      try requireEqual(page.events.map(\.change), [.created, .created, .updated, .deleted])
      try requireEqual(page.events.map(\.version), [1, 1, 2, 2])
      try requireEqual(page.events.map(\.number), [nil, first, second, nil])
      try requireEqual(
        page.events.map(\.time), [Sample.start, Sample.start, Sample.time(2), Sample.time(3)])
      try requireEqual(page.feed.latest, FeedPoint(sequence: 4, time: Sample.time(3)))
      let numbers = try await store.tenant(Sample.tenant).events(of: .number, after: 2, limit: 1)
      try requireEqual(numbers.events, [page.events[2]])
      let level = try await store.tenant(Sample.tenant).events(of: .number, after: 4, limit: 9)
      var stand = page.feed
      stand.askedTime = Sample.time(3)
      try requireEqual(level, EventPage(events: [], feed: stand))
      let other = try await store.tenant(Sample.otherTenant).events(
        of: .number, after: 0, limit: 9)
      try requireEqual(other.events, [])
    },
    RegistryStoreCheck("a refused write leaves neither event nor gap") { store in
      let agent = try Sample.agent(1)
      try await store.commit(Sample.write([.insertAgent(agent)]))
      try await requireRefused(
        store, Sample.write([.insertAgent(try Sample.agent(2)), .insertAgent(agent)]),
        .agentExists)
      let receipt = try await store.commit(Sample.write([.insertAgent(try Sample.agent(3))]))
      try requireEqual(receipt.routeSequence, 2)
      let page = try await store.events(after: 0, limit: 9)
      try requireEqual(page.events.map(\.resourceID), ["agent-1", "agent-3"])
    },
    RegistryStoreCheck("a page tells when the last change was, and the one asked for") { store in
      let nothing = FeedPoint(sequence: 0, time: nil)
      for stand in try await stands(of: store, after: 0, limit: 9) {
        try requireEqual(stand.latest, nothing)
        try requireEqual(stand.askedTime, nil)
      }
      for index in 1...3 {
        try await store.commit(
          Sample.write([.insertAgent(try Sample.agent(index))], at: Sample.time(index)))
      }
      for limit in [0, 9] {
        for (sequence, time) in [0: nil, 2: Sample.time(2), 7: nil] {
          for stand in try await stands(of: store, after: UInt64(sequence), limit: limit) {
            try requireEqual(stand.latest, FeedPoint(sequence: 3, time: Sample.time(3)))
            try requireEqual(stand.askedTime, time)
          }
        }
      }
      let points = (1...3).map { FeedPoint(sequence: UInt64($0), time: Sample.time($0)) }
      try requireEqual(try await store.events(after: 0, limit: 9).events.map(\.point), points)
      try requireEqual(try await store.routes(after: 0, limit: 9).changes.map(\.point), points)
      // The last one is never forgotten.
      try await store.prune(
        requestsBefore: Sample.start, historyBefore: Sample.time(9), limit: 9)
      for stand in try await stands(of: store, after: 2, limit: 9) {
        try requireEqual(stand.latest, points[2])
        try requireEqual(stand.askedTime, nil)
      }
    },
    RegistryStoreCheck("old events are pruned in order, and it is told how far") { store in
      for index in 1...4 {
        try await store.commit(
          Sample.write([.insertAgent(try Sample.agent(index))], at: Sample.time(index)))
      }
      let count = try await store.prune(
        requestsBefore: Sample.start, historyBefore: Sample.time(4), limit: 2)
      try requireEqual(count, 2)
      let page = try await store.events(after: 0, limit: 9)
      try requireEqual(page.events.map(\.sequence), [3, 4])
      try requireEqual(page.feed.prunedThrough, 2)
      try await store.prune(
        requestsBefore: Sample.start, historyBefore: Sample.time(4), limit: 9)
      let rest = try await store.events(after: 2, limit: 9)
      try requireEqual(rest.events.map(\.sequence), [4])
      try requireEqual(rest.feed.prunedThrough, 3)
      try requireEqual(rest.feed.latest.sequence, 4)
      let none = try await store.prune(
        requestsBefore: Sample.start, historyBefore: Sample.time(4), limit: 9)
      try requireEqual(none, 0)
    },
  ]

  static let isolationChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("what another tenant has is not there, for reads and for writes") { store in
      let provider = Sample.provider(1)
      let number = try Sample.number(1, provider: provider)
      let agent = try Sample.agent(1)
      let journal = ProvisioningJournal.importing(
        number, ours: VoiceSettings(), id: Sample.operationID(1), time: Sample.start)
      try await store.commit(
        Sample.write(
          [
            .insertProvider(provider), .insertAgent(agent), .insertJournal(journal),
            .insertNumber(number, providerVersion: 1),
          ], request: Sample.request("r1")))
      try await requireNothing(store.tenant(Sample.otherTenant), provider, number, agent, journal)
      let changes: [(RegistryChange, StoredKind)] = [
        (.insertProvider(provider), .provider),
        (.updateProvider(provider, from: 1, numbersRevision: nil), .provider),
        (.deleteProvider(provider.id, from: 1), .provider),
        (.insertNumber(number, providerVersion: 1), .number),
        (.updateNumber(number, from: 1), .number), (.deleteNumber(number.id, from: 1), .number),
        (.insertAgent(agent), .agent), (.updateAgent(agent, from: 1), .agent),
        (.deleteAgent(agent.id, from: agent.revision), .agent), (.insertJournal(journal), .journal),
        (.updateJournal(journal, from: 1), .journal),
        (.insertToken(Sample.token(1)), .token),
        (.revokeToken(Sample.tokenID(1), at: Sample.start), .token),
      ]
      for (change, kind) in changes {
        try await requireRefused(
          store, Sample.write([change], tenant: Sample.otherTenant), .notFound(kind))
      }
      let kept = try await store.tenant(Sample.tenant).number(number.id)
      try requireEqual(kept, number)
    },
    RegistryStoreCheck("a number is found by its E.164, in its tenant") { store in
      let provider = Sample.provider(1)
      let number = try Sample.number(1, provider: provider)
      try await store.commit(
        Sample.write([
          .insertProvider(provider), .insertNumber(number, providerVersion: 1),
          .insertNumber(try Sample.number(2, provider: provider), providerVersion: 1),
        ]))
      let found = try await store.tenant(Sample.tenant).numbers(of: try Sample.e164(1))
      try requireEqual(found, [number])
      let other = try await store.tenant(Sample.otherTenant).numbers(of: try Sample.e164(1))
      try requireEqual(other, [])
      try await store.commit(Sample.write([.deleteNumber(number.id, from: 1)]))
      let gone = try await store.tenant(Sample.tenant).numbers(of: try Sample.e164(1))
      try requireEqual(gone, [])
    },
    RegistryStoreCheck("a number that moves to another region takes its claim along") { store in
      let us1 = Sample.provider(1)
      let ie1 = Sample.provider(2, region: .ie1)
      var number = try Sample.number(1, provider: us1)
      try await store.commit(
        Sample.write([
          .insertProvider(us1), .insertProvider(ie1), .insertNumber(number, providerVersion: 1),
        ]))
      number.providerID = ie1.id
      number.region = .ie1
      number.revision = number.revision.sampleNext
      try await requireRefused(
        store, Sample.write([.updateNumber(number, from: 2)]), .versionMismatch(.number))
      try await store.commit(Sample.write([.updateNumber(number, from: 1)]))
      let tenant = store.tenant(Sample.tenant)
      let stored = try await tenant.number(number.id)
      try requireEqual(stored, number)
      let found = try await tenant.numbers(of: number.e164)
      try requireEqual(found, [number])
      let claims = try await tenant.claims(of: [number.carrierSID], account: number.accountSID)
      try requireEqual(claims.map(\.region), [.ie1])
      let listed = try await tenant.numbers(
        PhoneNumberFilter(region: .us1), after: nil, limit: 9)
      try requireEqual(listed, [])
      try await store.commit(Sample.write([.deleteProvider(us1.id, from: 1)]))
      try await store.commit(Sample.write([.deleteNumber(number.id, from: 2)]))
    },
  ]

  /// Throws unless the tenant sees none of these.
  private static func requireNothing(
    _ tenant: any TenantStore, _ provider: Provider, _ number: PhoneNumber, _ agent: Agent,
    _ journal: ProvisioningJournal
  ) async throws {
    try require(try await tenant.provider(provider.id) == nil, "no provider")
    let linked = try await tenant.provider(key: provider.key, region: provider.region)
    try require(linked == nil, "no provider of the account")
    try require(try await tenant.number(number.id) == nil, "no number")
    try require(try await tenant.agent(agent.id) == nil, "no agent")
    try require(try await tenant.journal(journal.id) == nil, "no journal entry")
    try require(
      try await tenant.openJournal(of: .number(number.id)) == nil, "no open journal entry")
    try require(try await tenant.request("r1") == nil, "no request")
    let providers = try await tenant.providers(ProviderFilter(), after: nil, limit: 9)
    try requireEqual(providers, [])
    let numbers = try await tenant.numbers(PhoneNumberFilter(), after: nil, limit: 9)
    try requireEqual(numbers, [])
    let agents = try await tenant.agents(.agent, after: nil, limit: 9)
    try requireEqual(agents, [])
  }
}
