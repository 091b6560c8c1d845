package import Telephony

/// Calls at the carrier, each through the host of the lease's region.
///
/// Every method answers within `Limits.workLease`. An implementation repeats a request only where
/// nothing was done, and never logs a number or a secret.
package protocol CarrierCalls: Sendable {
  /// Asks for one call. An adapter never repeats it: that is for those who hold the credentials,
  /// who send it again with others where the carrier's own code refused the first.
  func place(_ order: DialOrder, with lease: CredentialLease) async -> DialOutcome

  /// How a call stands now; nil when the account has no such call in the lease's region.
  func fetch(
    _ id: CarrierCallSID, with lease: CredentialLease
  ) async throws(CarrierCallError) -> CarrierCall?

  /// At most `limit` calls between the two, the newest first, those still in the carrier's queue
  /// included: no filter on a start time, a queued call has none.
  func list(
    from: E164, to: E164, limit: Int, with lease: CredentialLease
  ) async throws(CarrierCallError) -> [CarrierCall]

  /// Ends a call. One that is over, or unknown (20404), is `alreadyOver`.
  func end(
    _ id: CarrierCallSID, as ending: CarrierEnding, with lease: CredentialLease
  ) async throws(CarrierCallError) -> EndOutcome
}

/// What a dial tells the carrier. All of initiated, ringing, answered and completed are subscribed.
package struct DialOrder: Sendable, Hashable {
  package let from: E164
  package let to: E164
  /// Fetched when the destination answers; carries the call's own token.
  package let voiceURL: String
  /// Called with each change; carries the call's own token.
  package let statusURL: String
  package let ringingTimeoutSeconds: Int
  package let timeLimitSeconds: Int?

  package init(
    from: E164, to: E164, voiceURL: String, statusURL: String, ringingTimeoutSeconds: Int,
    timeLimitSeconds: Int?
  ) {
    self.from = from
    self.to = to
    self.voiceURL = voiceURL
    self.statusURL = statusURL
    self.ringingTimeoutSeconds = ringingTimeoutSeconds
    self.timeLimitSeconds = timeLimitSeconds
  }
}

/// What is known after a dial was sent.
package enum DialOutcome: Sendable, Hashable {
  case accepted(CarrierCallSID)
  /// Provably nothing was done: the carrier said so, or no byte reached it.
  case refused(CarrierRefusal)
  /// Anything else: a time-out, a broken connection, a 5xx, an answer that can't be read.
  case unknown
}

/// The carrier did not do what was asked, and did nothing else.
package struct CarrierRefusal: Error, Sendable, Hashable {
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Too many requests at once (429, 20429): may be repeated as it is.
    case throttled
    /// No connection could be made: may be repeated as it is.
    case unreachable
    /// The credentials are refused: by the carrier's code (20003, 20006, 20008), or by a bare 401
    /// or 403, which may come from something between and does not show that nothing was done.
    case credentials
    /// The account is inactive or may not do this (10001, 20005).
    case account
    /// The destination, caller id or country is not allowed (21203, 21210, 21215, …).
    case notAllowed
    /// A carrier's limit, such as calls at the same time (10004).
    case limit
    /// The request itself is wrong (20001, 21211, 21212, …).
    case invalid
    /// Any other refusal.
    case other

    /// The same request may be sent again.
    package var isRepeatable: Bool {
      switch self {
      case .throttled, .unreachable: true
      case .credentials, .account, .notAllowed, .limit, .invalid, .other: false
      }
    }
  }

  package let kind: Kind
  /// The carrier's own code, where it gave one.
  package let code: Int?
  /// How long the carrier asked us to wait.
  package let retryAfter: Duration?

  package init(_ kind: Kind, code: Int? = nil, retryAfter: Duration? = nil) {
    self.kind = kind
    self.code = code
    self.retryAfter = retryAfter
  }
}

/// Why the carrier was not asked, or gave no usable answer.
package enum CarrierCallError: Error, Sendable, Hashable {
  case refused(CarrierRefusal)
  /// No answer, or a 5xx: whether it was done is not known. All but a dial may be repeated.
  case unavailable
}

/// The carrier's words for a call's state, in ours.
package enum CarrierCallStatus: String, Sendable, Hashable, CaseIterable {
  case queued
  case initiated
  case ringing
  case inProgress = "in-progress"
  case completed
  case busy
  case noAnswer = "no-answer"
  case failed
  case canceled
}

/// A call as the carrier shows it when asked.
package struct CarrierCall: Sendable, Hashable {
  package var id: CarrierCallSID
  package var status: CarrierCallStatus
  package var from: String
  package var to: String
  package var isInbound: Bool
  /// When the carrier took it in, also while it is queued there.
  package var createTime: Timestamp
  package var startTime: Timestamp?
  package var endTime: Timestamp?
  /// Whole seconds from the answer to the end.
  package var durationSeconds: Int?

  package init(
    id: CarrierCallSID, status: CarrierCallStatus, from: String, to: String, isInbound: Bool,
    createTime: Timestamp, startTime: Timestamp? = nil, endTime: Timestamp? = nil,
    durationSeconds: Int? = nil
  ) {
    self.id = id
    self.status = status
    self.from = from
    self.to = to
    self.isInbound = isInbound
    self.createTime = createTime
    self.startTime = startTime
    self.endTime = endTime
    self.durationSeconds = durationSeconds
  }
}

/// How the carrier is to end a call.
package enum CarrierEnding: Sendable, Hashable {
  /// Before the answer: only while it is queued or rings.
  case canceled
  /// At any time.
  case completed
}

package enum EndOutcome: Sendable, Hashable {
  case ended
  case alreadyOver
  /// It was answered meanwhile and can't be `canceled` any more (21220).
  case notCancelable
}
