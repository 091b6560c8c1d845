internal import Synchronization

/// Names a server, a channel or a socket of this process: unique over all of them, from 1 on, and
/// never used again (gRFC A14).
package struct EntityID: Hashable, Comparable, Sendable {
  package let rawValue: Int64

  package init(rawValue: Int64) { self.rawValue = rawValue }

  private static let last = Atomic<Int64>(0)

  /// An id that nobody has. Callable from any executor.
  package static func next() -> EntityID {
    EntityID(rawValue: last.wrappingAdd(1, ordering: .relaxed).newValue)
  }

  package static func < (left: EntityID, right: EntityID) -> Bool {
    left.rawValue < right.rawValue
  }
}
