/// What the other side of a call does.
struct FarEnd: Sendable, Hashable {
  enum Outcome: String, Sendable, CaseIterable {
    case answer, busy
    case noAnswer = "no-answer"
    case failed
    /// POST Calls itself is refused.
    case refuse
  }

  var outcome: Outcome = .answer
  /// From dialling to ringing.
  var ringAfter: Duration?
  /// From ringing to the answer, or to busy or failure.
  var answerAfter: Duration?
  /// From the answer to the far end's hanging up; nil for never.
  var hangUpAfter: Duration?
  var sipCode: Int?
  /// The carrier's error code of `failed` and `refuse`.
  var errorCode: Int?
  /// The HTTP status of `refuse`.
  var status = 400
  var answeredBy: String?
  var callbacks: CallbackPolicy?
}

/// How status callbacks are sent.
struct CallbackPolicy: Sendable, Hashable {
  enum Order: String, Sendable, CaseIterable {
    case inOrder = "in_order"
    /// All of a call's callbacks wait for its end and go last first.
    case reverse
    /// They wait for the end and go in any order.
    case random
  }

  /// They wait for a release.
  var hold = false
  /// So many times more than once.
  var repeats = 0
  var order: Order = .inOrder
  /// POST Calls is answered only when this event's callback was delivered.
  var beforeAnswer: CallEvent?
}

/// What a status callback is about, as StatusCallbackEvent names it.
enum CallEvent: String, Sendable, CaseIterable {
  case initiated, ringing, answered, completed
}
