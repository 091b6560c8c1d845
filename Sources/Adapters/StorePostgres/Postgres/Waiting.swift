/// A queue: in at the back, out at the front.
struct Waiting<Element> {
  /// Those that are gone are nil, so that nothing of them is kept.
  private var elements: [Element?] = []
  /// How many at the front are gone.
  private var head = 0

  var count: Int { elements.count - head }
  var isEmpty: Bool { head == elements.count }
  var first: Element? { head < elements.count ? elements[head] : nil }

  var last: Element? { head < elements.count ? elements[elements.count - 1] : nil }

  mutating func append(_ element: Element) { elements.append(element) }

  /// Takes out the first; nil when it is empty.
  @discardableResult
  mutating func removeFirst() -> Element? {
    guard head < elements.count else { return nil }
    let element = elements[head]
    elements[head] = nil
    head += 1
    if head == elements.count {
      elements.removeAll(keepingCapacity: elements.capacity <= Self.keptMax)
      head = 0
    } else if head >= Self.keptMax, head * 2 >= elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }

  /// Takes out the first that fits; nil when none does.
  mutating func remove(where fits: (Element) -> Bool) -> Element? {
    let index = elements[head...].firstIndex { element in element.map(fits) ?? false }
    guard let index else { return nil }
    return index == head ? removeFirst() : elements.remove(at: index)
  }

  /// Takes out all, from the front.
  mutating func removeAll() -> [Element] {
    defer {
      elements.removeAll()
      head = 0
    }
    return elements[head...].compactMap { $0 }
  }

  /// Places that are kept for the next elements.
  private static var keptMax: Int { 256 }
}
