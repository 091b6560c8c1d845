/// What waits for one server of many owners: it takes one element of each owner in turn.
///
/// An owner with much in the queue delays its own, and others by one element each at most.
struct TurnQueue<Element> {
  private var waiting: [String: ArraySlice<Element>] = [:]
  /// The owners of what waits, each once, from ``head`` on.
  private var owners: [String] = []
  private var head = 0

  var isEmpty: Bool { head == owners.count }

  mutating func append(_ element: Element, of owner: String) {
    if waiting[owner] == nil { owners.append(owner) }
    waiting[owner, default: []].append(element)
  }

  mutating func popFirst() -> Element? {
    guard head < owners.count else { return nil }
    let owner = owners[head]
    head += 1
    // Owners move once for each one that was taken.
    if head > owners.count / 2 {
      owners.removeFirst(head)
      head = 0
    }
    // Taken out of the dictionary, so that it is not copied.
    guard var elements = waiting.removeValue(forKey: owner), let first = elements.popFirst() else {
      preconditionFailure("an owner without an element is in the queue")
    }
    if !elements.isEmpty {
      waiting[owner] = elements
      owners.append(owner)
    }
    return first
  }
}
