package import Telephony

/// One start of a registry, among several that share a store.
package enum RegistryProcessKind: ResourceKind { package static let prefix = "reg_" }
package typealias RegistryProcessID = HexIdentifier<RegistryProcessKind>

// The lease of a journal entry, where several registries share a store.
//
// No clock is compared with another's, neither between registries nor with the database's: a wall
// clock may step, and the engines that DESIGN names don't share a notion of now. Instead
//
// - who has an entry writes to it at least every `leaseRenewalInterval`, each time with a new
//   revision, and does nothing more at the carrier when the last write that it knows to be stored
//   was begun `leasePeriod` ago by its own steady clock;
// - another takes the entry when it has itself seen one revision for `leaseTakeOverDelay` by its
//   own steady clock, and takes it by replacing exactly that revision.
//
// So at most one works on an entry as long as two clocks run at nearly the same rate. If one does
// not, or a process is stopped between its look at the clock and its request, two may write the
// same settings to the carrier, and still only the one whose revision stands stores a result.

/// How long a registry may go on with an entry that it has. Pure; times are `TimeSource.uptime`.
package struct LeaseHold: Sendable, Hashable {
  package enum Advice: Sendable, Hashable {
    /// Nothing is to be done for so long.
    case rest(Duration)
    /// Write to the entry and tell `written`; the work may go on meanwhile.
    case renew
    /// Another may have the entry by now: nothing more is done at the carrier.
    case stop
  }

  private var begun: Duration

  /// - Parameter begun: the time before the write that took the entry.
  package init(writeBegun begun: Duration) {
    self.begun = begun
  }

  /// A write to the entry was stored.
  package mutating func written(begun: Duration) {
    self.begun = max(self.begun, begun)
  }

  package func advice(at now: Duration) -> Advice {
    let age = now - begun
    if age >= RegistryLimits.leasePeriod { return .stop }
    if age >= RegistryLimits.leaseRenewalInterval { return .renew }
    return .rest(RegistryLimits.leaseRenewalInterval - age)
  }

  /// The time after which it is `stop`, unless a write comes before.
  package var end: Duration { begun + RegistryLimits.leasePeriod }
}

/// When another's entry may be taken. Pure; times are `TimeSource.uptime`.
package struct LeaseWatch: Sendable {
  package enum Verdict: Sendable, Hashable {
    /// It may be taken by replacing the revision that was seen.
    case free
    /// Not before so long, and only if it is the same then.
    case wait(Duration)
  }

  private struct Sight: Sendable {
    var revision: UInt64
    var since: Duration
  }

  private var sights: [OperationID: Sight] = [:]

  package init() {}

  /// An open entry was read, and the answer was there at `now`.
  ///
  /// - Parameter own: this process; nil when the store is its alone, so that whoever had the entry
  ///   is no more.
  package mutating func saw(
    _ journal: ProvisioningJournal, by own: RegistryProcessID?, at now: Duration
  ) -> Verdict {
    guard let own, let owner = journal.owner, owner != own else {
      sights[journal.id] = nil
      return .free
    }
    guard let sight = sights[journal.id], sight.revision == journal.revision else {
      sights[journal.id] = Sight(revision: journal.revision, since: now)
      return .wait(RegistryLimits.leaseTakeOverDelay)
    }
    let rest = RegistryLimits.leaseTakeOverDelay - (now - sight.since)
    return rest > .zero ? .wait(rest) : .free
  }

  /// Forgets what was seen of all entries but these.
  package mutating func keep(_ ids: Set<OperationID>) {
    sights = sights.filter { ids.contains($0.key) }
  }
}
