package import Access
package import Registry
internal import Synchronization
package import Telephony

/// What a tenant has in a memory store.
package struct MemoryTenantStore: TenantStore {
  let store: MemoryRegistryStore
  let tenant: TenantID

  @discardableResult
  package func commit(_ write: RegistryWrite) async throws(StoreError) -> RegistryReceipt {
    try store.tables.withLock { tables throws(StoreError) in
      var copy = tables
      let sequence = copy.sequence
      try copy.apply(write, of: tenant)
      tables = copy
      return RegistryReceipt(routeSequence: copy.sequence > sequence ? copy.sequence : nil)
    }
  }

  package func provider(
    _ id: ProviderID
  ) async throws(StoreError) -> StoredProvider? {
    store.tables.withLock { tables in
      tables.providers[id].flatMap { $0.tenant == tenant ? $0 : nil }
    }
  }

  package func provider(
    key: String, region: Region
  ) async throws(StoreError) -> StoredProvider? {
    store.tables.withLock { tables in
      tables.providers.values.first {
        $0.tenant == tenant && $0.provider.key == key && $0.provider.region == region
      }
    }
  }

  package func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    store.tables.withLock { tables in
      let all = tables.providers.values.map(\.provider).filter { provider in
        provider.tenant == tenant
          && (filter.accountSID == nil || filter.accountSID == provider.accountSID)
          && (filter.region == nil || filter.region == provider.region)
          && (filter.kind == nil || filter.kind == provider.kind)
      }
      return Self.page(all, after: cursor, limit: limit) {
        PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
      }
    }
  }

  package func number(
    _ id: PhoneNumberID
  ) async throws(StoreError) -> PhoneNumber? {
    store.tables.withLock { tables in tables.numbers[id].flatMap { $0.tenant == tenant ? $0 : nil }
    }
  }

  package func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [PhoneNumber] {
    store.tables.withLock { tables in
      let all = tables.numbers.values.filter {
        // Every number is Twilio's until others can have some.
        (filter.kind ?? .twilio) == .twilio
          && $0.tenant == tenant && (filter.agentID == nil || filter.agentID == $0.agentID)
          && (filter.providerID ?? $0.providerID) == $0.providerID
          && (filter.region ?? $0.region) == $0.region && (filter.state ?? $0.state) == $0.state
      }
      return Self.page(all, after: cursor, limit: limit) {
        PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
      }
    }
  }

  package func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) async throws(StoreError) -> [NumberClaim] {
    store.tables.withLock { tables in
      sids.compactMap { tables.claims[ClaimKey(account: account, sid: $0)] }
    }
  }

  package func agent(_ id: AgentID) async throws(StoreError) -> Agent? {
    store.tables.withLock { $0.agents[AgentKey(tenant: tenant, id: id)] }
  }

  package func agents(
    _ kind: AssigneeKind, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Agent] {
    store.tables.withLock { tables in
      Self.page(
        tables.agents.values.filter { $0.tenant == tenant && $0.id.kind == kind },
        after: cursor, limit: limit
      ) { PageCursor(createTime: $0.revision.createTime, id: $0.id.description) }
    }
  }

  package func numbers(
    of agents: [AgentID]
  ) async throws(StoreError) -> [AgentID: AgentNumbers] {
    store.tables.withLock { tables in
      var found: [AgentID: AgentNumbers] = [:]
      for agent in agents {
        let all = tables.numbers.values.filter { $0.tenant == tenant && $0.agentID == agent }
        guard !all.isEmpty else { continue }
        let newest = Self.page(all, after: nil, limit: RegistryLimits.agentNumbersMax) {
          PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
        }
        found[agent] = AgentNumbers(newest: newest.map(\.id), count: all.count)
      }
      return found
    }
  }

  package func request(
    _ id: String
  ) async throws(StoreError) -> RequestRecord? {
    store.tables.withLock { $0.requests[RequestKey(tenant: tenant, id: id)] }
  }

  package func journal(_ id: OperationID) async throws(StoreError) -> ProvisioningJournal? {
    store.tables.withLock { $0.journals[id].flatMap { $0.tenant == tenant ? $0 : nil } }
  }

  package func journals(
    _ filter: OperationFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal] {
    store.tables.withLock { tables in
      let all = tables.journals.values.filter { journal in
        journal.tenant == tenant && filter.subject.map { $0 == journal.subject } ?? true
          && filter.state.map { $0 == journal.state } ?? true
      }
      return Self.page(all, after: cursor, limit: limit) {
        PageCursor(createTime: $0.createTime, id: $0.id.description)
      }
    }
  }

  package func openJournal(
    of subject: OperationSubject
  ) async throws(StoreError) -> ProvisioningJournal? {
    store.tables.withLock {
      $0.journals.values.first { $0.tenant == tenant && $0.subject == subject && $0.isOpen }
    }
  }

  package func numbers(of e164: E164) async throws(StoreError) -> [PhoneNumber] {
    store.tables.withLock { tables in
      let all = tables.numbers.values.filter { $0.tenant == tenant && $0.e164 == e164 }
      return Self.page(all, after: nil, limit: RegistryLimits.e164NumbersMax) {
        PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
      }
    }
  }

  package func record() async throws(StoreError) -> Tenant? {
    store.tables.withLock { $0.tenants[tenant] }
  }

  package func count(of kind: CountedKind) async throws(StoreError) -> Int {
    store.tables.withLock { $0.counts[CountKey(tenant: tenant, kind: kind), default: 0] }
  }

  package func token(_ id: APITokenID) async throws(StoreError) -> APIToken? {
    store.tables.withLock { $0.tokens[id].flatMap { $0.tenant == tenant ? $0 : nil } }
  }

  package func tokens(
    after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [APIToken] {
    store.tables.withLock { tables in
      let all = tables.tokens.values.filter { $0.tenant == tenant }
      return Self.page(all, after: cursor, limit: limit) {
        PageCursor(createTime: $0.createTime, id: $0.id.description)
      }
    }
  }

  package func credentialUsed(
    _ id: ProviderID, mark: Version, _ use: CredentialUse
  ) async throws(StoreError) {
    store.tables.withLock { tables in
      guard var stored = tables.providers[id], stored.provider.tenant == tenant,
        stored.provider.staged?.mark == mark
      else { return }
      stored.provider.staged?.use.add(use)
      tables.providers[id] = stored
    }
  }

  package func tokenUsed(_ id: APITokenID, at time: Timestamp) async throws(StoreError) {
    store.tables.withLock { tables in
      guard var token = tables.tokens[id], token.tenant == tenant else { return }
      token.lastUseTime = max(token.lastUseTime ?? time, time)
      tables.tokens[id] = token
    }
  }

  package func auditEvents(
    _ filter: AuditFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [AuditEntry] {
    store.tables.withLock { tables in
      let all = tables.audit.filter { $0.tenant == tenant && filter.takes($0) }
      return Self.page(all, after: cursor, limit: limit) {
        PageCursor(createTime: $0.time, id: $0.id.description)
      }
    }
  }

  package func events(
    of kind: ChangeEvent.Kind, after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> EventPage {
    store.events(after: sequence, limit: limit) { $0.tenant == tenant && $0.kind == kind }
  }

  /// Newest first after the cursor.
  private static func page<Resource>(
    _ all: some Sequence<Resource>, after cursor: PageCursor?, limit: Int,
    key: (Resource) -> PageCursor
  ) -> [Resource] {
    let sorted = all.sorted { isNewer(key($0), key($1)) }
    let rest = sorted.filter { resource in cursor.map { isNewer($0, key(resource)) } ?? true }
    return Array(rest.prefix(limit))
  }

  private static func isNewer(_ one: PageCursor, _ other: PageCursor) -> Bool {
    (one.createTime, one.id) > (other.createTime, other.id)
  }
}

extension StoredProvider {
  fileprivate var tenant: TenantID { provider.tenant }
}
