internal import Telephony

/// What will happen by itself.
enum AgendaEvent: Sendable, Hashable {
  case callLeavesQueue(String)
  case queueTimeOver(String)
  case callRings(String)
  case farEndActs(String)
  case ringTimeOver(String)
  case farEndHangsUp(String)
  case callerGivesUp(String)
  case timeLimitReached(String)
  case verbEnds(String, generation: Int)
  case dialledPartyActs(String, generation: Int)
  case priceKnown(String)
  case sipCallRings(String)
  case sipFarEndActs(String)
  case sipFarEndHangsUp(String)
  case requestDue(RequestID, SimulatorRequest, Door)
  case answerDue(RequestID, SimulatorAnswer)
  case dropDue(RequestID)
}

/// Events in the order of their times; those of one time in the order of their making.
struct Agenda: Sendable, Hashable {
  private struct Entry: Sendable, Hashable {
    var due: Timestamp
    var event: AgendaEvent
  }

  /// The earliest is last.
  private var entries: [Entry] = []

  var count: Int { entries.count }
  var nextDue: Timestamp? { entries.last?.due }

  mutating func add(_ event: AgendaEvent, due: Timestamp) {
    precondition(entries.count < SimulatorLimits.agendaCountMax, "the agenda is full")
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].due > due { low = middle + 1 } else { high = middle }
    }
    entries.insert(Entry(due: due, event: event), at: low)
  }

  /// Whoever asked learns nothing, or something else.
  mutating func forgetAnswer(to id: RequestID) {
    entries.removeAll { entry in
      if case .answerDue(id, _) = entry.event { true } else { false }
    }
  }

  /// The next event that is due, with its time.
  mutating func takeDue(at now: Timestamp) -> (event: AgendaEvent, due: Timestamp)? {
    guard let last = entries.last, last.due <= now else { return nil }
    entries.removeLast()
    return (last.event, last.due)
  }
}
