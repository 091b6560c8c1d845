internal import Synchronization

/// A queue between one sender and one receiver, with a bound and an end. Callable from any
/// executor.
///
/// It holds parts of a call between a transport and a handler. Each element has a cost; the sender
/// suspends while the cost of what waits is at or above the bound.
package final class Pipe<Element: Sendable>: Sendable {
  /// What a receiver gets.
  package enum Next: Sendable {
    case element(Element)
    /// No element comes any more.
    case end
    /// The receiver's task was cancelled; the pipe goes on.
    case cancelled
  }

  private struct State {
    var elements: [(element: Element?, cost: Int)] = []
    /// How many of `elements` are taken already.
    var head = 0
    var cost = 0
    var isEnded = false
    var receiver: CheckedContinuation<Next, Never>?
    var sender: CheckedContinuation<Bool, Never>?

    mutating func take() -> Element? {
      guard head < elements.count else { return nil }
      let (element, cost) = elements[head]
      // A message does not wait for the others to be freed.
      elements[head].element = nil
      head += 1
      self.cost -= cost
      if head == elements.count {
        elements.removeAll(keepingCapacity: head <= 64)
        head = 0
      } else if head >= 64, head > elements.count / 2 {
        // Each element moves once for every one that was taken: peers may queue many small ones.
        elements.removeFirst(head)
        head = 0
      }
      return element
    }

    mutating func takeReceiver() -> CheckedContinuation<Next, Never>? {
      defer { receiver = nil }
      return receiver
    }

    mutating func takeSender() -> CheckedContinuation<Bool, Never>? {
      defer { sender = nil }
      return sender
    }
  }

  private let state = Mutex(State())
  private let costMax: Int

  /// Makes an empty pipe whose sender suspends at `costMax`.
  package init(costMax: Int) { self.costMax = costMax }

  /// Adds an element without waiting; something else bounds it, as a flow-control window does.
  /// After the end it is dropped.
  package func push(_ element: Element, cost: Int) {
    let receiver = state.withLock { state -> CheckedContinuation<Next, Never>? in
      guard !state.isEnded else { return nil }
      if let receiver = state.takeReceiver() { return receiver }
      state.elements.append((element, cost))
      state.cost += cost
      return nil
    }
    receiver?.resume(returning: .element(element))
  }

  /// Adds an element, then waits for room for the next one. `false` when the pipe has ended or the
  /// task is cancelled.
  package func send(_ element: Element, cost: Int) async -> Bool {
    push(element, cost: cost)
    if let ready = state.withLock({ readiness($0) }) { return ready && !Task.isCancelled }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let ready = state.withLock { state -> Bool? in
          if Task.isCancelled { return false }
          if let ready = readiness(state) { return ready }
          precondition(state.sender == nil, "a pipe has one sender at a time")
          state.sender = continuation
          return nil
        }
        if let ready { continuation.resume(returning: ready) }
      }
    } onCancel: {
      state.withLock { $0.takeSender() }?.resume(returning: false)
    }
  }

  private func readiness(_ state: borrowing State) -> Bool? {
    if state.isEnded { return false }
    return state.cost < costMax ? true : nil
  }

  /// The next element. What was sent before the end comes before it.
  package func receive() async -> Next {
    if let next = takeNext() { return next }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let next = state.withLock { state -> Next? in
          if let element = state.take() { return .element(element) }
          if state.isEnded { return .end }
          if Task.isCancelled { return .cancelled }
          precondition(state.receiver == nil, "a pipe has one receiver at a time")
          state.receiver = continuation
          return nil
        }
        if let next { continuation.resume(returning: next) }
      }
    } onCancel: {
      state.withLock { $0.takeReceiver() }?.resume(returning: .cancelled)
    }
  }

  /// The cost of what waits.
  package var waitingCost: Int { state.withLock { $0.cost } }

  private func takeNext() -> Next? {
    let (next, sender) = state.withLock { state -> (Next?, CheckedContinuation<Bool, Never>?) in
      guard let element = state.take() else { return (state.isEnded ? .end : nil, nil) }
      return (.element(element), state.cost < costMax ? state.takeSender() : nil)
    }
    sender?.resume(returning: true)
    return next
  }

  /// No more elements come; those that wait can still be taken. The first end stays.
  package func end() { end(last: nil, isDroppingWaiting: false) }

  /// Drops what waits and ends with `last`. Nothing happens if the pipe has ended already.
  package func abort(last: Element?) { end(last: last, isDroppingWaiting: true) }

  private func end(last: Element?, isDroppingWaiting: Bool) {
    let (receiver, sender) = state.withLock {
      state -> (CheckedContinuation<Next, Never>?, CheckedContinuation<Bool, Never>?) in
      guard !state.isEnded else { return (nil, nil) }
      state.isEnded = true
      if isDroppingWaiting {
        state.elements.removeAll()
        state.head = 0
        state.cost = 0
      }
      let receiver = state.takeReceiver()
      if let last, receiver == nil { state.elements.append((last, 0)) }
      return (receiver, state.takeSender())
    }
    receiver?.resume(returning: last.map { .element($0) } ?? .end)
    sender?.resume(returning: false)
  }
}
