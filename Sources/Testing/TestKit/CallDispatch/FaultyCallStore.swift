package import Access
package import CallDispatch
package import Telephony

/// A store whose writes, and with `countsReads` its reads too, fail as a `FaultInjector` says.
///
/// A write that fails after its effect is there, as when the answer of a database is lost.
package struct FaultyCallStore: CallStore {
  private let base: MemoryCallStore
  private let faults: FaultInjector

  package init(_ base: MemoryCallStore, _ faults: FaultInjector) {
    self.base = base
    self.faults = faults
  }

  package func observe(_ sink: @escaping @Sendable (Call) -> Void) async {
    await base.observe(sink)
  }

  package func place(
    _ placement: Placement
  ) async throws(CallStoreError) -> PlacementResult {
    try await step { () async throws(CallStoreError) in try await base.place(placement) }
  }

  package func createInbound(_ call: Call) async throws(CallStoreError) -> InboundCreation {
    try await step { () async throws(CallStoreError) in try await base.createInbound(call) }
  }

  package func update(
    _ call: Call, audit: AuditEntry?
  ) async throws(CallStoreError) -> Call {
    try await step { () async throws(CallStoreError) in
      try await base.update(call, audit: audit)
    }
  }

  package func request(
    _ id: String, tenant: TenantID
  ) async throws(CallStoreError) -> PlacedRequest? {
    try alive()
    return try await base.request(id, tenant: tenant)
  }

  package func call(_ id: CallID) async throws(CallStoreError) -> Call? {
    try alive()
    return try await base.call(id)
  }

  package func call(
    account: AccountSID, carrierCallID: CarrierCallSID
  ) async throws(CallStoreError) -> Call? {
    try alive()
    return try await base.call(account: account, carrierCallID: carrierCallID)
  }

  package func calls(_ query: CallQuery) async throws(CallStoreError) -> [Call] {
    try alive()
    return try await base.calls(query)
  }

  package func changes(_ query: ChangeQuery) async throws(CallStoreError) -> [Call] {
    try alive()
    return try await base.changes(query)
  }

  package func changeCounts() async throws(CallStoreError) -> [Region: ChangeCount] {
    try alive()
    return try await base.changeCounts()
  }

  package func dueCalls(
    at time: Timestamp, limit: Int
  ) async throws(CallStoreError) -> [Call] {
    try alive()
    return try await base.dueCalls(at: time, limit: limit)
  }

  package func nextDue() async throws(CallStoreError) -> Timestamp? {
    try alive()
    return try await base.nextDue()
  }

  package func sendingCalls(limit: Int) async throws(CallStoreError) -> [Call] {
    try alive()
    return try await base.sendingCalls(limit: limit)
  }

  package func unresolvedAttempt(
    account: AccountSID, from: CallParty, to: CallParty
  ) async throws(CallStoreError) -> CallID? {
    try alive()
    return try await base.unresolvedAttempt(account: account, from: from, to: to)
  }

  package func forgetRequests(
    createdBefore time: Timestamp, limit: Int
  ) async throws(CallStoreError) -> Int {
    try await step { () async throws(CallStoreError) in
      try await base.forgetRequests(createdBefore: time, limit: limit)
    }
  }

  package func forgetCalls(
    before id: CallID, limit: Int
  ) async throws(CallStoreError) -> Int {
    try await step { () async throws(CallStoreError) in
      try await base.forgetCalls(before: id, limit: limit)
    }
  }

  package func untoldAudit(
    of region: Region, after id: AuditEntryID?, limit: Int
  ) async throws(CallStoreError) -> UntoldAudit {
    try alive()
    return try await base.untoldAudit(of: region, after: id, limit: limit)
  }

  package func forgetAudit(
    _ ids: [AuditEntryID], of region: Region
  ) async throws(CallStoreError) {
    try await step { () async throws(CallStoreError) in
      try await base.forgetAudit(ids, of: region)
    }
  }

  private func alive() throws(CallStoreError) {
    if faults.crashed { throw .unavailable }
  }

  private func step<Value>(
    _ body: () async throws(CallStoreError) -> Value
  ) async throws(CallStoreError) -> Value {
    switch faults.step() {
    case .proceed: return try await body()
    case .failBefore: throw .unavailable
    case .failAfter:
      _ = try await body()
      throw .unavailable
    }
  }
}
