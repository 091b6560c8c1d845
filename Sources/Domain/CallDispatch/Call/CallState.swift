package import Telephony

/// Where a call stands.
///
/// ```
/// queued ─▶ dialing ─▶ ringing ─▶ in_progress ─▶ completed
///    └──────────┴─────────┴──▶ busy · no_answer · failed · canceled
/// ```
/// A call moves to the right only, may pass over states, and never leaves one of the last five.
package enum CallState: String, Sendable, Hashable, CaseIterable {
  /// Accepted by us; nothing was sent to the carrier.
  case queued
  /// Sent to the carrier, whether or not it has answered.
  case dialing
  case ringing
  case inProgress = "in_progress"
  case completed
  case busy
  case noAnswer = "no_answer"
  case failed
  case canceled

  /// The call is over for good.
  package var isTerminal: Bool {
    switch self {
    case .queued, .dialing, .ringing, .inProgress: false
    case .completed, .busy, .noAnswer, .failed, .canceled: true
    }
  }

  /// How far along the call is; every terminal state is equally far.
  package var rank: Int {
    switch self {
    case .queued: 0
    case .dialing: 1
    case .ringing: 2
    case .inProgress: 3
    case .completed, .busy, .noAnswer, .failed, .canceled: 4
    }
  }
}

package enum CallDirection: String, Sendable, Hashable, CaseIterable {
  case inbound
  case outbound
}

/// Why a call is over, in words that hold for every carrier.
package enum EndReason: String, Sendable, Hashable, CaseIterable {
  /// One of the two sides hung up.
  case completed
  /// HangUpCall ended it.
  case hungUp = "hung_up"
  /// Ended by the carrier or by others at the carrier before anyone answered.
  case canceled
  case busy
  case noAnswer = "no_answer"
  /// The carrier took the call and could not put it through; see `sipCode`.
  case carrierFailed = "carrier_failed"
  /// The carrier did not take the call; see `carrierCode`.
  case carrierRefused = "carrier_refused"
  /// The carrier could not be reached, or had no room, as often as it was asked.
  case carrierUnavailable = "carrier_unavailable"
  /// The provider's credentials could not be read.
  case credentialsUnavailable = "credentials_unavailable"
  /// An earlier call to the same destination stayed unresolved too long.
  case attemptUnresolved = "attempt_unresolved"
  /// It could not be found out whether the carrier placed the call.
  case outcomeUnknown = "outcome_unknown"
  /// We refused an inbound call: nobody is assigned, or its policy says so.
  case rejected
  /// The carrier knows no such inbound call, or another one: the webhook was not the carrier's.
  case unverified
}

/// The far or near end of a call: mostly a number, else a SIP address or the carrier's word for a
/// hidden caller. Its description hides it.
package struct CallParty: Sendable, Hashable {
  /// For the carrier and the owner; never for a log.
  package let text: String

  package init(_ number: E164) {
    self.text = number.text
  }

  /// Takes what a carrier wrote, cut to `Limits.partyLengthMax` bytes.
  package init(_ text: String) {
    guard text.utf8.count > Limits.partyLengthMax else {
      self.text = text
      return
    }
    var cut = ""
    var length = 0
    for scalar in text.unicodeScalars {
      length += String(scalar).utf8.count
      guard length <= Limits.partyLengthMax else { break }
      cut.unicodeScalars.append(scalar)
    }
    self.text = cut
  }

  /// The number, where it is one.
  package var number: E164? { try? E164(text) }
}

extension CallParty: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { number?.description ?? "<party>" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
