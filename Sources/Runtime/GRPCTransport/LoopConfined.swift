internal import EventLoops

/// An object whose state is used on one loop only, and whose methods are called from elsewhere.
protocol LoopConfined: AnyObject, Sendable {
  var loop: EventLoop { get }
}

extension LoopConfined {
  /// Runs `body` on the loop: at once if the caller is there.
  func runOnLoop(_ body: @escaping @Sendable (Self) -> Void) {
    if loop.isCurrent {
      body(self)
    } else {
      loop.execute { body(self) }
    }
  }

  /// What `body` gives on the loop.
  func onLoop<Result: Sendable>(_ body: @escaping @Sendable (Self) -> Result) async -> Result {
    if loop.isCurrent { return body(self) }
    return await withCheckedContinuation { continuation in
      loop.execute { continuation.resume(returning: body(self)) }
    }
  }
}
