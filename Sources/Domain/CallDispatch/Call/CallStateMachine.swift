package import Telephony

/// What a call's events make of it: pure, so that every order of events can be tried.
///
/// Outbound, with the journal's phase in brackets:
/// ```
/// queued[intent] ─sendingBegan─▶ dialing[sending] ─accepted, callback, found─▶ [settled] ─▶ …
///      ▲   │                        │   │
///      │   └─hangUpRequested─▶ canceled │
///      └─refused, nothing done──────┘   └─lost─▶ dialing[unknown] ─▶ found · failed after a day
/// ```
/// An event that comes twice, late, or after the end changes nothing. Each event leaves in
/// `call.work` what is still to be done at the carrier; whoever performs an event writes the call
/// back with compare-and-set and acts on the answer only when that was done.
package struct CallStateMachine: Sendable {
  package internal(set) var call: Call

  package init(_ call: Call) {
    self.call = call
  }

  // MARK: The dial

  /// What may be done with an intent.
  package enum SendingAction: Sendable, Hashable {
    /// Write the call, then send the one POST.
    case send
    /// It was dialled, settled or ended by somebody else.
    case leave
  }

  /// The POST is about to be sent. The journal says `sending` from now on: if nothing more is heard
  /// of this process, the work becomes due as a look at the carrier, not as a dial.
  ///
  /// - Parameter attempt: the one that was meant. A later one may have been refused meanwhile, and
  ///   waits for its time.
  package mutating func sendingBegan(attempt: Int, at time: Timestamp) -> SendingAction {
    guard !call.state.isTerminal, call.dial?.phase == .intent, call.dial?.attempt == attempt else {
      return .leave
    }
    call.dial?.phase = .sending
    call.dial?.sendTime = time
    call.dialTime = call.dialTime ?? time
    advance(to: .dialing)
    call.work = PendingWork(.reconcile, due: time.advanced(by: Limits.workLease))
    return .send
  }

  /// An earlier attempt to the same destination is unresolved, so nothing may be sent yet.
  package mutating func dialBlocked(at time: Timestamp) {
    guard !call.state.isTerminal, call.dial?.phase == .intent else { return }
    if time >= call.createTime.advanced(by: Limits.dialBlockedMax) {
      finish(.failed, .attemptUnresolved, at: time)
    } else {
      call.work = PendingWork(.dial, due: time.advanced(by: Limits.dialBlockedDelay))
    }
  }

  /// The credentials could not be had; nothing was sent.
  package mutating func credentialsMissed(_ error: CredentialError, at time: Timestamp) {
    guard !call.state.isTerminal, call.dial?.phase == .intent else { return }
    switch error {
    case .unknown, .unreadable: finish(.failed, .credentialsUnavailable, at: time)
    case .unavailable: dialAgain(else: .credentialsUnavailable, after: nil, at: time)
    }
  }

  /// The carrier took the call. Its first callback may have come before.
  package mutating func dialAccepted(as id: CarrierCallSID, at time: Timestamp) {
    guard call.dial != nil, !call.state.isTerminal, call.carrierCallID != id else {
      return settle()
    }
    found(as: id, at: time)
  }

  /// Provably nothing was done by the POST of this attempt.
  ///
  /// The attempt is named because this may be told late, or twice when the store's answer was lost:
  /// by then another dispatch may be sending the next one, of which this proves nothing.
  package mutating func dialRefused(
    _ refusal: CarrierRefusal, attempt: Int, at time: Timestamp
  ) {
    // A callback is a better witness than a refusal.
    guard isOut(attempt), call.carrierCallID == nil, !call.state.isTerminal else { return }
    call.carrierCode = refusal.code ?? call.carrierCode
    if call.hangUpRequested {
      finish(.canceled, .hungUp, at: time)
    } else if refusal.kind.isRepeatable {
      dialAgain(else: .carrierUnavailable, after: refusal.retryAfter, at: time)
    } else {
      finish(.failed, .carrierRefused, at: time)
    }
  }

  /// Whether the carrier has the call of this attempt is not known, and is to be found out.
  package mutating func dialLost(attempt: Int, at time: Timestamp) {
    guard call.isUnresolved, call.dial?.phase == .sending, call.dial?.attempt == attempt else {
      return
    }
    call.dial?.phase = .unknown
    call.outcomeUnknown = true
    call.work = PendingWork(.reconcile, due: time.advanced(by: Limits.reconcileDelay))
  }

  /// A look at the carrier showed the call.
  package mutating func reconciled(_ carrierCall: CarrierCall, at time: Timestamp) {
    guard call.isUnresolved else { return }
    found(as: carrierCall.id, at: time)
    call.dial?.phase = .found
    apply(carrierCall, at: time)
  }

  /// A look at the carrier did not show the call, or could not be had. It may still come out of the
  /// carrier's queue for a day.
  package mutating func reconciledWithoutResult(at time: Timestamp) {
    guard call.isUnresolved else { return }
    let began = call.dial?.sendTime ?? call.createTime
    if time >= began.advanced(by: Limits.reconcilePeriod) {
      finish(.failed, .outcomeUnknown, at: time)
      call.outcomeUnknown = true
    } else {
      workFailed(
        .reconcile, BackOff(first: Limits.reconcileDelay, longest: Limits.reconcileDelayMax),
        at: time)
    }
  }

  /// Somebody of several dispatches takes the work: for as long as the lease it is not due, unless
  /// its outcome says so.
  package mutating func workTaken(at time: Timestamp) {
    call.work?.due = time.advanced(by: Limits.workLease)
  }

  // MARK: Callbacks

  package enum CallbackResult: Sendable, Hashable {
    /// Old, repeated, or after the end.
    case unchanged
    case changed
    /// It names another carrier call than ours.
    case foreign
  }

  /// The carrier told how the call stands; authentic by the call's own token or its number's.
  ///
  /// `time` is ours; the carrier's own goes before it.
  package mutating func reported(_ report: StatusWebhook, at time: Timestamp) -> CallbackResult {
    guard !call.state.isTerminal else { return .unchanged }
    if let known = call.carrierCallID, known != report.carrierCallID {
      guard call.dial?.phase == .found else { return .foreign }
      call.carrierCallID = report.carrierCallID
    }
    if let sequence = report.sequence, let last = call.callbackSequence, sequence <= last {
      return .unchanged
    }
    let before = call
    call.callbackSequence = report.sequence ?? call.callbackSequence
    if call.carrierCallID == nil { found(as: report.carrierCallID, at: time) }
    settle()
    call.sipCode = report.sipCode ?? call.sipCode
    call.carrierCode = report.carrierCode ?? call.carrierCode
    apply(
      report.status, at: report.time ?? time, durationSeconds: report.durationSeconds)
    return call == before ? .unchanged : .changed
  }

  /// The carrier was asked how the call stands; nil: it knows no such call.
  package mutating func refreshed(_ carrierCall: CarrierCall?, at time: Timestamp) {
    guard !call.state.isTerminal else { return }
    if let carrierCall {
      apply(carrierCall, at: time)
    } else {
      finish(.failed, .carrierFailed, at: time)
    }
    if !call.state.isTerminal, call.work?.kind == .refresh { refreshLater(at: time) }
  }

  /// The carrier could not be asked.
  package mutating func refreshFailed(at time: Timestamp) {
    guard call.work?.kind == .refresh else { return }
    refreshLater(at: time)
  }
}
