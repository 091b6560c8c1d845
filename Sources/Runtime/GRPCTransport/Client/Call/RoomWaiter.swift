/// One wait of a call's writer for room. Use it on the call's loop.
///
/// The wait and its cancellation come to the loop from different threads, in either order: it
/// remembers a cancellation that came first.
final class RoomWaiter: @unchecked Sendable {
  // @unchecked: used on the call's loop only.
  private var continuation: CheckedContinuation<Void, Never>?
  private var isOver = false

  /// The writer waits, unless the wait is over already.
  func wait(_ continuation: CheckedContinuation<Void, Never>) {
    if isOver { continuation.resume() } else { self.continuation = continuation }
  }

  /// There is room, the call is over, or the writer's task is cancelled.
  func end() {
    isOver = true
    continuation?.resume()
    continuation = nil
  }
}
