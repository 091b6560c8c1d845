package import Access
package import CallDispatch
internal import Synchronization
package import Telephony

/// The dispatch's memory for tests: nothing is kept when it goes.
package final class MemoryCallStore: CallStore {
  private struct RequestKey: Hashable {
    let tenant: TenantID
    let id: String
  }

  private struct State {
    var calls: [CallID: Call] = [:]
    var requests: [RequestKey: PlacedRequest] = [:]
    var audit: [AuditEntryID: (region: Region, entry: AuditEntry)] = [:]
    var counts: [Region: ChangeCount] = [:]
    var sink: (@Sendable (Call) -> Void)?

    func unresolved(account: AccountSID, from: CallParty, to: CallParty) -> CallID? {
      calls.values.first {
        $0.isUnresolved && $0.account == account && $0.from == from && $0.to == to
      }?.id
    }

    func call(account: AccountSID, carrierCallID: CarrierCallSID) -> Call? {
      calls.values.first { $0.account == account && $0.carrierCallID == carrierCallID }
    }

    mutating func write(_ call: Call) throws(CallStoreError) -> Call {
      if call.isUnresolved,
        let other = unresolved(account: call.account, from: call.from, to: call.to),
        other != call.id
      {
        throw .attemptUnresolved(other)
      }
      if let carrierCallID = call.carrierCallID,
        let other = self.call(account: call.account, carrierCallID: carrierCallID),
        other.id != call.id
      {
        throw .carrierCallTaken(other.id)
      }
      var call = call
      counts[call.region, default: ChangeCount()].latest += 1
      call.version += 1
      call.change = counts[call.region]?.latest ?? 0
      calls[call.id] = call
      return call
    }
  }

  // The sink runs under the lock, so that it sees commits in their order; it only signals.
  private let state = Mutex(State())

  package init() {}

  package func observe(_ sink: @escaping @Sendable (Call) -> Void) async {
    state.withLock { $0.sink = sink }
  }

  package func place(
    _ placement: Placement
  ) async throws(CallStoreError) -> PlacementResult {
    try state.withLock { state throws(CallStoreError) in
      var copy = state
      if let request = placement.request {
        let key = RequestKey(tenant: request.tenant, id: request.requestID)
        if let known = copy.requests[key] { return .repeated(known) }
        copy.requests[key] = request
      }
      var written: [Call] = []
      for call in placement.calls { written.append(try copy.write(call)) }
      for (call, entry) in zip(placement.calls, placement.audit) {
        copy.audit[entry.id] = (call.region, entry)
      }
      state = copy
      for call in written { state.sink?(call) }
      return .placed(written)
    }
  }

  package func createInbound(_ call: Call) async throws(CallStoreError) -> InboundCreation {
    try state.withLock { state throws(CallStoreError) in
      if let id = call.carrierCallID,
        let known = state.call(account: call.account, carrierCallID: id)
      {
        return .existed(known)
      }
      let written = try state.write(call)
      state.sink?(written)
      return .created(written)
    }
  }

  package func update(
    _ call: Call, audit: AuditEntry?
  ) async throws(CallStoreError) -> Call {
    try state.withLock { state throws(CallStoreError) in
      guard let stored = state.calls[call.id] else { throw .notFound }
      guard stored.version == call.version else { throw .conflict }
      let written = try state.write(call)
      if let audit { state.audit[audit.id] = (call.region, audit) }
      state.sink?(written)
      return written
    }
  }

  package func request(
    _ id: String, tenant: TenantID
  ) async throws(CallStoreError) -> PlacedRequest? {
    state.withLock { $0.requests[RequestKey(tenant: tenant, id: id)] }
  }

  package func call(_ id: CallID) async throws(CallStoreError) -> Call? {
    state.withLock { $0.calls[id] }
  }

  package func call(
    account: AccountSID, carrierCallID: CarrierCallSID
  ) async throws(CallStoreError) -> Call? {
    state.withLock { $0.call(account: account, carrierCallID: carrierCallID) }
  }

  package func calls(_ query: CallQuery) async throws(CallStoreError) -> [Call] {
    let found = select { call in
      query.filter.matches(call) && (query.before.map { call.id < $0 } ?? true)
    }
    return Array(found.sorted { $0.id > $1.id }.prefix(query.limit))
  }

  package func changes(_ query: ChangeQuery) async throws(CallStoreError) -> [Call] {
    let found = select { call in
      query.filter.matches(call) && call.region == query.region && call.change > query.after
        && call.change <= query.through
    }
    return Array(found.sorted { $0.change < $1.change }.prefix(query.limit))
  }

  package func changeCounts() async throws(CallStoreError) -> [Region: ChangeCount] {
    state.withLock { $0.counts }
  }

  package func dueCalls(
    at time: Timestamp, limit: Int
  ) async throws(CallStoreError) -> [Call] {
    let due = select { ($0.work?.due).map { $0 <= time } ?? false }.sorted { left, right in
      guard let one = left.work?.due, let other = right.work?.due else { return false }
      return (one, left.id) < (other, right.id)
    }
    return Array(due.prefix(limit))
  }

  package func nextDue() async throws(CallStoreError) -> Timestamp? {
    select { $0.work != nil }.compactMap { $0.work?.due }.min()
  }

  package func sendingCalls(limit: Int) async throws(CallStoreError) -> [Call] {
    Array(select { $0.dial?.phase == .sending }.sorted { $0.id < $1.id }.prefix(limit))
  }

  package func unresolvedAttempt(
    account: AccountSID, from: CallParty, to: CallParty
  ) async throws(CallStoreError) -> CallID? {
    state.withLock { $0.unresolved(account: account, from: from, to: to) }
  }

  package func forgetRequests(
    createdBefore time: Timestamp, limit: Int
  ) async throws(CallStoreError) -> Int {
    state.withLock { state in
      let old = state.requests.filter { $0.value.createTime < time }
        .sorted { $0.value.createTime < $1.value.createTime }.prefix(limit)
      for (key, _) in old { state.requests[key] = nil }
      return old.count
    }
  }

  package func forgetCalls(
    before id: CallID, limit: Int
  ) async throws(CallStoreError) -> Int {
    state.withLock { state in
      let gone = state.calls.values.filter { call in
        call.region == id.region && call.id < id && call.state.isTerminal && call.work == nil
          && call.dial?.phase != .sending && !call.isUnresolved
      }.sorted { $0.id < $1.id }.prefix(limit)
      for call in gone {
        state.calls[call.id] = nil
        let pruned = state.counts[call.region]?.prunedThrough ?? 0
        state.counts[call.region]?.prunedThrough = max(pruned, call.change)
      }
      return gone.count
    }
  }

  package func untoldAudit(
    of region: Region, after id: AuditEntryID?, limit: Int
  ) async throws(CallStoreError) -> UntoldAudit {
    state.withLock { state in
      let entries = state.audit.values.filter { untold in
        untold.region == region && id.map { untold.entry.id > $0 } ?? true
      }.map(\.entry).sorted { $0.id < $1.id }.prefix(limit)
      return UntoldAudit(
        entries: Array(entries), end: entries.count < limit ? nil : entries.last?.id)
    }
  }

  package func forgetAudit(
    _ ids: [AuditEntryID], of region: Region
  ) async throws(CallStoreError) {
    state.withLock { state in
      for id in ids where state.audit[id]?.region == region { state.audit[id] = nil }
    }
  }

  /// How many calls there are, for a test to wait for.
  package var callCount: Int { state.withLock { $0.calls.count } }

  /// Every call, for a test to look at.
  package var allCalls: [Call] { select { _ in true }.sorted { $0.id < $1.id } }

  private func select(_ isWanted: (Call) -> Bool) -> [Call] {
    state.withLock { $0.calls.values.filter(isWanted) }
  }
}
