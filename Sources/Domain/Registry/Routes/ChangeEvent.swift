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

/// A part of the events.
package struct EventPage: Sendable, Hashable {
  /// By rising sequence; each change once.
  package var events: [ChangeEvent]
  /// The last sequence that any change had when the page was read.
  package var latest: UInt64
  /// Events up to this sequence are forgotten: a reader that stands before it has missed some and
  /// begins anew with a snapshot.
  package var prunedThrough: UInt64
  /// Names the store's history: sequences of different epochs don't compare.
  package var epoch: String

  package init(events: [ChangeEvent], latest: UInt64, prunedThrough: UInt64, epoch: String) {
    self.events = events
    self.latest = latest
    self.prunedThrough = prunedThrough
    self.epoch = epoch
  }
}
