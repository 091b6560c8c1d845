/// What became of credentials at the carrier while live traffic used them.
///
/// Sums of several observers, in any order, give the same: ``add(_:)`` adds counts and keeps the
/// first and the last time.
package struct CredentialUse: Sendable, Hashable, Codable {
  /// What they are worth, as far as is known.
  package enum State: Sendable, Hashable {
    /// Nothing has used them yet.
    case unproven
    /// They served, and were not refused since.
    case proven
    /// They were refused, and did not serve since.
    case refused
  }

  /// Webhooks that were signed with them.
  package var webhookCount: UInt64 = 0
  /// Requests that the carrier answered.
  package var requestCount: UInt64 = 0
  /// Requests that the carrier refused because of them.
  package var refusalCount: UInt64 = 0
  package var firstSuccessTime: Timestamp?
  package var lastSuccessTime: Timestamp?
  package var lastRefusalTime: Timestamp?

  /// Nothing yet.
  package init() {}

  package var state: State {
    switch (lastSuccessTime, lastRefusalTime) {
    case (nil, nil): .unproven
    case (_, nil): .proven
    case (nil, _): .refused
    case (let success?, let refusal?): success > refusal ? .proven : .refused
    }
  }

  /// A webhook came that they signed.
  package mutating func signed(at time: Timestamp) {
    webhookCount += 1
    succeeded(time)
  }

  /// The carrier did what a request with them asked for, or refused it for another reason.
  package mutating func answered(at time: Timestamp) {
    requestCount += 1
    succeeded(time)
  }

  /// The carrier refused them.
  package mutating func refused(at time: Timestamp) {
    refusalCount += 1
    lastRefusalTime = max(lastRefusalTime ?? time, time)
  }

  private mutating func succeeded(_ time: Timestamp) {
    firstSuccessTime = min(firstSuccessTime ?? time, time)
    lastSuccessTime = max(lastSuccessTime ?? time, time)
  }

  /// What somebody else saw, or the same one at another time. Counts stay at their bound.
  package mutating func add(_ other: CredentialUse) {
    webhookCount = Self.sum(webhookCount, other.webhookCount)
    requestCount = Self.sum(requestCount, other.requestCount)
    refusalCount = Self.sum(refusalCount, other.refusalCount)
    for time in [other.firstSuccessTime, other.lastSuccessTime].compactMap(\.self) {
      succeeded(time)
    }
    if let time = other.lastRefusalTime { lastRefusalTime = max(lastRefusalTime ?? time, time) }
  }

  /// What the contract's fields can hold.
  private static let countMax = UInt64(Int64.max)

  private static func sum(_ one: UInt64, _ other: UInt64) -> UInt64 {
    let (sum, isTooGreat) = one.addingReportingOverflow(other)
    return isTooGreat ? countMax : min(sum, countMax)
  }
}
