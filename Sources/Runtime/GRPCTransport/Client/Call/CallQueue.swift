/// The calls of a channel that wait for a connection with room, in the order of their arrival.
/// Adding and removing cost the same however many wait.
struct CallQueue {
  private(set) var first: ClientCall?
  private weak var last: ClientCall?
  private(set) var count = 0

  var isEmpty: Bool { first == nil }

  mutating func append(_ call: ClientCall) {
    precondition(!call.isQueued, "a call waits once")
    call.isQueued = true
    call.previousInQueue = last
    call.nextInQueue = nil
    if let last { last.nextInQueue = call } else { first = call }
    last = call
    count += 1
  }

  /// Puts a call back that was the first one.
  mutating func prepend(_ call: ClientCall) {
    precondition(!call.isQueued, "a call waits once")
    call.isQueued = true
    call.previousInQueue = nil
    call.nextInQueue = first
    if let first { first.previousInQueue = call } else { last = call }
    first = call
    count += 1
  }

  /// Takes `call` out wherever it stands. One that doesn't wait is no mistake.
  mutating func remove(_ call: ClientCall) {
    guard call.isQueued else { return }
    call.isQueued = false
    if let previous = call.previousInQueue {
      previous.nextInQueue = call.nextInQueue
    } else {
      first = call.nextInQueue
    }
    if let next = call.nextInQueue {
      next.previousInQueue = call.previousInQueue
    } else {
      last = call.previousInQueue
    }
    call.nextInQueue = nil
    call.previousInQueue = nil
    count -= 1
  }

  /// Takes out, in their order, the calls that `isWanted` names.
  mutating func removeAll(where isWanted: (ClientCall) -> Bool) -> [ClientCall] {
    var found: [ClientCall] = []
    var next = first
    while let call = next {
      next = call.nextInQueue
      if isWanted(call) {
        remove(call)
        found.append(call)
      }
    }
    return found
  }
}
