internal import HTTP2

/// What a connection holds of the server's ``MemoryBudget``.
extension ServerConnection {
  /// Counts `delta` bytes more, or less. Calls may be ended for it.
  func hold(_ delta: Int) {
    heldByteCount += delta
    owner.hold(delta)
  }

  /// Counts what waits to be sent: at the end of a tick, and when a large response was written.
  func noteOutput() {
    let waiting = isLost ? 0 : session.pendingByteCount + stream.pendingByteCount
    let delta = waiting - waitingByteCount
    guard delta != 0 else { return }
    waitingByteCount = waiting
    hold(delta)
  }

  /// A smaller response is counted at the end of its tick.
  static let notedOutputMin = 16 << 10

  /// Whether new calls are refused, since the server holds too much and a good part of it here.
  /// They were not looked at: clients may try again elsewhere.
  var mustRefuseCalls: Bool {
    let budget = owner.memory.budget
    return budget.isPressed && heldByteCount > budget.limit / Self.fairShare
  }

  /// A connection that holds more than this part of the limit is no bystander.
  static let fairShare = 64

  /// Ends calls, the largest first, until `count` bytes are free or none has any. Gives how many
  /// are. Clients get RESOURCE_EXHAUSTED and `sentence`.
  func shed(atLeast count: Int, _ sentence: String) -> Int {
    guard !isLost else { return 0 }
    var holders: [any ServerStreamHandler] = []
    session.forEachStream { stream in
      guard let handler = stream.handler as? any ServerStreamHandler, handler.sheddableByteCount > 0
      else { return }
      holders.append(handler)
    }
    holders.sort { $0.sheddableByteCount > $1.sheddableByteCount }
    let before = heldByteCount
    for holder in holders where before - heldByteCount < count {
      holder.shed(sentence)
      noteOutput()
    }
    return before - heldByteCount
  }
}
