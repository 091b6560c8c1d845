/// What the carrier keeps of one kind, by its identifier and in the order of its making.
struct Table<Entry: Sendable & Hashable>: Sendable, Hashable {
  private var entries: [String: Entry] = [:]
  private(set) var order: [String] = []

  var count: Int { order.count }

  /// In the order of their making.
  var all: [Entry] { order.compactMap { entries[$0] } }

  /// The last one made comes first, as lists have them.
  var newestFirst: [Entry] { order.reversed().compactMap { entries[$0] } }

  /// A new one is the last; nil takes it away.
  subscript(id: String) -> Entry? {
    get { entries[id] }
    set {
      if newValue == nil {
        order.removeAll { $0 == id }
      } else if entries[id] == nil {
        order.append(id)
      }
      entries[id] = newValue
    }
  }
}
