internal import Registry
internal import Telephony

extension RegistryStoreConformance {
  static let providerChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("a provider comes back whole, to its tenant only") { store in
      let provider = Sample.provider(2)
      try await store.commit(Sample.write([.insertProvider(provider)]))
      let stored = try await store.tenant(Sample.tenant).provider(provider.id)
      try requireEqual(stored, StoredProvider(provider: provider, numbersRevision: 0))
      let other = try await store.tenant(Sample.otherTenant).provider(provider.id)
      try requireEqual(other, nil)
      let found = try await store.tenant(Sample.tenant).provider(
        key: provider.key, region: .us1)
      try requireEqual(found?.provider.id, provider.id)
      let elsewhere = try await store.tenant(Sample.tenant).provider(
        key: provider.key, region: .ie1)
      try requireEqual(elsewhere, nil)
    },
    RegistryStoreCheck("what was seen of staged credentials changes nothing else") { store in
      var provider = Sample.provider(1)
      provider.staged = StagedCredential(
        mark: 5, apiKey: SealedAPIKey(sid: Sample.key(8), secret: Sample.sealed), authToken: nil,
        stageTime: Sample.time(9))
      provider.previous = PreviousCredential(
        apiKey: nil, authToken: Sample.sealed, replaceTime: Sample.time(1),
        expireTime: Sample.time(2))
      try await store.commit(Sample.write([.insertProvider(provider)]))
      let before = try await store.events(after: 0, limit: 9)
      let tenant = store.tenant(Sample.tenant)
      var use = CredentialUse()
      use.signed(at: Sample.time(20))
      try await tenant.credentialUsed(provider.id, mark: 5, use)
      use.refused(.create, at: Sample.time(30))
      try await tenant.credentialUsed(provider.id, mark: 5, use)
      // Others, another's, and nobody's.
      try await tenant.credentialUsed(provider.id, mark: 4, use)
      try await store.tenant(Sample.otherTenant).credentialUsed(provider.id, mark: 5, use)
      try await tenant.credentialUsed(Sample.providerID(9), mark: 5, use)
      var expected = provider
      expected.staged?.use.webhookCount = 2
      expected.staged?.use.refusalCount = 1
      expected.staged?.use.firstSuccessTime = Sample.time(20)
      expected.staged?.use.lastWebhookTime = Sample.time(20)
      expected.staged?.use.creates.refusalTime = Sample.time(30)
      let stored = try await tenant.provider(provider.id)
      try requireEqual(stored, StoredProvider(provider: expected, numbersRevision: 0))
      let after = try await store.events(after: 0, limit: 9)
      try requireEqual(after, before)
      // Whoever read it before may still change it.
      expected.revision = expected.revision.next(at: Sample.time(40))
      expected.staged = nil
      try await store.commit(
        Sample.write([.updateProvider(expected, from: 1, numbersRevision: 0)]))
      try await tenant.credentialUsed(provider.id, mark: 5, use)
      let dropped = try await store.provider(provider.id)
      try requireEqual(dropped, expected)
    },
    RegistryStoreCheck("an account is linked once for each tenant and region") { store in
      let first = Sample.provider(1)
      try await store.commit(Sample.write([.insertProvider(first)]))
      try await requireRefused(
        store, Sample.write([.insertProvider(Sample.provider(2))]), .providerExists(first.id))
      try await store.commit(
        Sample.write([.insertProvider(Sample.provider(3, region: .ie1))]))
      try await store.commit(
        Sample.write(
          [.insertProvider(Sample.provider(4, tenant: Sample.otherTenant))],
          tenant: Sample.otherTenant))
      try await store.commit(Sample.write([.insertProvider(Sample.provider(5, account: 2))]))
    },
    RegistryStoreCheck("all tenants' providers are read in turn") { store in
      for number in 1...3 {
        let tenant = number == 2 ? Sample.otherTenant : Sample.tenant
        let provider = Sample.provider(number, account: number, tenant: tenant)
        try await store.commit(Sample.write([.insertProvider(provider)], tenant: tenant))
      }
      let first = try await store.providers(after: nil, limit: 2)
      try requireEqual(first.map(\.id), [Sample.providerID(1), Sample.providerID(2)])
      let rest = try await store.providers(after: Sample.providerID(2), limit: 2)
      try requireEqual(rest, [Sample.provider(3, account: 3)])
      let none = try await store.providers(after: Sample.providerID(3), limit: 2)
      try requireEqual(none, [])
    },
    RegistryStoreCheck("a provider is replaced at its version only") { store in
      var provider = Sample.provider(1)
      try await store.commit(Sample.write([.insertProvider(provider)]))
      provider.displayName = "renamed"
      provider.revision = provider.revision.sampleNext
      try await store.commit(
        Sample.write([.updateProvider(provider, from: 1, numbersRevision: 0)]))
      try await requireRefused(
        store, Sample.write([.updateProvider(provider, from: 1, numbersRevision: nil)]),
        .versionMismatch(.provider))
      let stored = try await store.tenant(Sample.tenant).provider(provider.id)
      try requireEqual(stored?.provider, provider)
      try await requireRefused(
        store,
        Sample.write([.updateProvider(Sample.provider(9), from: 1, numbersRevision: nil)]),
        .notFound(.provider))
    },
    RegistryStoreCheck("a provider's update sees numbers that came meanwhile") { store in
      var provider = Sample.provider(1)
      try await store.commit(Sample.write([.insertProvider(provider)]))
      let number = try Sample.number(1, provider: provider)
      try await store.commit(Sample.write([.insertNumber(number, providerVersion: 1)]))
      provider.revision = provider.revision.sampleNext
      try await requireRefused(
        store, Sample.write([.updateProvider(provider, from: 1, numbersRevision: 0)]),
        .versionMismatch(.provider))
      try await store.commit(
        Sample.write([.updateProvider(provider, from: 1, numbersRevision: 1)]))
    },
    RegistryStoreCheck("a provider with numbers stays") { store in
      let provider = Sample.provider(1)
      let number = try Sample.number(1, provider: provider)
      try await store.commit(
        Sample.write([.insertProvider(provider), .insertNumber(number, providerVersion: 1)]))
      try await requireRefused(
        store, Sample.write([.deleteProvider(provider.id, from: 1)]),
        .providerHasNumbers(count: 1))
      try await store.commit(Sample.write([.deleteNumber(number.id, from: 1)]))
      try await requireRefused(
        store, Sample.write([.deleteProvider(provider.id, from: 2)]), .versionMismatch(.provider))
      try await requireRefused(
        store,
        Sample.write([.deleteProvider(provider.id, from: 1)], tenant: Sample.otherTenant),
        .notFound(.provider))
      try await store.commit(Sample.write([.deleteProvider(provider.id, from: 1)]))
      let gone = try await store.tenant(Sample.tenant).provider(provider.id)
      try requireEqual(gone, nil)
      try await store.commit(Sample.write([.insertProvider(Sample.provider(2))]))
    },
  ]

  static let numberChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("a number comes back whole, to its tenant only") { store in
      let provider = Sample.provider(1, region: .ie1)
      var number = try Sample.number(1, provider: provider, state: .corrupted)
      number.former = FormerSettings(
        voice: Sample.voice, processingRegion: .au1, recordedTime: Sample.time(3))
      number.configured = VoiceSettings(voiceURL: "https://ours.test/1", applicationSID: "AP1")
      number.leftovers = [Leftover(kind: .processingRegion, region: .ie1, carrierCode: 20404)]
      number.webhookGeneration = 3
      number.unassignedPolicy = .formerURL
      try await store.commit(
        Sample.write([.insertProvider(provider), .insertNumber(number, providerVersion: 1)]))
      let stored = try await store.tenant(Sample.tenant).number(number.id)
      try requireEqual(stored, number)
      let other = try await store.tenant(Sample.otherTenant).number(number.id)
      try requireEqual(other, nil)
    },
    RegistryStoreCheck("a carrier's number is claimed once in the deployment") { store in
      let mine = Sample.provider(1)
      let theirs = Sample.provider(2, tenant: Sample.otherTenant)
      let first = try Sample.number(1, provider: mine)
      try await store.commit(
        Sample.write([.insertProvider(mine), .insertNumber(first, providerVersion: 1)]))
      var second = try Sample.number(1, provider: theirs)
      second = PhoneNumber(
        id: Sample.numberID(2), tenant: Sample.otherTenant, label: "", e164: second.e164,
        provider: theirs, carrierSID: second.carrierSID, supportsInbound: true,
        supportsOutbound: true, state: .active, revision: second.revision)
      let claim = NumberClaim(
        accountSID: first.accountSID, carrierSID: first.carrierSID, tenant: Sample.tenant,
        numberID: first.id, region: .us1)
      try await store.commit(
        Sample.write([.insertProvider(theirs)], tenant: Sample.otherTenant))
      let write = Sample.write(
        [.insertNumber(second, providerVersion: 1)], tenant: Sample.otherTenant)
      try await requireRefused(store, write, .numberClaimed(claim))
      let claims = try await store.tenant(Sample.tenant).claims(
        of: [first.carrierSID, Sample.sid(8)], account: first.accountSID)
      try requireEqual(claims, [claim])
      let none = try await store.tenant(Sample.tenant).claims(
        of: [first.carrierSID], account: Sample.account(9))
      try requireEqual(none, [])
      try await store.commit(Sample.write([.deleteNumber(first.id, from: 1)]))
      try await store.commit(write)
    },
    RegistryStoreCheck("a number that was bought is claimed by its carrier's name") { store in
      let provider = Sample.provider(1)
      let taken = try Sample.number(1, provider: provider)
      var bought = try Sample.number(2, provider: provider)
      bought.purchase = .customer
      bought.carrierSID = Sample.sid(20)
      try await store.commit(
        Sample.write([
          .insertProvider(provider), .insertNumber(taken, providerVersion: 1),
          .insertNumber(bought, providerVersion: 1),
        ]))
      let tenant = store.tenant(Sample.tenant)
      let claim = NumberClaim(
        accountSID: taken.accountSID, carrierSID: taken.carrierSID, tenant: Sample.tenant,
        numberID: taken.id, region: .us1)
      bought.revision = bought.revision.next(at: Sample.start)
      bought.carrierSID = taken.carrierSID
      try await requireRefused(
        store, Sample.write([.nameNumber(bought, from: 1)]), .numberClaimed(claim))
      bought.carrierSID = Sample.sid(21)
      try await requireRefused(
        store, Sample.write([.nameNumber(bought, from: 2)]), .versionMismatch(.number))
      try await store.commit(Sample.write([.nameNumber(bought, from: 1)]))
      let stored = try await tenant.number(bought.id)
      try requireEqual(stored, bought)
      let claims = try await tenant.claims(
        of: [Sample.sid(20), Sample.sid(21)], account: taken.accountSID)
      try requireEqual(claims.map(\.carrierSID), [Sample.sid(21)])
    },
    RegistryStoreCheck("a number needs its provider at the version that was seen") { store in
      let provider = Sample.provider(1)
      let number = try Sample.number(1, provider: provider)
      try await requireRefused(
        store, Sample.write([.insertNumber(number, providerVersion: 1)]), .notFound(.provider))
      try await store.commit(Sample.write([.insertProvider(provider)]))
      try await requireRefused(
        store, Sample.write([.insertNumber(number, providerVersion: 2)]),
        .versionMismatch(.provider))
      let claims = try await store.tenant(Sample.tenant).claims(
        of: [number.carrierSID], account: number.accountSID)
      try requireEqual(claims, [])
    },
    RegistryStoreCheck("a number is replaced and removed at its version only") { store in
      let provider = Sample.provider(1)
      var number = try Sample.number(1, provider: provider)
      try await store.commit(
        Sample.write([.insertProvider(provider), .insertNumber(number, providerVersion: 1)]))
      number.label = "renamed"
      number.state = .deleting
      number.revision = number.revision.sampleNext
      try await store.commit(Sample.write([.updateNumber(number, from: 1)]))
      let stored = try await store.tenant(Sample.tenant).number(number.id)
      try requireEqual(stored, number)
      try await requireRefused(
        store, Sample.write([.updateNumber(number, from: 1)]), .versionMismatch(.number))
      try await requireRefused(
        store, Sample.write([.deleteNumber(number.id, from: 1)]), .versionMismatch(.number))
      try await requireRefused(
        store, Sample.write([.deleteNumber(number.id, from: 2)], tenant: Sample.otherTenant),
        .notFound(.number))
      try await store.commit(Sample.write([.deleteNumber(number.id, from: 2)]))
      try await requireRefused(
        store, Sample.write([.deleteNumber(number.id, from: 2)]), .notFound(.number))
    },
  ]

  static let agentChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("an agent comes back whole; its id is taken in its tenant only") { store in
      let agent = try Sample.agent(1)
      try await store.commit(Sample.write([.insertAgent(agent)]))
      let stored = try await store.tenant(Sample.tenant).agent(agent.id)
      try requireEqual(stored, agent)
      try await requireRefused(store, Sample.write([.insertAgent(agent)]), .agentExists)
      let twin = try Sample.agent(1, tenant: Sample.otherTenant)
      try await store.commit(Sample.write([.insertAgent(twin)], tenant: Sample.otherTenant))
    },
    RegistryStoreCheck("an agent is replaced at its version only") { store in
      var agent = try Sample.agent(1)
      try await store.commit(Sample.write([.insertAgent(agent)]))
      agent.connections.removeLast()
      agent.revision = agent.revision.sampleNext
      try await store.commit(Sample.write([.updateAgent(agent, from: 1)]))
      let stored = try await store.tenant(Sample.tenant).agent(agent.id)
      try requireEqual(stored, agent)
      try await requireRefused(
        store, Sample.write([.updateAgent(agent, from: 1)]), .versionMismatch(.agent))
      try await requireRefused(
        store, Sample.write([.updateAgent(try Sample.agent(2), from: 1)]), .notFound(.agent))
    },
    RegistryStoreCheck("an agent that was made again is another one") { store in
      let agent = try Sample.agent(1)
      try await store.commit(Sample.write([.insertAgent(agent)]))
      try await store.commit(Sample.write([.deleteAgent(agent.id, from: agent.revision)]))
      var again = agent
      again.revision = Revision(createTime: Sample.time(5))
      try await store.commit(Sample.write([.insertAgent(again)]))
      // What read the first one, of the same version, must not touch the second.
      var changed = agent
      changed.revision = agent.revision.sampleNext
      try await requireRefused(
        store, Sample.write([.updateAgent(changed, from: 1)]), .versionMismatch(.agent))
      try await requireRefused(
        store, Sample.write([.deleteAgent(agent.id, from: agent.revision)]),
        .versionMismatch(.agent))
      try requireEqual(try await store.tenant(Sample.tenant).agent(agent.id), again)
    },
    RegistryStoreCheck("an agent that a number names stays, and must be there") { store in
      let provider = Sample.provider(1)
      let agent = try Sample.agent(1)
      var number = try Sample.number(1, provider: provider, agent: agent.id)
      try await store.commit(Sample.write([.insertProvider(provider)]))
      try await requireRefused(
        store, Sample.write([.insertNumber(number, providerVersion: 1)]), .notFound(.agent))
      try await store.commit(
        Sample.write([.insertAgent(agent), .insertNumber(number, providerVersion: 1)]))
      try await requireRefused(
        store, Sample.write([.deleteAgent(agent.id, from: agent.revision)]),
        .agentHasNumbers(count: 1))
      number.agentID = try Sample.agentID(2)
      number.revision = number.revision.sampleNext
      try await requireRefused(
        store, Sample.write([.updateNumber(number, from: 1)]), .notFound(.agent))
      number.agentID = nil
      try await store.commit(Sample.write([.updateNumber(number, from: 1)]))
      try await requireRefused(
        store, Sample.write([.deleteAgent(agent.id, from: agent.revision.sampleNext)]),
        .versionMismatch(.agent))
      try await store.commit(Sample.write([.deleteAgent(agent.id, from: agent.revision)]))
      let gone = try await store.tenant(Sample.tenant).agent(agent.id)
      try requireEqual(gone, nil)
    },
    RegistryStoreCheck("an agent's numbers are counted, newest first") { store in
      let provider = Sample.provider(1)
      try await store.commit(
        Sample.write([
          .insertProvider(provider), .insertAgent(try Sample.agent(1)),
          .insertAgent(try Sample.agent(2)),
        ]))
      for index in 1...3 {
        let number = try Sample.number(index, provider: provider, agent: Sample.agentID(1))
        try await store.commit(Sample.write([.insertNumber(number, providerVersion: 1)]))
      }
      let ids = [try Sample.agentID(1), try Sample.agentID(2)]
      let found = try await store.tenant(Sample.tenant).numbers(of: ids)
      try requireEqual(
        found[ids[0]],
        AgentNumbers(newest: [3, 2, 1].map(Sample.numberID), count: 3))
      try requireEqual(found[ids[1]] ?? AgentNumbers(), AgentNumbers())
      let other = try await store.tenant(Sample.otherTenant).numbers(of: ids)
      try requireEqual(other[ids[0]] ?? AgentNumbers(), AgentNumbers())
    },
  ]
}
