package import Telephony

/// One change of a tenant's resource, as watchers get it.
package struct ChangeEvent: Sendable, Hashable {
  /// What changed; the raw value is stored.
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    case provider, number, agent, token
  }

  package enum Change: String, Sendable, Hashable, CaseIterable {
    case created, updated, deleted
  }

  /// One more with each change in the deployment, in the order of commits, without gaps.
  package var sequence: UInt64
  package var tenant: TenantID
  package var kind: Kind
  /// The id's text.
  package var resourceID: String
  /// The resource's version after the change; of a deletion, the last it had. A watcher that has
  /// seen a version of the same life of a resource knows a repeat by it.
  package var version: Version
  package var change: Change
  package var time: Timestamp
  /// The number as the change left it; nil for other kinds, which may hold secrets, and for
  /// deletions.
  package var number: PhoneNumber?

  package init(
    sequence: UInt64, tenant: TenantID, kind: Kind, resourceID: String, version: Version,
    change: Change, time: Timestamp, number: PhoneNumber? = nil
  ) {
    self.sequence = sequence
    self.tenant = tenant
    self.kind = kind
    self.resourceID = resourceID
    self.version = version
    self.change = change
    self.time = time
    self.number = number
  }
}

extension ChangeEvent {
  package var point: FeedPoint { FeedPoint(sequence: sequence, time: time) }
}

/// A part of the events.
package struct EventPage: Sendable, Hashable {
  /// By rising sequence; each change once.
  package var events: [ChangeEvent]
  /// A reader that stands before `prunedThrough` has missed events and begins anew with a snapshot.
  package var feed: FeedStand

  package init(events: [ChangeEvent], feed: FeedStand) {
    self.events = events
    self.feed = feed
  }

  /// Up to where a reader of this page has read, when it asked for `limit` events at most.
  package func end(limit: Int) -> FeedPoint {
    events.count < limit ? feed.latest : events.last?.point ?? feed.latest
  }
}
