internal import Synchronization

/// How much a server may hold for clients that have not sent all, or not taken all: bytes of
/// unfinished requests, of large ones that are handled, of large metadata, and of responses that
/// wait, of all connections together. Callable from any executor: the loops share it.
///
/// The bounds of one connection, times the connections that one address may have, are 64 GiB. Loops
/// count on their own and tell the sum in steps, so nothing is counted for a call whose request
/// comes in one piece and whose response goes with its tick. Over the limit the largest holders are
/// ended first: see ``ServerLoop/relieve()``.
final class MemoryBudget: Sendable {
  /// The limit without a setting, where the cgroup allows four times as much or has no limit.
  static let automaticMax = 512 << 20
  /// The limit is this part of what the cgroup allows, without a setting.
  static let automaticShare = 4
  /// By how many bytes a loop's count may differ from what it told, at most.
  static let stepMax = 64 << 10

  let limit: Int
  /// By how much a loop's count changes before the loop tells.
  let step: Int
  private let told = Atomic(0)
  private let pressed = Atomic(false)
  private let members = Mutex<[@Sendable () -> Void]>([])

  init(limit: Int, loopCount: Int) {
    self.limit = limit
    step = max(1, min(Self.stepMax, limit / (16 * max(loopCount, 1))))
  }

  /// The limit that `configured` stands for in a cgroup that allows `memoryMax` bytes.
  static func limit(configured: Int?, memoryMax: Int?) -> Int {
    configured ?? min(automaticMax, max(1 << 20, (memoryMax ?? .max) / automaticShare))
  }

  /// What all loops have told that they hold.
  var total: Int { told.load(ordering: .relaxed) }

  /// Whether the limit was passed, and a quarter of it is not free again.
  var isPressed: Bool { pressed.load(ordering: .relaxed) }

  /// A loop holds so much more, or less.
  func changed(by delta: Int) {
    let total = told.add(delta, ordering: .relaxed).newValue
    if total > limit {
      pressed.store(true, ordering: .relaxed)
    } else if total < limit / 4 * 3 {
      pressed.store(false, ordering: .relaxed)
    }
  }

  /// How much is to be freed of the `held` bytes of a loop, when `total` is held by all: its part
  /// of what is over seven eighths, so that not every byte after the limit asks again.
  func excess(held: Int, total: Int) -> Int {
    guard total > limit, held > 0 else { return 0 }
    let over = Double(total - (limit - limit / 8))
    return Int((over * Double(held) / Double(total)).rounded(.up))
  }

  /// Has `relieve` called when the loops are asked.
  func register(_ relieve: @escaping @Sendable () -> Void) {
    members.withLock { $0.append(relieve) }
  }

  /// Asks every loop to free its part.
  func askAll() {
    for relieve in members.withLock({ $0 }) { relieve() }
  }
}

/// One loop's count of what it holds. Used on that loop only.
struct LoopMemory {
  let budget: MemoryBudget
  private(set) var held = 0
  private var told = 0

  init(_ budget: MemoryBudget) { self.budget = budget }

  mutating func changed(by delta: Int) {
    held += delta
    let untold = held - told
    guard abs(untold) >= budget.step || (held == 0 && untold != 0) else { return }
    told = held
    budget.changed(by: untold)
  }

  /// What all loops hold, as far as they have told.
  var total: Int { budget.total + held - told }

  var isOver: Bool { total > budget.limit }

  /// Whether so much more than the limit is held that whoever wants more has to end itself: others
  /// were asked, and have not answered yet.
  var isFarOver: Bool { total > budget.limit + budget.limit / 8 }

  /// How much this loop is to free; 0 within the limit.
  var excess: Int { budget.excess(held: held, total: total) }

  /// What a client is told whose call is ended, and an operator.
  var sentence: String {
    "The server holds \(budget.limit >> 10) KiB of unfinished requests and unsent responses, its"
      + " limit (max-buffered-bytes). Try again later."
  }
}
