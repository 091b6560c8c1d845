package import Access
package import Telephony

// Ending calls, and asking the carrier how they stand.
extension CallDispatcher {
  /// Ends a call, whatever its state; one that is over is returned as it is. Any number of requests
  /// end it once. The audit log is told of each that changed something.
  ///
  /// Throws `carrierRefused`, `carrierUnavailable` or `credentials` when the carrier could not be
  /// told now; it goes on being tried, a bounded number of times.
  package func hangUp(_ id: CallID, by caller: Caller) async throws(DispatchError) -> Call {
    _ = try await ownCall(id, tenant: caller.tenant)
    let time = now
    let (call, action) = try await mapped(id) { () async throws(CallStoreError) in
      try await change(
        id, audit: { self.audit(hangingUp: $0, leaving: $1, by: caller, at: time) }
      ) { machine in machine.hangUpRequested(at: time) }
    }
    auditPump.wake()
    switch action {
    case .none, .wait: return call
    case .end(let carrierCallID, let ending):
      return try await tellCarrier(toEnd: call, carrierCallID, as: ending)
    }
  }

  /// The work of a hang-up that was not finished by its request.
  func endAtCarrier(_ id: CallID) async {
    guard let call = try? await ports.store.call(id), call.work?.kind == .end else { return }
    guard let carrierCallID = call.carrierCallID else { return }
    let ending = call.state.isTerminal ? .completed : CallStateMachine(call).ending
    _ = try? await tellCarrier(toEnd: call, carrierCallID, as: ending)
  }

  private func tellCarrier(
    toEnd call: Call, _ carrierCallID: CarrierCallSID, as ending: CarrierEnding
  ) async throws(DispatchError) -> Call {
    do throws(DispatchError) {
      let lease = try await mappedLease(for: call)
      var outcome = try await mappedCarrier { () async throws(CarrierCallError) in
        try await ports.carrier.end(carrierCallID, as: ending, with: lease)
      }
      if outcome == .notCancelable {
        outcome = try await mappedCarrier { () async throws(CarrierCallError) in
          try await ports.carrier.end(carrierCallID, as: .completed, with: lease)
        }
      }
      let report: HangUpReport =
        outcome == .ended ? .ended : await howItEnded(carrierCallID, with: lease)
      let time = now
      let (ended, _) = try await mapped(call.id) { () async throws(CallStoreError) in
        try await change(call.id) { machine in
          switch report {
          case .ended: machine.hangUpDone(at: time)
          case .wasOver(let found): machine.hangUpFoundOver(found, at: time)
          case .wasOverUnasked: machine.hangUpFoundOverUnasked(at: time)
          }
        }
      }
      return ended
    } catch {
      let time = now
      _ = try? await change(call.id) { machine in machine.hangUpFailed(at: time) }
      throw error
    }
  }

  /// What became of a hang-up at the carrier.
  private enum HangUpReport {
    case ended
    /// Nil: the carrier knows the call no more.
    case wasOver(CarrierCall?)
    /// The carrier could not be asked how it ended.
    case wasOverUnasked
  }

  private func howItEnded(
    _ carrierCallID: CarrierCallSID, with lease: CredentialLease
  ) async -> HangUpReport {
    do throws(CarrierCallError) {
      return .wasOver(try await ports.carrier.fetch(carrierCallID, with: lease))
    } catch {
      return .wasOverUnasked
    }
  }

  // MARK: Looks at the carrier

  /// Asks about an inbound call whose webhook nobody signed, and ends what is not what it said.
  func verify(_ id: CallID) async {
    guard let call = try? await ports.store.call(id), call.work?.kind == .verify,
      let carrierCallID = call.carrierCallID
    else { return }
    do throws(DispatchError) {
      let found = try await fetch(carrierCallID, of: call)
      let time = now
      let (_, result) = try await mapped(id) { () async throws(CallStoreError) in
        try await change(id) { machine in machine.verified(found, at: time) }
      }
      if result == .forged { await endAtCarrier(id) }
    } catch {
      let time = now
      _ = try? await change(id) { machine in machine.verificationFailed(at: time) }
    }
  }

  /// Asks about a call of which nobody told for long.
  func refresh(_ id: CallID) async {
    guard let call = try? await ports.store.call(id), call.work?.kind == .refresh,
      let carrierCallID = call.carrierCallID
    else { return }
    do throws(DispatchError) {
      let found = try await fetch(carrierCallID, of: call)
      let time = now
      _ = try await mapped(id) { () async throws(CallStoreError) in
        try await change(id) { machine in machine.refreshed(found, at: time) }
      }
    } catch {
      let time = now
      _ = try? await change(id) { machine in machine.refreshFailed(at: time) }
    }
  }

  private func fetch(
    _ carrierCallID: CarrierCallSID, of call: Call
  ) async throws(DispatchError) -> CarrierCall? {
    let lease = try await mappedLease(for: call)
    return try await mappedCarrier { () async throws(CarrierCallError) in
      try await ports.carrier.fetch(carrierCallID, with: lease)
    }
  }

  private func mappedLease(for call: Call) async throws(DispatchError) -> CredentialLease {
    do throws(CredentialError) {
      return try await lease(for: call)
    } catch {
      throw .credentials(call.provider, error)
    }
  }

  private func mappedCarrier<Value>(
    _ body: () async throws(CarrierCallError) -> Value
  ) async throws(DispatchError) -> Value {
    do throws(CarrierCallError) {
      return try await body()
    } catch {
      switch error {
      case .refused(let refusal): throw .carrierRefused(refusal)
      case .unavailable: throw .carrierUnavailable
      }
    }
  }
}
