/// Values that many refer to by a short number instead of their key.
///
/// A slot lives while it has a value or somebody refers to it; then another key gets it.
struct Interned<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Slot: Sendable {
    var key: Key?
    var value: Value?
    var references: UInt32 = 0
    var mark: UInt32 = 0
  }

  private var slots: [Slot] = []
  private var index: [Key: UInt32] = [:]
  private var free: [UInt32] = []

  /// Used and free.
  var slotCount: Int { slots.count }

  subscript(slot: UInt32) -> (key: Key, value: Value?)? {
    let slot = slots[Int(slot)]
    return slot.key.map { ($0, slot.value) }
  }

  subscript(key: Key) -> Value? {
    index[key].flatMap { slots[Int($0)].value }
  }

  var values: [Value] { slots.compactMap(\.value) }

  /// The key's slot, kept until `release`, whether or not it has a value yet.
  mutating func retain(_ key: Key) -> UInt32 {
    let slot = slot(of: key)
    slots[Int(slot)].references += 1
    return slot
  }

  mutating func release(_ slot: UInt32) {
    slots[Int(slot)].references -= 1
    freeIfUnused(slot)
  }

  /// Sets a value; `mark` says in which snapshot it was named.
  mutating func set(_ key: Key, _ value: Value, mark: UInt32) {
    let slot = Int(slot(of: key))
    slots[slot].value = value
    slots[slot].mark = mark
  }

  mutating func remove(_ key: Key) {
    guard let slot = index[key] else { return }
    slots[Int(slot)].value = nil
    freeIfUnused(slot)
  }

  /// Removes every value with another mark.
  mutating func sweep(keeping mark: UInt32) {
    for slot in slots.indices where slots[slot].value != nil && slots[slot].mark != mark {
      slots[slot].value = nil
      freeIfUnused(UInt32(slot))
    }
  }

  private mutating func slot(of key: Key) -> UInt32 {
    if let slot = index[key] { return slot }
    let slot: UInt32
    if let reused = free.popLast() {
      slot = reused
    } else {
      slot = UInt32(slots.count)
      slots.append(Slot())
    }
    slots[Int(slot)] = Slot(key: key)
    index[key] = slot
    return slot
  }

  private mutating func freeIfUnused(_ slot: UInt32) {
    let unused = slots[Int(slot)]
    guard unused.value == nil, unused.references == 0, let key = unused.key else { return }
    index[key] = nil
    slots[Int(slot)] = Slot()
    free.append(slot)
  }
}
