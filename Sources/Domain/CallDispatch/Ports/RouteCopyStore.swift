/// Why the copy of the routes could not be read or written. Dispatch goes on from memory.
package enum RouteCopyError: Error, Sendable, Hashable {
  /// The disk is full or broken, or the file is. For logs: `cause` holds no value of a row.
  case unavailable(cause: String)
}

/// What a row of the copy is about. The raw value is stored.
package enum RouteCopyKind: String, Sendable, Hashable, CaseIterable {
  case number
  case provider
  case agent
  case token
  /// Credentials that the registry lent. They are no route: a snapshot leaves them alone.
  case lease
}

/// The name of a row: ids are no secret, all else is sealed.
package struct RouteCopyKey: Sendable, Hashable {
  package let kind: RouteCopyKind
  /// The resource's id; unique within its kind.
  package let id: String

  package init(_ kind: RouteCopyKind, _ id: String) {
    self.kind = kind
    self.id = id
  }
}

/// A row: what it is about, and bytes that only a holder of the keyring can read.
package struct RouteCopyRow: Sendable, Hashable {
  package let key: RouteCopyKey
  package let sealed: [UInt8]

  package init(_ key: RouteCopyKey, sealed: [UInt8]) {
    self.key = key
    self.sealed = sealed
  }
}

/// One step of the copy. Applied whole or not at all.
package enum RouteCopyChange: Sendable, Hashable {
  /// What is put from now on belongs to a snapshot; what was there stays until its end.
  case snapshotBegan
  case put([RouteCopyRow])
  /// Every route that the snapshot did not put is gone. Leases stay.
  case snapshotEnded(place: RoutePlace)
  /// One change of the feed.
  case changed(put: RouteCopyRow?, removed: [RouteCopyKey], place: RoutePlace)
  /// A row that is no step of the feed.
  case kept(RouteCopyRow)
  /// Rows under another key, and no step of the feed. One that is no longer as it was read stays.
  case resealed([RouteCopyReseal])
}

/// A row as it was read, and the same under another key.
package struct RouteCopyReseal: Sendable, Hashable {
  package let row: RouteCopyRow
  package let sealed: [UInt8]

  package init(_ row: RouteCopyRow, sealed: [UInt8]) {
    self.row = row
    self.sealed = sealed
  }
}

/// The dispatch's own copy of the routes on its disk (MODEL, section 5), as a port.
///
/// It may lag behind memory by what was not yet written, never the other way round: the place that
/// it names is written together with what leads there. After kill -9 it holds every step up to some
/// step; after a loss of power perhaps an earlier one. Callable from any executor.
package protocol RouteCopyStore: Sendable {
  /// Up to which step of the feed the rows are whole; nil before the first whole snapshot. Rows may
  /// be newer than that, since an interrupted snapshot leaves what it put.
  func place() async throws(RouteCopyError) -> RoutePlace?

  /// At most `limit` rows after `key`, in an order of the store's own. Kinds that this version does
  /// not know are left out.
  func rows(
    after key: RouteCopyKey?, limit: Int
  ) async throws(RouteCopyError) -> [RouteCopyRow]

  func apply(_ change: RouteCopyChange) async throws(RouteCopyError)
}
