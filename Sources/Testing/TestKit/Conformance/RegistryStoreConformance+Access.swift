internal import Access
internal import Registry
internal import Telephony

extension RegistryStoreConformance {
  static let tokenChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("a token comes back whole, by its id and to its tenant") { store in
      let token = Sample.token(1)
      let tenant = Tenant(id: Sample.tenant, displayName: "First", createTime: Sample.start)
      try await store.commit(Sample.write([.insertTenant(tenant), .insertToken(token)]))
      var other = tenant
      other.displayName = "Second"
      try await store.commit(Sample.write([.insertTenant(other)]))
      let record = try await store.tenant(Sample.tenant).record()
      try requireEqual(record, tenant)
      let tenants = try await store.tenants(after: nil, limit: 9)
      try requireEqual(tenants, [tenant])
      let rest = try await store.tenants(after: tenant.id, limit: 9)
      try requireEqual(rest, [])
      let any = try await store.token(token.id)
      try requireEqual(any, token)
      let own = try await store.tenant(Sample.tenant).token(token.id)
      try requireEqual(own, token)
      let foreign = try await store.tenant(Sample.otherTenant).token(token.id)
      try requireEqual(foreign, nil)
      try await requireRefused(
        store, Sample.write([.insertToken(token)]), .versionMismatch(.token))
    },
    RegistryStoreCheck("a token's use and its one revocation are noted") { store in
      let token = Sample.token(1)
      try await store.commit(Sample.write([.insertToken(token)]))
      let tenant = store.tenant(Sample.tenant)
      try await tenant.tokenUsed(token.id, at: Sample.time(60))
      try await tenant.tokenUsed(token.id, at: Sample.time(30))
      try await tenant.tokenUsed(Sample.tokenID(9), at: Sample.time(30))
      try await store.tenant(Sample.otherTenant).tokenUsed(token.id, at: Sample.time(90))
      let used = try await tenant.token(token.id)
      try requireEqual(used?.lastUseTime, Sample.time(60))
      try await requireRefused(
        store,
        Sample.write([.revokeToken(token.id, at: Sample.time(70))], tenant: Sample.otherTenant),
        .notFound(.token))
      try await store.commit(Sample.write([.revokeToken(token.id, at: Sample.time(70))]))
      try await store.commit(Sample.write([.revokeToken(token.id, at: Sample.time(80))]))
      let revoked = try await store.token(token.id)
      try requireEqual(revoked?.revokeTime, Sample.time(70))
      let routes = try await store.routes(after: 0, limit: 9)
      try requireEqual(
        routes.changes.map(\.kind), [.removed(.token(token.id, tenant: Sample.tenant))])
    },
    RegistryStoreCheck("tokens are routes, and are listed newest first") { store in
      for index in 1...3 {
        try await store.commit(Sample.write([.insertToken(Sample.token(index))]))
      }
      let routes = try await store.routes(after: 0, limit: 1)
      try requireEqual(
        routes.changes.map(\.kind), [Sample.token(1).grant.map { .put(.token($0)) }])
      let tenant = store.tenant(Sample.tenant)
      let first = try await tenant.tokens(after: nil, limit: 2)
      try requireEqual(first.map(\.id), [3, 2].map(Sample.tokenID))
      let cursor = PageCursor(createTime: Sample.time(2), id: Sample.tokenID(2).description)
      let second = try await tenant.tokens(after: cursor, limit: 2)
      try requireEqual(second.map(\.id), [Sample.tokenID(1)])
      let other = try await store.tenant(Sample.otherTenant).tokens(after: nil, limit: 9)
      try requireEqual(other, [])
    },
    RegistryStoreCheck("what is sealed under another key is found") { store in
      let agent = try Sample.agent(1)
      var plain = try Sample.agent(2)
      plain.connections = [plain.connections[0]]
      let sealed = Sample.enveloped(Sample.provider(3, account: 3), under: "k1")
      try await store.commit(
        Sample.write([
          .insertProvider(Sample.provider(1)), .insertProvider(Sample.provider(2, account: 2)),
          .insertProvider(sealed), .insertAgent(agent), .insertAgent(plain),
        ]))
      // Those of before have no data key, the second under two keys.
      let providers = try await store.providers(notSealedUnder: "k1", after: nil, limit: 9)
      try requireEqual(providers.map(\.id), [1, 2].map(Sample.providerID))
      let all = try await store.providers(notSealedUnder: "k9", after: nil, limit: 1)
      try requireEqual(all.map(\.id), [Sample.providerID(1)])
      let rest = try await store.providers(
        notSealedUnder: "k9", after: all.last?.id, limit: 9)
      try requireEqual(rest.map(\.id), [2, 3].map(Sample.providerID))
      let agents = try await store.agents(notSealedUnder: "k1", after: nil, limit: 9)
      try requireEqual(agents, [agent])
      let after = try await store.agents(
        notSealedUnder: "k1", after: (Sample.tenant, agent.id), limit: 9)
      try requireEqual(after, [])
    },
    RegistryStoreCheck("how rows are sealed is counted, and found") { store in
      try requireEqual(try await store.sealCounts(), [])
      let sealed = Sample.enveloped(Sample.provider(3, account: 3), under: "k1")
      let agent = try Sample.agent(1)
      try await store.commit(
        Sample.write([
          .insertProvider(Sample.provider(1)), .insertProvider(sealed), .insertAgent(agent),
        ]))
      let (direct, envelope) = (
        [Seal(keyName: "k1", isEnvelope: false)], [Seal(keyName: "k1", isEnvelope: true)]
      )
      let passwords = [Seal(keyName: "k", isEnvelope: false)]
      try requireEqual(
        try await store.sealCounts(),
        [passwords, direct, envelope].map { SealCount(seals: $0, rowCount: 1) })
      try requireEqual(try await store.providers(sealed: envelope, limit: 9), [sealed])
      try requireEqual(try await store.agents(sealed: passwords, limit: 9), [agent])
      try requireEqual(try await store.agents(sealed: direct, limit: 9), [])
      var next = Sample.enveloped(Sample.provider(1), under: "k1")
      next.revision = next.revision.next(at: Sample.time(9))
      try await store.commit(
        Sample.write([.updateProvider(next, from: 1, numbersRevision: nil)]))
      try requireEqual(
        try await store.sealCounts(),
        [
          SealCount(seals: passwords, rowCount: 1), SealCount(seals: envelope, rowCount: 2),
        ])
      try requireEqual(try await store.providers(sealed: direct, limit: 9), [])
    },
  ]

  static let auditChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("audit entries are written with the change or not at all") { store in
      let agent = try Sample.agent(1)
      try await store.commit(
        Sample.write([.insertAgent(agent)], audit: [Sample.audit(1), Sample.audit(2)]))
      try await requireRefused(
        store, Sample.write([.insertAgent(agent)], audit: [Sample.audit(3)]), .agentExists)
      let tenant = store.tenant(Sample.tenant)
      let entries = try await tenant.auditEvents(AuditFilter(), after: nil, limit: 9)
      try requireEqual(entries, [Sample.audit(2), Sample.audit(1)])
      let other = try await store.tenant(Sample.otherTenant).auditEvents(
        AuditFilter(), after: nil, limit: 9)
      try requireEqual(other, [])
    },
    RegistryStoreCheck("audit entries of elsewhere are recorded once, of any tenant") { store in
      let first = [Sample.audit(1), Sample.audit(2, tenant: Sample.otherTenant)]
      try await store.record(first)
      // Whatever comes again under an id that is there changes nothing.
      try await store.record([Sample.audit(1, action: .delete), Sample.audit(3)])
      try await store.record([])
      let own = try await store.tenant(Sample.tenant).auditEvents(
        AuditFilter(), after: nil, limit: 9)
      try requireEqual(own, [Sample.audit(3), Sample.audit(1)])
      let others = try await store.tenant(Sample.otherTenant).auditEvents(
        AuditFilter(), after: nil, limit: 9)
      try requireEqual(others, [first[1]])
    },
    RegistryStoreCheck("audit entries are forgotten by age, the oldest first") { store in
      let others = (4...6).map { Sample.audit($0, tenant: Sample.otherTenant) }
      try await store.record((1...3).map { Sample.audit($0) } + others)
      try requireEqual(try await store.pruneAudit(before: Sample.time(1), limit: 9), 0)
      try requireEqual(try await store.pruneAudit(before: Sample.time(5), limit: 2), 2)
      try requireEqual(try await store.pruneAudit(before: Sample.time(5), limit: 9), 2)
      try requireEqual(try await store.pruneAudit(before: Sample.time(5), limit: 9), 0)
      let own = try await store.tenant(Sample.tenant).auditEvents(
        AuditFilter(), after: nil, limit: 9)
      try requireEqual(own, [])
      let left = try await store.tenant(Sample.otherTenant).auditEvents(
        AuditFilter(), after: nil, limit: 9)
      try requireEqual(left, [others[2], others[1]])
    },
    RegistryStoreCheck("audit entries are filtered and paged") { store in
      let token = Principal.token(Sample.tokenID(1))
      try await store.commit(
        Sample.write(
          [],
          audit: [
            Sample.audit(1), Sample.audit(2, principal: token), Sample.audit(3, action: .delete),
            Sample.audit(4, kind: .provider, resource: "prv_1"),
          ]))
      func list(_ filter: AuditFilter, after cursor: PageCursor? = nil) async throws -> [Int64] {
        try await store.tenant(Sample.tenant).auditEvents(filter, after: cursor, limit: 9)
          .map { ($0.time.microseconds - Sample.start.microseconds) / 1_000_000 }
      }
      let principal = try await list(AuditFilter(principal: token))
      try requireEqual(principal, [2])
      let action = try await list(AuditFilter(resourceKind: .agent, action: .delete))
      try requireEqual(action, [3])
      let resource = try await list(AuditFilter(resourceKind: .provider, resourceID: "prv_1"))
      try requireEqual(resource, [4])
      let times = try await list(AuditFilter(since: Sample.time(2), until: Sample.time(4)))
      try requireEqual(times, [3, 2])
      let last = Sample.audit(3)
      let page = try await list(
        AuditFilter(), after: PageCursor(createTime: last.time, id: last.id.description))
      try requireEqual(page, [2, 1])
    },
  ]

  static let quotaChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("what a tenant has is counted with each change") { store in
      let provider = Sample.provider(1)
      var number = try Sample.number(1, provider: provider)
      number.purchase = .platform
      try await store.commit(
        Sample.write([
          .insertProvider(provider), .insertNumber(number, providerVersion: 1),
          .insertAgent(try Sample.agent(1)), .insertToken(Sample.token(1)),
        ]))
      let tenant = store.tenant(Sample.tenant)
      for kind in CountedKind.allCases {
        let count = try await tenant.count(of: kind)
        try requireEqual(count, 1, "count of \(kind)")
        let other = try await store.tenant(Sample.otherTenant).count(of: kind)
        try requireEqual(other, 0, "another tenant's count of \(kind)")
      }
      try await requireRefused(
        store, Sample.write([.deleteProvider(provider.id, from: 1)]),
        .providerHasNumbers(count: 1))
      try await store.commit(
        Sample.write([
          .deleteNumber(number.id, from: 1), .revokeToken(Sample.tokenID(1), at: Sample.time(2)),
          .deleteAgent(try Sample.agentID(1), from: try Sample.agent(1).revision),
          .deleteProvider(provider.id, from: 1),
        ]))
      for kind in CountedKind.allCases {
        let count = try await tenant.count(of: kind)
        try requireEqual(count, 0, "count of \(kind) in the end")
      }
    },
    RegistryStoreCheck("a quota stops what would go over it, and nothing else") { store in
      let quota = Quota(.agent, countMax: 1)
      var agent = try Sample.agent(1)
      try await store.commit(Sample.write([.insertAgent(agent)], quotas: [quota]))
      try await requireRefused(
        store, Sample.write([.insertAgent(try Sample.agent(2))], quotas: [quota]),
        .quotaExceeded(.agent, countMax: 1))
      let refused = try await store.tenant(Sample.tenant).agent(try Sample.agentID(2))
      try requireEqual(refused, nil)
      try await store.commit(
        Sample.write(
          [.insertAgent(try Sample.agent(2, tenant: Sample.otherTenant))],
          tenant: Sample.otherTenant, quotas: [quota]))
      // A quota that shrinks takes nothing away.
      let none = Quota(.agent, countMax: 0)
      agent.revision = agent.revision.sampleNext
      try await store.commit(Sample.write([.updateAgent(agent, from: 1)], quotas: [none]))
      try await store.commit(
        Sample.write([.insertProvider(Sample.provider(1))], quotas: [none]))
      try await store.commit(
        Sample.write([.deleteAgent(agent.id, from: agent.revision)], quotas: [none]))
    },
  ]
}
