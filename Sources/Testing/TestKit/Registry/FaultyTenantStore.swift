package import Access
package import Registry
package import Telephony

/// What a tenant has, behind a store of whose steps one fails.
package struct FaultyTenantStore: TenantStore {
  private let base: any TenantStore
  private let injector: FaultInjector

  init(_ base: any TenantStore, _ injector: FaultInjector) {
    self.base = base
    self.injector = injector
  }

  @discardableResult
  package func commit(_ write: RegistryWrite) async throws(StoreError) -> RegistryReceipt {
    try await injector.step { () async throws(StoreError) in try await base.commit(write) }
  }

  package func provider(
    _ id: ProviderID
  ) async throws(StoreError) -> StoredProvider? {
    try await injector.step { () async throws(StoreError) in
      try await base.provider(id)
    }
  }

  package func provider(
    key: String, region: Region
  ) async throws(StoreError) -> StoredProvider? {
    try await injector.step { () async throws(StoreError) in
      try await base.provider(key: key, region: region)
    }
  }

  package func providers(
    _ filter: ProviderFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Provider] {
    try await injector.step { () async throws(StoreError) in
      try await base.providers(filter, after: cursor, limit: limit)
    }
  }

  package func number(
    _ id: PhoneNumberID
  ) async throws(StoreError) -> PhoneNumber? {
    try await injector.step { () async throws(StoreError) in try await base.number(id) }
  }

  package func numbers(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [PhoneNumber] {
    try await injector.step { () async throws(StoreError) in
      try await base.numbers(filter, after: cursor, limit: limit)
    }
  }

  package func claims(
    of sids: [CarrierNumberSID], account: AccountSID
  ) async throws(StoreError) -> [NumberClaim] {
    try await injector.step { () async throws(StoreError) in
      try await base.claims(of: sids, account: account)
    }
  }

  package func agent(_ id: AgentID) async throws(StoreError) -> Agent? {
    try await injector.step { () async throws(StoreError) in try await base.agent(id) }
  }

  package func agents(
    _ kind: AssigneeKind, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [Agent] {
    try await injector.step { () async throws(StoreError) in
      try await base.agents(kind, after: cursor, limit: limit)
    }
  }

  package func numbers(
    of agents: [AgentID]
  ) async throws(StoreError) -> [AgentID: AgentNumbers] {
    try await injector.step { () async throws(StoreError) in
      try await base.numbers(of: agents)
    }
  }

  package func request(
    _ id: String
  ) async throws(StoreError) -> RequestRecord? {
    try await injector.step { () async throws(StoreError) in try await base.request(id) }
  }

  package func journal(_ id: OperationID) async throws(StoreError) -> ProvisioningJournal? {
    try await injector.step { () async throws(StoreError) in try await base.journal(id) }
  }

  package func journals(
    _ filter: OperationFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [ProvisioningJournal] {
    try await injector.step { () async throws(StoreError) in
      try await base.journals(filter, after: cursor, limit: limit)
    }
  }

  package func openJournal(
    of subject: OperationSubject
  ) async throws(StoreError) -> ProvisioningJournal? {
    try await injector.step { () async throws(StoreError) in try await base.openJournal(of: subject)
    }
  }

  package func numbers(of e164: E164) async throws(StoreError) -> [PhoneNumber] {
    try await injector.step { () async throws(StoreError) in try await base.numbers(of: e164) }
  }

  package func record() async throws(StoreError) -> Tenant? {
    try await injector.step { () async throws(StoreError) in try await base.record() }
  }

  package func count(of kind: CountedKind) async throws(StoreError) -> Int {
    try await injector.step { () async throws(StoreError) in try await base.count(of: kind) }
  }

  package func token(_ id: APITokenID) async throws(StoreError) -> APIToken? {
    try await injector.step { () async throws(StoreError) in try await base.token(id) }
  }

  package func tokens(
    after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [APIToken] {
    try await injector.step { () async throws(StoreError) in
      try await base.tokens(after: cursor, limit: limit)
    }
  }

  package func credentialUsed(
    _ id: ProviderID, mark: Version, _ use: CredentialUse
  ) async throws(StoreError) {
    try await injector.step { () async throws(StoreError) in
      try await base.credentialUsed(id, mark: mark, use)
    }
  }

  package func tokenUsed(_ id: APITokenID, at time: Timestamp) async throws(StoreError) {
    try await injector.step { () async throws(StoreError) in
      try await base.tokenUsed(id, at: time)
    }
  }

  package func auditEvents(
    _ filter: AuditFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [AuditEntry] {
    try await injector.step { () async throws(StoreError) in
      try await base.auditEvents(filter, after: cursor, limit: limit)
    }
  }

  package func events(
    of kind: ChangeEvent.Kind, after sequence: UInt64, limit: Int
  ) async throws(StoreError) -> EventPage {
    try await injector.step { () async throws(StoreError) in
      try await base.events(of: kind, after: sequence, limit: limit)
    }
  }
}
