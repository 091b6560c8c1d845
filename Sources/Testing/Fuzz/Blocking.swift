internal import Glibc
internal import Synchronization

/// Waits on libFuzzer's thread for what a task makes: there is no other place to wait in.
enum Blocking {
  static func value<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
    let result = Mutex<Value?>(nil)
    let done = Flag()
    begin {
      let value = await body()
      result.withLock { $0 = value }
      done.raise()
    }
    done.wait()
    guard let value = result.withLock({ $0 }) else { preconditionFailure("no value") }
    return value
  }

  /// Begins `body` and does not wait for it.
  static func begin(_ body: @escaping @Sendable () async -> Void) {
    _ = Task.detached { await body() }
  }
}

/// A flag that one thread waits for.
private final class Flag: Sendable {
  private let isRaised = Atomic<Bool>(false)

  func raise() { isRaised.store(true, ordering: .releasing) }

  func wait() { while !isRaised.load(ordering: .acquiring) { _ = sched_yield() } }
}
