package import Telephony

/// A change, by its sequence and its time: what a reader of the feed keeps of the last one that it
/// knows.
///
/// A database that went back to an older copy of itself and grew again has another change under
/// that sequence, of another time.
package struct FeedPoint: Sendable, Hashable {
  package var sequence: UInt64
  /// nil at 0, where there is no change, and where it is not known: then only the sequence counts.
  package var time: Timestamp?

  package init(sequence: UInt64, time: Timestamp?) {
    self.sequence = sequence
    self.time = time
  }
}

/// What a page says of the feed as a whole, as it was when the page was read.
package struct FeedStand: Sendable, Hashable {
  /// Names the store's history, made with the store: sequences of different epochs don't compare.
  package var epoch: String
  /// The last change of all. Its event is kept, so that its time is known.
  package var latest: FeedPoint
  /// What a reader needs up to this sequence may be forgotten.
  package var prunedThrough: UInt64
  /// The time of the change after which the page was asked for; nil when there is none, or it is
  /// forgotten.
  package var askedTime: Timestamp?

  package init(
    epoch: String, latest: FeedPoint, prunedThrough: UInt64, askedTime: Timestamp?
  ) {
    self.epoch = epoch
    self.latest = latest
    self.prunedThrough = prunedThrough
    self.askedTime = askedTime
  }

  /// Whether `point`, after which the page was asked for, is of this history as far as can be told.
  package func agrees(with point: FeedPoint, of epoch: String) -> Bool {
    guard epoch == self.epoch, point.sequence <= latest.sequence else { return false }
    guard let known = point.time, let askedTime else { return true }
    return known == askedTime
  }

  /// Whether the history goes on from `point`, after which the page was asked for, with nothing
  /// missing: neither forgotten, nor lost because the database went back.
  package func continues(_ point: FeedPoint, of epoch: String) -> Bool {
    agrees(with: point, of: epoch) && point.sequence >= prunedThrough
      && (point.time == nil || askedTime != nil)
  }
}
