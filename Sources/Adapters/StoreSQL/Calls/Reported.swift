internal import Synchronization

/// What was told of once, so that it is not told each time that it is met. Callable from any
/// executor.
final class Reported: Sendable {
  /// Things that are remembered; more are told of each time.
  private static let countMax = 1000

  private let names = Mutex<Set<String>>([])

  /// Whether it is met for the first time.
  func isNew(_ name: String) -> Bool {
    names.withLock { names in
      guard names.count < Self.countMax else { return !names.contains(name) }
      return names.insert(name).inserted
    }
  }
}
