internal import Registry
internal import Telephony

extension RegistryStoreConformance {
  static let listChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("pages are newest first, with no gap and no repeat") { store in
      for index in 1...5 {
        // Two share a time: the id breaks the tie.
        var provider = Sample.provider(index, account: index)
        provider.revision = Revision(createTime: Sample.time(index / 2))
        try await store.commit(Sample.write([.insertProvider(provider)]))
      }
      var seen: [ProviderID] = []
      var cursor: PageCursor?
      while true {
        let page = try await store.tenant(Sample.tenant).providers(
          ProviderFilter(), after: cursor, limit: 2)
        guard let last = page.last else { break }
        seen += page.map(\.id)
        cursor = PageCursor(createTime: last.revision.createTime, id: last.id.description)
        try require(seen.count <= 5, "pages end")
      }
      try requireEqual(seen, [5, 4, 3, 2, 1].map(Sample.providerID))
      let other = try await store.tenant(Sample.otherTenant).providers(
        ProviderFilter(), after: nil, limit: 9)
      try requireEqual(other, [])
    },
    RegistryStoreCheck("providers are filtered by account and region") { store in
      try await store.commit(
        Sample.write([
          .insertProvider(Sample.provider(1)), .insertProvider(Sample.provider(2, region: .ie1)),
          .insertProvider(Sample.provider(3, account: 2)),
        ]))
      func list(_ filter: ProviderFilter) async throws -> [ProviderID] {
        try await store.tenant(Sample.tenant).providers(filter, after: nil, limit: 9).map(\.id)
      }
      let account = try await list(ProviderFilter(accountSID: Sample.account(1)))
      try requireEqual(account, [2, 1].map(Sample.providerID))
      let region = try await list(ProviderFilter(region: .us1))
      try requireEqual(region, [3, 1].map(Sample.providerID))
      let both = try await list(
        ProviderFilter(kind: .twilio, accountSID: Sample.account(1), region: .ie1))
      try requireEqual(both, [Sample.providerID(2)])
    },
    RegistryStoreCheck("agents and softphones are listed apart") { store in
      // What begins like a softphone's id is none.
      for (index, id) in ["sphere", "sph_a", "desk", "sph_b", "sph"].enumerated() {
        var agent = try Sample.agent(id: AgentID(id))
        agent.revision = Revision(createTime: Sample.time(index))
        try await store.commit(Sample.write([.insertAgent(agent)]))
      }
      func list(_ kind: AssigneeKind) async throws -> [String] {
        var seen: [String] = []
        var cursor: PageCursor?
        while true {
          let page = try await store.tenant(Sample.tenant).agents(kind, after: cursor, limit: 1)
          guard let last = page.last else { return seen }
          seen += page.map(\.id.description)
          cursor = PageCursor(createTime: last.revision.createTime, id: last.id.description)
          try require(seen.count <= 5, "pages end")
        }
      }
      let agents = try await list(.agent)
      try requireEqual(agents, ["sph", "desk", "sphere"])
      let softphones = try await list(.softphone)
      try requireEqual(softphones, ["sph_b", "sph_a"])
    },
    RegistryStoreCheck("numbers are filtered by agent, provider, region and state") { store in
      let us1 = Sample.provider(1)
      let ie1 = Sample.provider(2, region: .ie1)
      let agent = try Sample.agent(1)
      try await store.commit(
        Sample.write([
          .insertProvider(us1), .insertProvider(ie1), .insertAgent(agent),
          .insertNumber(try Sample.number(1, provider: us1), providerVersion: 1),
          .insertNumber(try Sample.number(2, provider: us1, agent: agent.id), providerVersion: 1),
          .insertNumber(
            try Sample.number(3, provider: ie1, state: .corrupted), providerVersion: 1),
        ]))
      func list(_ filter: PhoneNumberFilter) async throws -> [PhoneNumberID] {
        try await store.tenant(Sample.tenant).numbers(filter, after: nil, limit: 9).map(\.id)
      }
      let all = try await list(PhoneNumberFilter(kind: .twilio))
      try requireEqual(all, [3, 2, 1].map(Sample.numberID))
      let agents = try await list(PhoneNumberFilter(agentID: agent.id))
      try requireEqual(agents, [Sample.numberID(2)])
      let providers = try await list(PhoneNumberFilter(providerID: us1.id))
      try requireEqual(providers, [2, 1].map(Sample.numberID))
      let regions = try await list(PhoneNumberFilter(region: .ie1))
      try requireEqual(regions, [Sample.numberID(3)])
      let states = try await list(PhoneNumberFilter(state: .corrupted))
      try requireEqual(states, [Sample.numberID(3)])
      let none = try await list(PhoneNumberFilter(region: .us1, state: .corrupted))
      try requireEqual(none, [])
    },
    RegistryStoreCheck("numbers are filtered by every set of filters") { store in
      let providers = [Sample.provider(1), Sample.provider(2, region: .ie1)]
      let agents = [try Sample.agent(1), try Sample.agent(2)]
      // Each mix of agent or none, provider and state.
      var numbers: [PhoneNumber] = []
      for agent in [nil, agents[0].id, agents[1].id] {
        for provider in providers {
          for state in [PhoneNumberState.active, .degraded] {
            numbers.append(
              try Sample.number(
                numbers.count + 1, provider: provider, agent: agent, state: state))
          }
        }
      }
      var changes: [RegistryChange] = providers.map { .insertProvider($0) }
      changes += agents.map { .insertAgent($0) }
      changes += numbers.map { .insertNumber($0, providerVersion: 1) }
      try await store.commit(Sample.write(changes))
      for filter in Set(numbers.flatMap { Sample.filters(of: $0) }) {
        let found = try await store.tenant(Sample.tenant).numbers(filter, after: nil, limit: 99)
        let expected = numbers.reversed().filter { number in
          (filter.agentID == nil || filter.agentID == number.agentID)
            && (filter.providerID == nil || filter.providerID == number.providerID)
            && (filter.region == nil || filter.region == number.region)
            && (filter.state == nil || filter.state == number.state)
        }
        try requireEqual(found.map(\.id), expected.map(\.id))
      }
    },
  ]

  static let transactionChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("a transaction is applied whole or not at all") { store in
      let provider = Sample.provider(1)
      let number = try Sample.number(1, provider: provider)
      try await requireRefused(
        store,
        Sample.write(
          [
            .insertProvider(provider), .insertNumber(number, providerVersion: 1),
            .deleteProvider(provider.id, from: 1),
          ], request: Sample.request("r1")),
        .providerHasNumbers(count: 1))
      let stored = try await store.tenant(Sample.tenant).provider(provider.id)
      try requireEqual(stored, nil)
      let request = try await store.tenant(Sample.tenant).request("r1")
      try requireEqual(request, nil)
      let claims = try await store.tenant(Sample.tenant).claims(
        of: [number.carrierSID], account: number.accountSID)
      try requireEqual(claims, [])
      let routes = try await store.routes(after: 0, limit: 9)
      try requireEqual(routes.changes, [])
    },
    RegistryStoreCheck("a request id is taken once for each tenant") { store in
      let record = Sample.request("r1", resource: Sample.providerID(1).description)
      try await store.commit(
        Sample.write([.insertProvider(Sample.provider(1))], request: record))
      let stored = try await store.tenant(Sample.tenant).request("r1")
      try requireEqual(stored, record)
      // Before any other check: the account is linked too.
      try await requireRefused(
        store, Sample.write([.insertProvider(Sample.provider(2))], request: record),
        .requestRepeated(record))
      try await store.commit(
        Sample.write(
          [], tenant: Sample.otherTenant,
          request: Sample.request("r1", tenant: Sample.otherTenant)))
      try await store.commit(Sample.write([.forgetRequests(resourceID: record.resourceID)]))
      let gone = try await store.tenant(Sample.tenant).request("r1")
      try requireEqual(gone, nil)
      let kept = try await store.tenant(Sample.otherTenant).request("r1")
      try require(kept != nil, "another tenant's request stays")
    },
    RegistryStoreCheck("of many writers at one version one wins") { store in
      var provider = Sample.provider(1)
      try await store.commit(Sample.write([.insertProvider(provider)]))
      provider.revision = provider.revision.sampleNext
      let write = Sample.write([.updateProvider(provider, from: 1, numbersRevision: nil)])
      let wins = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask { (try? await store.commit(write)) != nil }
        }
        var wins = 0
        for await won in group where won { wins += 1 }
        return wins
      }
      try requireEqual(wins, 1)
    },
    RegistryStoreCheck("request ids are pruned by age") { store in
      for index in 1...3 {
        try await store.commit(
          Sample.write([], request: Sample.request("r\(index)", at: Sample.time(index))))
      }
      let count = try await store.prune(
        requestsBefore: Sample.time(3), historyBefore: Sample.start, limit: 1)
      try requireEqual(count, 1)
      try await store.prune(
        requestsBefore: Sample.time(3), historyBefore: Sample.start, limit: 9)
      let second = try await store.tenant(Sample.tenant).request("r2")
      try requireEqual(second, nil)
      let third = try await store.tenant(Sample.tenant).request("r3")
      try require(third != nil, "the younger request stays")
    },
  ]
}
