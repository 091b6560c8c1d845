package import Telephony

// What the voice webhook is answered, hanging up, and checking unsigned inbound calls.
extension CallStateMachine {
  // MARK: Answering

  /// The voice webhook is answered so. Inbound this begins the call; outbound the destination has
  /// just picked up. Only the first answer counts. It is kept without its password.
  package mutating func answered(_ answer: CallAnswer, at time: Timestamp) {
    guard call.answer == nil, !call.state.isTerminal else { return }
    // A call outlives a password, and the keys that sealed it: it keeps none.
    call.answer = answer.withoutPassword
    switch (answer, call.direction) {
    case (.reject(.busy), .inbound): finish(.busy, .rejected, at: time)
    case (.reject(.rejected), .inbound): finish(.canceled, .rejected, at: time)
    case (.connect, _), (.redirect, _), (.hangUp, _), (.reject, .outbound):
      if advance(to: .inProgress) { call.answerTime = time }
      if call.work == nil { refreshLater(at: time) }
    }
  }

  /// Nobody signed for this inbound call, so the carrier is to be asked about it.
  package mutating func verificationNeeded(at time: Timestamp) {
    guard call.direction == .inbound, !call.state.isTerminal else { return }
    call.work = PendingWork(.verify, due: time)
  }

  package enum VerificationResult: Sendable, Hashable {
    case verified
    case askAgain
    /// End what has this name at the carrier, if anything has.
    case forged
  }

  /// The carrier was asked about an unsigned inbound call; nil: it knows no such call, yet.
  package mutating func verified(
    _ carrierCall: CarrierCall?, at time: Timestamp
  ) -> VerificationResult {
    guard let work = call.work, work.kind == .verify else { return .verified }
    if let carrierCall {
      if carrierCall.isInbound, carrierCall.from == call.from.text, carrierCall.to == call.to.text {
        refreshLater(at: time)
        apply(carrierCall, at: time)
        return .verified
      }
    } else if work.failures + 1 < Limits.verificationTriesMax {
      workFailed(.verify, Self.carrierBackOff, at: time)
      return .askAgain
    }
    finish(.failed, .unverified, at: time)
    call.work = PendingWork(.end, due: time)
    return .forged
  }

  /// The carrier could not be asked about an unsigned inbound call.
  package mutating func verificationFailed(at time: Timestamp) {
    guard let work = call.work, work.kind == .verify else { return }
    if work.failures + 1 < Limits.carrierRetryMax {
      workFailed(.verify, Self.carrierBackOff, at: time)
    } else {
      refreshLater(at: time)
    }
  }

  // MARK: Hanging up

  package enum HangUpAction: Sendable, Hashable {
    /// It was over before, or it never got to the carrier and is over now.
    case none
    /// Tell the carrier.
    case end(CarrierCallSID, CarrierEnding)
    /// The carrier has, or may have, the call under a name that we don't know yet; it is told as
    /// soon as we do.
    case wait
  }

  /// Somebody wants the call to end. A second request finds the first one's work.
  package mutating func hangUpRequested(at time: Timestamp) -> HangUpAction {
    guard !call.state.isTerminal else { return .none }
    if call.dial?.phase == .intent, call.carrierCallID == nil {
      finish(.canceled, .hungUp, at: time)
      return .none
    }
    call.hangUpRequested = true
    guard let id = call.carrierCallID else { return .wait }
    // The caller tells the carrier itself; the work is for when it does not live to do so.
    call.work = PendingWork(.end, due: time.advanced(by: Limits.workLease))
    return .end(id, ending)
  }

  /// How the carrier is to end the call as it stands now.
  package var ending: CarrierEnding {
    call.state.rank < CallState.inProgress.rank ? .canceled : .completed
  }

  /// The carrier ended the call.
  package mutating func hangUpDone(at time: Timestamp) {
    guard !call.state.isTerminal else { return workDone() }
    if call.answerTime == nil {
      finish(.canceled, .hungUp, at: time)
    } else {
      finish(.completed, .hungUp, at: time)
    }
  }

  /// The call was over at the carrier already. `carrierCall` is how it ended, where the carrier
  /// still knows.
  package mutating func hangUpFoundOver(_ carrierCall: CarrierCall?, at time: Timestamp) {
    guard !call.state.isTerminal else { return workDone() }
    if let carrierCall { apply(carrierCall, at: time) }
    guard !call.state.isTerminal else { return }
    if call.answerTime == nil {
      finish(.canceled, .canceled, at: time)
    } else {
      finish(.completed, .completed, at: time)
    }
  }

  /// The call was over at the carrier already, and the carrier could not be asked how it ended: the
  /// refresh asks again, soon.
  package mutating func hangUpFoundOverUnasked(at time: Timestamp) {
    guard !call.state.isTerminal else { return workDone() }
    call.work = PendingWork(.refresh, due: time.advanced(by: Limits.carrierRetryDelay))
  }

  /// The carrier could not be told; tried again, a bounded number of times.
  package mutating func hangUpFailed(at time: Timestamp) {
    guard let work = call.work, work.kind == .end else { return }
    if work.failures + 1 < Limits.carrierRetryMax {
      workFailed(.end, Self.carrierBackOff, at: time)
    } else if call.state.isTerminal {
      workDone()
    } else {
      refreshLater(at: time)
    }
  }

  private static let carrierBackOff = BackOff(
    first: Limits.carrierRetryDelay, longest: Limits.carrierRetryDelayMax)
}
