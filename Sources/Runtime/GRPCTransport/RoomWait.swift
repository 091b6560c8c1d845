/// One wait of a call's writer for room. Used on the call's loop only.
///
/// A writer elsewhere begins to wait and is cancelled from different threads, and both come to the
/// loop, in either order: a wait that was ended first never begins.
final class RoomWait: @unchecked Sendable {
  // @unchecked: used on the call's loop only.
  private var continuation: CheckedContinuation<Void, Never>?
  private var isOver = false

  /// Keeps `continuation` until ``end()``; `false`, and it is not kept, if the wait is over.
  func begin(_ continuation: CheckedContinuation<Void, Never>) -> Bool {
    guard !isOver else { return false }
    self.continuation = continuation
    return true
  }

  /// There is room, the call is over, or the writer's task is cancelled.
  func end() {
    isOver = true
    let waiting = continuation
    continuation = nil
    waiting?.resume()
  }
}
