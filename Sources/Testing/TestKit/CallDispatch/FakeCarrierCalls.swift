package import CallDispatch
internal import Synchronization
package import Telephony

/// A carrier's calls in memory, with faults on demand. Shared by the processes of a crash test.
package final class FakeCarrierCalls: CarrierCalls {
  /// What a dial does, by turns.
  package enum Dialling: Sendable, Hashable {
    case accept
    case refuse(CarrierRefusal)
    /// Nothing happens and no answer comes.
    case loseBefore
    /// The call is made and the answer is lost.
    case loseAfter
  }

  private struct State {
    var calls: [CarrierCallSID: CarrierCall] = [:]
    var orders: [CarrierCallSID: DialOrder] = [:]
    var posts: [E164: Int] = [:]
    var dialling: [Dialling] = []
    var refusal: CarrierRefusal?
    var isDown = false
    var isFetchDown = false
    var hidden: Set<CarrierCallSID> = []
    var ended: [CarrierCallSID] = []
    var next: UInt64 = 0
  }

  private let time: any TimeSource
  private let state = Mutex(State())

  package init(time: any TimeSource) {
    self.time = time
  }

  // MARK: For tests

  /// What the next dials do; `accept` when they are used up.
  package func script(_ dialling: [Dialling]) { state.withLock { $0.dialling = dialling } }
  /// Every request but a dial fails while it is down.
  package func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }
  /// Look-ups of one call fail while it is set; the other requests don't.
  package func setFetchDown(_ isDown: Bool) { state.withLock { $0.isFetchDown = isDown } }
  /// Every request but a dial is refused.
  package func refuse(_ refusal: CarrierRefusal?) { state.withLock { $0.refusal = refusal } }
  /// Keeps a call out of lists and look-ups, as a queue does for a while.
  package func hide(_ id: CarrierCallSID, _ isHidden: Bool = true) {
    state.withLock { state in
      if isHidden { state.hidden.insert(id) } else { state.hidden.remove(id) }
    }
  }
  /// POSTs that made a call, per destination.
  package var posts: [E164: Int] { state.withLock { $0.posts } }
  package var calls: [CarrierCall] {
    state.withLock { state in state.calls.values.sorted { $0.id < $1.id } }
  }
  /// The calls that were ended by request, in order.
  package var ended: [CarrierCallSID] { state.withLock { $0.ended } }
  package func order(of id: CarrierCallSID) -> DialOrder? { state.withLock { $0.orders[id] } }

  package func move(_ id: CarrierCallSID, to status: CarrierCallStatus) {
    state.withLock { $0.calls[id]?.status = status }
  }

  /// A call that somebody else has with the carrier.
  package func add(_ call: CarrierCall) { state.withLock { $0.calls[call.id] = call } }

  // MARK: The port

  package func place(_ order: DialOrder, with lease: CredentialLease) async -> DialOutcome {
    let now = time.now()
    return state.withLock { state in
      switch state.dialling.isEmpty ? .accept : state.dialling.removeFirst() {
      case .accept: .accepted(Self.make(order, at: now, &state))
      case .refuse(let refusal): .refused(refusal)
      case .loseBefore: .unknown
      case .loseAfter:
        {
          _ = Self.make(order, at: now, &state)
          return .unknown
        }()
      }
    }
  }

  private static func make(
    _ order: DialOrder, at now: Timestamp, _ state: inout State
  ) -> CarrierCallSID {
    state.next += 1
    let id = CarrierCallSID(bits: UInt128(state.next))
    state.calls[id] = CarrierCall(
      id: id, status: .queued, from: order.from.text, to: order.to.text, isInbound: false,
      createTime: now)
    state.orders[id] = order
    state.posts[order.to, default: 0] += 1
    return id
  }

  package func fetch(
    _ id: CarrierCallSID, with lease: CredentialLease
  ) async throws(CarrierCallError) -> CarrierCall? {
    try check()
    return try state.withLock { state throws(CarrierCallError) in
      if state.isFetchDown { throw .unavailable }
      return state.hidden.contains(id) ? nil : state.calls[id]
    }
  }

  package func list(
    from: E164, to: E164, limit: Int, with lease: CredentialLease
  ) async throws(CarrierCallError) -> [CarrierCall] {
    try check()
    return state.withLock { state in
      let found = state.calls.values.filter {
        $0.from == from.text && $0.to == to.text && !state.hidden.contains($0.id)
      }
      return Array(found.sorted { $0.createTime > $1.createTime }.prefix(limit))
    }
  }

  package func end(
    _ id: CarrierCallSID, as ending: CarrierEnding, with lease: CredentialLease
  ) async throws(CarrierCallError) -> EndOutcome {
    try check()
    return state.withLock { state in
      switch state.calls[id]?.status {
      case nil, .completed, .busy, .noAnswer, .failed, .canceled: return .alreadyOver
      case .inProgress where ending == .canceled: return .notCancelable
      case .queued, .initiated, .ringing, .inProgress:
        state.calls[id]?.status = ending == .canceled ? .canceled : .completed
        state.ended.append(id)
        return .ended
      }
    }
  }

  private func check() throws(CarrierCallError) {
    try state.withLock { state throws(CarrierCallError) in
      if state.isDown { throw .unavailable }
      if let refusal = state.refusal { throw .refused(refusal) }
    }
  }
}

/// A carrier that a process reaches until it crashes.
package struct FaultyCarrierCalls: CarrierCalls {
  private let base: FakeCarrierCalls
  private let faults: FaultInjector

  package init(_ base: FakeCarrierCalls, _ faults: FaultInjector) {
    self.base = base
    self.faults = faults
  }

  package func place(_ order: DialOrder, with lease: CredentialLease) async -> DialOutcome {
    switch faults.step() {
    case .proceed: return await base.place(order, with: lease)
    case .failBefore: return .unknown
    case .failAfter:
      _ = await base.place(order, with: lease)
      return .unknown
    }
  }

  package func fetch(
    _ id: CarrierCallSID, with lease: CredentialLease
  ) async throws(CarrierCallError) -> CarrierCall? {
    try await step { () async throws(CarrierCallError) in
      try await base.fetch(id, with: lease)
    }
  }

  package func list(
    from: E164, to: E164, limit: Int, with lease: CredentialLease
  ) async throws(CarrierCallError) -> [CarrierCall] {
    try await step { () async throws(CarrierCallError) in
      try await base.list(from: from, to: to, limit: limit, with: lease)
    }
  }

  package func end(
    _ id: CarrierCallSID, as ending: CarrierEnding, with lease: CredentialLease
  ) async throws(CarrierCallError) -> EndOutcome {
    try await step { () async throws(CarrierCallError) in
      try await base.end(id, as: ending, with: lease)
    }
  }

  private func step<Value>(
    _ body: () async throws(CarrierCallError) -> Value
  ) async throws(CarrierCallError) -> Value {
    switch faults.step() {
    case .proceed: return try await body()
    case .failBefore: throw .unavailable
    case .failAfter:
      _ = try await body()
      throw .unavailable
    }
  }
}
