internal import Access
package import Telephony

/// Call dispatch as its users see it: five-line handlers of RPCs and webhooks call its methods.
///
/// Each use case is an extension in a file of its own. Nothing here starts a task: what outlives a
/// request is left in the store as a call's work, and `run`, called once by the wiring, does it.
/// Callable from any executor.
package final class CallDispatcher: Sendable {
  /// What dispatch stands on.
  package struct Ports: Sendable {
    package var store: any CallStore
    /// Tries staged credentials with some of the requests.
    package private(set) var carrier: any CarrierCalls
    package var credentials: any CredentialSource
    package var tokens: any WebhookTokens
    package var tokenKey: any TokenKey
    package var signer: any WebhookSigner
    package var numberPlan: any NumberPlan
    package var time: any TimeSource
    package var ids: any IDSource
    /// Where the use of staged credentials is counted.
    package var uses: StagedUses

    package init(
      store: any CallStore, carrier: any CarrierCalls, credentials: any CredentialSource,
      tokens: any WebhookTokens, tokenKey: any TokenKey, signer: any WebhookSigner,
      numberPlan: any NumberPlan, time: any TimeSource, ids: any IDSource,
      uses: StagedUses = StagedUses()
    ) {
      self.store = store
      self.uses = uses
      self.carrier = ProvingCalls(carrier, uses, time)
      self.credentials = credentials
      self.tokens = tokens
      self.tokenKey = tokenKey
      self.signer = signer
      self.numberPlan = numberPlan
      self.time = time
      self.ids = ids
    }
  }

  package struct Configuration: Sendable {
    /// The regions whose calls are served here.
    package var regions: Set<Region>
    /// Where the carrier reaches us.
    package var publicURLs: PublicURLs
    /// Numbers charged above the normal rate may be dialled.
    package var premiumAllowed: Bool
    /// Other dispatches of these regions may work on the same store.
    package var isShared: Bool
    /// How long a call that is over is kept, from its creation; nil: for ever. At least
    /// `Limits.callRetentionMin`.
    package var callRetention: Duration?

    package init(
      regions: Set<Region>, publicURLs: PublicURLs, premiumAllowed: Bool = false,
      isShared: Bool = false, callRetention: Duration? = nil
    ) {
      precondition(
        callRetention ?? Limits.callRetentionMin >= Limits.callRetentionMin,
        "calls are kept for too short a time")
      self.callRetention = callRetention
      self.regions = regions
      self.publicURLs = publicURLs
      self.premiumAllowed = premiumAllowed
      self.isShared = isShared
    }
  }

  let ports: Ports
  let configuration: Configuration
  package let routes: RouteDirectory
  let feed: CallFeed
  let pump = WorkPump()
  /// Wakes who tells the audit log.
  let auditPump = WorkPump()
  /// Inbound calls that the store has not got yet.
  package let unsaved = UnsavedCalls()

  /// The wiring then calls `begin`, and `run` in a task of its own.
  package init(ports: Ports, configuration: Configuration, routes: RouteDirectory) {
    self.ports = ports
    self.configuration = configuration
    self.routes = routes
    feed = CallFeed(isShared: configuration.isShared)
  }

  /// Listens to the store. Called once, before anything else is.
  package func begin() async {
    let feed = feed
    let pump = pump
    await ports.store.observe { call in
      feed.committed(call)
      if call.work != nil { pump.wake() }
    }
  }

  var now: Timestamp { ports.time.now() }
}

// The steps that use cases share.
extension CallDispatcher {
  /// Runs an event over the stored call and writes what it made of it; again while others change
  /// the same call meanwhile. Nothing is written when the event changes nothing. `audit` says what
  /// the log is told of the change, from the call before and after it.
  func change<Action: Sendable>(
    _ id: CallID, audit: (@Sendable (Call, Call) -> AuditEntry)? = nil,
    _ event: @Sendable (inout CallStateMachine) -> Action
  ) async throws(CallStoreError) -> (Call, Action) {
    for _ in 0..<Limits.updateTriesMax {
      guard let call = try await ports.store.call(id) else { throw .notFound }
      var machine = CallStateMachine(call)
      let action = event(&machine)
      if machine.call == call { return (call, action) }
      do throws(CallStoreError) {
        let entry = audit?(call, machine.call)
        return (try await ports.store.update(machine.call, audit: entry), action)
      } catch {
        guard error == .conflict else { throw error }
      }
    }
    throw .conflict
  }

  /// The lease of a call's own provider, account and region; any other would not find the call.
  func lease(for call: Call) async throws(CredentialError) -> CredentialLease {
    let lease = try await ports.credentials.lease(call.provider)
    guard lease.account == call.account, lease.region == call.region else { throw .unknown }
    return lease
  }

  func requireServed(_ region: Region) throws(DispatchError) {
    guard configuration.regions.contains(region) else { throw .otherRegion(region) }
  }

  /// A call of the tenant; anybody else's is not found.
  func ownCall(_ id: CallID, tenant: TenantID) async throws(DispatchError) -> Call {
    try requireServed(id.region)
    let call = try await mapped(id) { () async throws(CallStoreError) in
      try await ports.store.call(id)
    }
    guard let call, call.tenant == tenant else { throw .callNotFound(id) }
    return call
  }

  /// A store's error in the use case's words.
  func mapped<Value>(
    _ id: CallID?, _ body: () async throws(CallStoreError) -> Value
  ) async throws(DispatchError) -> Value {
    do throws(CallStoreError) {
      return try await body()
    } catch {
      switch (error, id) {
      case (.notFound, let id?): throw .callNotFound(id)
      case (.conflict, let id?), (.attemptUnresolved(let id), _), (.carrierCallTaken(let id), _):
        throw .contention(id)
      case (.damaged(let cause), _): throw .storeDamaged(cause: cause)
      case (.unavailable, _), (.notFound, nil), (.conflict, nil): throw .storeUnavailable
      }
    }
  }
}
