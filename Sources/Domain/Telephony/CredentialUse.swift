/// What became of credentials at the carrier while live traffic used them.
///
/// Sums of several observers, in any order, give the same: ``add(_:)`` adds counts and keeps the
/// first and the last time.
package struct CredentialUse: Sendable, Hashable, Codable {
  /// What they are worth, as far as is known.
  package enum State: Sendable, Hashable {
    /// Nothing has used them yet.
    case unproven
    /// They served, and no refusal stands.
    case proven
    /// A refusal stands: of a call that was placed until another is; of another request until any
    /// succeeds. What the Auth Token signed says nothing of the key.
    case refused
  }

  /// What a request was for: a key may have the right to one and not to the other.
  package enum Request: Sendable, Hashable, CaseIterable {
    /// Placing a call.
    case create
    /// Looking at calls, or ending one.
    case other
  }

  /// When requests of one kind last succeeded, and were last refused.
  package struct Last: Sendable, Hashable, Codable {
    package var successTime: Timestamp?
    package var refusalTime: Timestamp?

    /// Never.
    package init() {}

    fileprivate mutating func add(_ other: Last) {
      successTime = [successTime, other.successTime].compactMap(\.self).max()
      refusalTime = [refusalTime, other.refusalTime].compactMap(\.self).max()
    }

    /// A refusal of the same moment as the success counts: the careful side.
    fileprivate func isRefused(since success: Timestamp?) -> Bool {
      guard let refusalTime else { return false }
      return success.map { refusalTime >= $0 } ?? true
    }
  }

  /// Webhooks that were signed with them.
  package var webhookCount: UInt64 = 0
  /// Requests that the carrier answered.
  package var requestCount: UInt64 = 0
  /// Requests that the carrier refused because of them.
  package var refusalCount: UInt64 = 0
  package var firstSuccessTime: Timestamp?
  /// The last webhook that they signed.
  package var lastWebhookTime: Timestamp?
  package var creates = Last()
  package var others = Last()

  /// Nothing yet.
  package init() {}

  /// Of whatever kind.
  package var lastSuccessTime: Timestamp? {
    [lastWebhookTime, creates.successTime, others.successTime].compactMap(\.self).max()
  }

  /// Of whatever kind.
  package var lastRefusalTime: Timestamp? {
    [creates.refusalTime, others.refusalTime].compactMap(\.self).max()
  }

  package var state: State {
    let request = [creates.successTime, others.successTime].compactMap(\.self).max()
    if creates.isRefused(since: creates.successTime) || others.isRefused(since: request) {
      return .refused
    }
    return lastSuccessTime == nil ? .unproven : .proven
  }

  /// A webhook came that they signed.
  package mutating func signed(at time: Timestamp) {
    webhookCount += 1
    lastWebhookTime = max(lastWebhookTime ?? time, time)
    firstSuccessTime = min(firstSuccessTime ?? time, time)
  }

  /// The carrier did what a request with them asked for, or refused it for another reason.
  package mutating func answered(_ request: Request, at time: Timestamp) {
    requestCount += 1
    firstSuccessTime = min(firstSuccessTime ?? time, time)
    var last = Last()
    last.successTime = time
    add(last, request)
  }

  /// The carrier refused them, and not the ones that they are to replace.
  package mutating func refused(_ request: Request, at time: Timestamp) {
    refusalCount += 1
    var last = Last()
    last.refusalTime = time
    add(last, request)
  }

  private mutating func add(_ last: Last, _ request: Request) {
    switch request {
    case .create: creates.add(last)
    case .other: others.add(last)
    }
  }

  /// What somebody else saw, or the same one at another time. Counts stay at their bound.
  package mutating func add(_ other: CredentialUse) {
    webhookCount = Self.sum(webhookCount, other.webhookCount)
    requestCount = Self.sum(requestCount, other.requestCount)
    refusalCount = Self.sum(refusalCount, other.refusalCount)
    firstSuccessTime = [firstSuccessTime, other.firstSuccessTime].compactMap(\.self).min()
    lastWebhookTime = [lastWebhookTime, other.lastWebhookTime].compactMap(\.self).max()
    creates.add(other.creates)
    others.add(other.others)
  }

  /// What the contract's fields can hold.
  private static let countMax = UInt64(Int64.max)

  private static func sum(_ one: UInt64, _ other: UInt64) -> UInt64 {
    let (sum, isTooGreat) = one.addingReportingOverflow(other)
    return isTooGreat ? countMax : min(sum, countMax)
  }
}
