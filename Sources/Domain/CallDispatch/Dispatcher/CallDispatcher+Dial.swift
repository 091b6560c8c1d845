internal import Telephony

// The one place that sends a dial, and the one that looks for a lost one.
extension CallDispatcher {
  /// Dials a call whose journal says `intent`. The journal says `sending` before the POST goes out;
  /// nobody sends it again after that but upon the proof that nothing was done.
  ///
  /// Of several dispatches that do this at once one writes `sending`, from the version that it
  /// read, and it alone sends.
  func dial(_ id: CallID) async {
    guard let call = try? await ports.store.call(id), call.dial?.phase == .intent,
      let attempt = call.dial?.attempt, let from = call.from.number, let to = call.to.number
    else { return }
    let lease: CredentialLease
    do throws(CredentialError) {
      lease = try await self.lease(for: call)
    } catch {
      let (missed, time) = (error, now)
      try? await settle(id) { machine in machine.credentialsMissed(missed, at: time) }
      return
    }
    guard let order = order(for: call, from: from, to: to) else {
      let time = now
      try? await settle(id) { machine in machine.credentialsMissed(.unavailable, at: time) }
      return
    }
    guard await beginSending(id, attempt) else { return }
    let outcome = await ports.carrier.place(order, with: lease)
    await record(outcome, of: id, attempt)
  }

  /// Writes `sending`; false when the POST may not be sent, whatever the reason.
  private func beginSending(_ id: CallID, _ attempt: Int) async -> Bool {
    let time = now
    do throws(CallStoreError) {
      let (_, action) = try await change(id) { machine in
        machine.sendingBegan(attempt: attempt, at: time)
      }
      return action == .send
    } catch {
      switch error {
      case .attemptUnresolved:
        try? await settle(id) { machine in machine.dialBlocked(at: time) }
      case .conflict, .notFound, .carrierCallTaken:
        break
      case .unavailable, .damaged:
        // It may have been written: then it is looked for, and not dialled.
        try? await settle(id) { machine in machine.dialLost(attempt: attempt, at: time) }
      }
      return false
    }
  }

  private func record(_ outcome: DialOutcome, of id: CallID, _ attempt: Int) async {
    let time = now
    do throws(CallStoreError) {
      try await settle(id) { machine in
        switch outcome {
        case .accepted(let carrierCallID): machine.dialAccepted(as: carrierCallID, at: time)
        case .refused(let refusal): machine.dialRefused(refusal, attempt: attempt, at: time)
        case .unknown: machine.dialLost(attempt: attempt, at: time)
        }
      }
    } catch {
      // The name is another call's, or the store is away: then the journal still says `sending`,
      // and the call is looked for when its lease is over.
      guard case .carrierCallTaken = error else { return }
      try? await settle(id) { machine in machine.dialLost(attempt: attempt, at: time) }
    }
  }

  private func order(for call: Call, from: E164, to: E164) -> DialOrder? {
    guard let dial = call.dial else { return nil }
    let token = ports.tokens.token(forCall: call.id)
    let urls = configuration.publicURLs
    guard let voice = urls.url(of: .call(call.id, token, .voice), in: call.region),
      let status = urls.url(of: .call(call.id, token, .status), in: call.region)
    else { return nil }
    return DialOrder(
      from: from, to: to, voiceURL: voice, statusURL: status,
      ringingTimeoutSeconds: dial.ringingTimeoutSeconds, timeLimitSeconds: dial.timeLimitSeconds)
  }

  // MARK: Lost dials

  /// Looks for a dial whose answer was lost among the carrier's calls between the two numbers.
  func reconcile(_ id: CallID) async {
    guard var call = try? await ports.store.call(id), call.isUnresolved else { return }
    let time = now
    if let dial = call.dial, dial.phase == .sending {
      let lost = try? await change(id) { machine in
        machine.dialLost(attempt: dial.attempt, at: time)
      }
      guard let lost else { return }
      call = lost.0
    }
    do throws(CallStoreError) {
      if let found = await lookForDial(call) {
        try await settle(id) { machine in machine.reconciled(found, at: time) }
      } else {
        try await settle(id) { machine in machine.reconciledWithoutResult(at: time) }
      }
    } catch {
      guard case .carrierCallTaken = error else { return }
      try? await settle(id) { machine in machine.reconciledWithoutResult(at: time) }
    }
  }

  /// The one outbound call that the carrier took after the POST was sent and that is no other
  /// call's; nil when there is none, when there are two, or when the carrier can't be asked.
  private func lookForDial(_ call: Call) async -> CarrierCall? {
    guard let from = call.from.number, let to = call.to.number, let sent = call.dial?.sendTime,
      let lease = try? await lease(for: call),
      let listed = try? await ports.carrier.list(
        from: from, to: to, limit: Limits.reconcileListMax, with: lease)
    else { return nil }
    let earliest = sent.advanced(by: .zero - Limits.carrierClockSkewMax)
    var candidates: [CarrierCall] = []
    for carrierCall in listed where !carrierCall.isInbound && carrierCall.createTime >= earliest {
      do throws(CallStoreError) {
        let known = try await ports.store.call(
          account: call.account, carrierCallID: carrierCall.id)
        if known == nil { candidates.append(carrierCall) }
      } catch {
        return nil
      }
    }
    return candidates.count == 1 ? candidates.first : nil
  }
}
