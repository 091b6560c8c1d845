package import Access
package import Telephony

/// Why a store did not do what it was asked.
package enum CallStoreError: Error, Sendable, Hashable {
  /// The call was changed since the version that the change was made from. Read it again.
  case conflict
  /// There is no such call.
  case notFound
  /// Another call to the same account, from and to is `isUnresolved`.
  case attemptUnresolved(CallID)
  /// Another call has this carrier call id in this account.
  case carrierCallTaken(CallID)
  /// The store can't be reached or can't write now; nothing is known to be done.
  case unavailable
  /// What is stored can't be read. `cause` is for callers: it names no machine and no value of a
  /// row.
  case damaged(cause: String)

  /// Whether it is the store that failed, and not the write that was refused.
  var isOfStore: Bool {
    switch self {
    case .unavailable, .damaged: true
    case .conflict, .notFound, .attemptUnresolved, .carrierCallTaken: false
    }
  }
}

/// Where calls, journal and request ids are kept.
///
/// Every write is one transaction and is durable when its method returns; after an error nothing
/// of it is there, except that `unavailable` may hide a write that was done. Callable from any
/// executor. `CallStoreConformance` in TestKit is the contract as checks.
package protocol CallStore: Sendable {
  /// Hands over `sink`, before the first write. It gets every written call, once, those of a region
  /// in the order of `Call.change`, before the writing method returns. It returns at once.
  func observe(_ sink: @escaping @Sendable (Call) -> Void) async

  /// Writes new outbound calls (version 0 → 1), what the audit log is to be told of them and, with
  /// a request id, the request, all or nothing.
  ///
  /// Is the tenant's request id known, nothing is written and the earlier request comes back.
  func place(_ placement: Placement) async throws(CallStoreError) -> PlacementResult

  /// Writes a new inbound call unless its account and carrier call id are known; then returns the
  /// call that has them, unchanged.
  func createInbound(_ call: Call) async throws(CallStoreError) -> InboundCreation

  /// Replaces the call with that id if the stored version is `call.version`; returns it with its
  /// new version and change. In the same transaction goes what the audit log is to be told of it.
  ///
  /// Throws `conflict`, `notFound`, `attemptUnresolved` or `carrierCallTaken`; then nothing
  /// changed.
  func update(_ call: Call, audit: AuditEntry?) async throws(CallStoreError) -> Call

  /// What a request id stands for; nil when it is not known, or not any more.
  func request(
    _ id: String, tenant: TenantID
  ) async throws(CallStoreError) -> PlacedRequest?

  /// Of any tenant; nil when there is none.
  func call(_ id: CallID) async throws(CallStoreError) -> Call?

  func call(
    account: AccountSID, carrierCallID: CarrierCallSID
  ) async throws(CallStoreError) -> Call?

  /// The tenant's calls that match, newest first: by descending `CallID`.
  func calls(_ query: CallQuery) async throws(CallStoreError) -> [Call]

  /// Calls of one region in ascending order of `change`.
  func changes(_ query: ChangeQuery) async throws(CallStoreError) -> [Call]

  /// How far the changes have come in each region; one that is missing has none. No number ever
  /// decreases, restarts included.
  func changeCounts() async throws(CallStoreError) -> [Region: ChangeCount]

  /// Calls whose work is due at `time` or before, the longest due first.
  func dueCalls(at time: Timestamp, limit: Int) async throws(CallStoreError) -> [Call]

  /// When the next work is due; nil when there is none.
  func nextDue() async throws(CallStoreError) -> Timestamp?

  /// The calls whose dial is `sending`: what a process that died may have been doing.
  func sendingCalls(limit: Int) async throws(CallStoreError) -> [Call]

  /// The call that is `isUnresolved` for these three.
  func unresolvedAttempt(
    account: AccountSID, from: CallParty, to: CallParty
  ) async throws(CallStoreError) -> CallID?

  /// Forgets at most `limit` request ids made before `time`, the oldest first; says how many.
  /// Their calls stay.
  func forgetRequests(createdBefore time: Timestamp, limit: Int) async throws(CallStoreError) -> Int

  /// Forgets at most `limit` calls of `id`'s region that are smaller than it, the smallest first;
  /// says how many. Only calls that are over and have no work left. Who watches is told nothing,
  /// but `prunedThrough` says which watches can't go on. Two that do it at once don't do it twice.
  func forgetCalls(before id: CallID, limit: Int) async throws(CallStoreError) -> Int

  /// At most `limit` audit entries of calls of `region` that were not forgotten, with an id greater
  /// than `id`, by id.
  func untoldAudit(
    of region: Region, after id: AuditEntryID?, limit: Int
  ) async throws(CallStoreError) -> UntoldAudit

  /// Forgets at most `Limits.auditBatchMax` audit entries of calls of `region`, which the registry
  /// has. One that is not there is fine.
  func forgetAudit(_ ids: [AuditEntryID], of region: Region) async throws(CallStoreError)
}

extension CallStore {
  /// An update that no caller asked for.
  package func update(_ call: Call) async throws(CallStoreError) -> Call {
    try await update(call, audit: nil)
  }
}

/// A page of audit entries that the registry may not have yet.
package struct UntoldAudit: Sendable, Hashable {
  /// By id. One that can't be read is left out.
  package var entries: [AuditEntry]
  /// The page ends here, and another may follow; nil on the last.
  package var end: AuditEntryID?

  package init(entries: [AuditEntry], end: AuditEntryID?) {
    self.entries = entries
    self.end = end
  }
}

/// What one PlaceCalls writes.
package struct Placement: Sendable, Hashable {
  /// Nil: each such request is a new one.
  package var request: PlacedRequest?
  package var calls: [Call]
  /// What the audit log is to be told of these calls.
  package var audit: [AuditEntry]

  package init(request: PlacedRequest?, calls: [Call], audit: [AuditEntry] = []) {
    self.request = request
    self.calls = calls
    self.audit = audit
  }
}

/// A request id and what came of it, so that a repeat gets the same.
package struct PlacedRequest: Sendable, Hashable {
  package let tenant: TenantID
  package let requestID: String
  /// Of the request's body: the same id with another is refused.
  package let fingerprint: Fingerprint
  /// One per destination, in order.
  package let outcomes: [PlacedOutcome]
  package let createTime: Timestamp

  package init(
    tenant: TenantID, requestID: String, fingerprint: Fingerprint, outcomes: [PlacedOutcome],
    createTime: Timestamp
  ) {
    self.tenant = tenant
    self.requestID = requestID
    self.fingerprint = fingerprint
    self.outcomes = outcomes
    self.createTime = createTime
  }
}

/// What became of one destination.
package enum PlacedOutcome: Sendable, Hashable {
  case call(CallID)
  case refused(DestinationError)
}

package enum PlacementResult: Sendable, Hashable {
  /// The calls as written, in order.
  case placed([Call])
  /// The request id was known; nothing was written.
  case repeated(PlacedRequest)
}

package enum InboundCreation: Sendable, Hashable {
  case created(Call)
  case existed(Call)
}

/// Which calls are meant. Nil takes all.
package struct CallFilter: Sendable, Hashable {
  package var tenant: TenantID
  package var number: PhoneNumberID?
  package var agent: AgentID?
  package var provider: ProviderID?
  package var region: Region?
  package var state: CallState?
  package var direction: CallDirection?
  /// Only calls that are not over.
  package var liveOnly: Bool

  package init(
    tenant: TenantID, number: PhoneNumberID? = nil, agent: AgentID? = nil,
    provider: ProviderID? = nil, region: Region? = nil, state: CallState? = nil,
    direction: CallDirection? = nil, liveOnly: Bool = false
  ) {
    self.tenant = tenant
    self.number = number
    self.agent = agent
    self.provider = provider
    self.region = region
    self.state = state
    self.direction = direction
    self.liveOnly = liveOnly
  }

  package func matches(_ call: Call) -> Bool {
    call.tenant == tenant
      && (number == nil || call.number == number)
      && (agent == nil || call.agent == agent)
      && (provider == nil || call.provider == provider)
      && (region == nil || call.region == region)
      && (state == nil || call.state == state)
      && (direction == nil || call.direction == direction)
      && (!liveOnly || !call.state.isTerminal)
  }
}

package struct CallQuery: Sendable, Hashable {
  package var filter: CallFilter
  /// Only calls older than this one: the last of the page before.
  package var before: CallID?
  /// 1 or more.
  package var limit: Int

  package init(filter: CallFilter, before: CallID? = nil, limit: Int) {
    self.filter = filter
    self.before = before
    self.limit = limit
  }
}

/// How far the changes of a region's calls have come.
package struct ChangeCount: Sendable, Hashable {
  /// The highest `Call.change` so far.
  package var latest: Int64
  /// Calls with a change up to this one may have been forgotten: who knows less has missed some.
  package var prunedThrough: Int64

  package init(latest: Int64 = 0, prunedThrough: Int64 = 0) {
    self.latest = latest
    self.prunedThrough = prunedThrough
  }
}

package struct ChangeQuery: Sendable, Hashable {
  /// If it names a region, it is `region`.
  package var filter: CallFilter
  package var region: Region
  /// Only changes after this one.
  package var after: Int64
  /// And up to this one, included.
  package var through: Int64
  /// 1 or more.
  package var limit: Int

  package init(
    filter: CallFilter, region: Region, after: Int64, through: Int64, limit: Int
  ) {
    precondition(filter.region ?? region == region, "changes of another region than asked for")
    self.filter = filter
    self.region = region
    self.after = after
    self.through = through
    self.limit = limit
  }
}
