internal import EventLoops
internal import Telemetry

/// What happens when the server holds as much as ``MemoryBudget`` lets it.
extension ServerLoop {
  /// Counts `delta` bytes more, or less; frees others when that is too much. What the caller works
  /// on may be ended then, too.
  func hold(_ delta: Int) {
    memory.changed(by: delta)
    guard delta > 0, memory.isOver else { return }
    relieve()
    // What other loops hold they free themselves, soon.
    if memory.isOver { memory.budget.askAll() }
  }

  /// Ends calls until this loop's part of what is too much is free: of the connection that holds
  /// the most its largest first, and so on. Requests that are handled are left alone, and so is
  /// whatever holds little: health checks go on.
  func relieve() {
    var excess = memory.excess
    guard excess > 0, !isRelieving, now >= nextRelief else { return }
    isRelieving = true
    defer { isRelieving = false }
    let holders = connections.values.filter { $0.heldByteCount > 0 }
      .sorted { $0.heldByteCount > $1.heldByteCount }
    let before = shedCount
    for connection in holders where excess > 0 {
      excess -= connection.shed(atLeast: excess, memory.sentence)
    }
    // Nothing more was to be had: what is held is handled. Each byte would look again.
    if excess > 0 { nextRelief = now + Self.fruitlessReliefPause }
    logShedding(of: shedCount - before)
  }

  /// How long it is not looked again for calls to end when there were too few.
  private static let fruitlessReliefPause = Duration.milliseconds(10)

  /// How many calls were ended or refused for want of memory.
  private var shedCount: UInt64 { observer.memory.shedCount }

  private func logShedding(of count: UInt64) {
    guard count > 0, let suppressed = shedLines.take(now: loop.tickNanoseconds) else { return }
    logger.warning(
      "calls ended since clients let too much wait",
      [
        "count": .integer(Int64(count)), "limit": .integer(Int64(memory.budget.limit)),
        "remedy": "a higher max-buffered-bytes, if clients are to be trusted with so much",
        "suppressed": .integer(suppressed),
      ])
  }
}
