/// Shares each tick of a loop among its sockets: who reads now, and who waits for the next tick.
///
/// A peer that brings much work must not hold up those that bring little. So sockets whose last
/// read was heavy share ``heavyTimeMax`` of a tick, and all sockets ``timeMax``. Who comes when the
/// time is over waits, and in the next ticks goes before those that were served already: a round
/// ends when nobody waits. While the loop is behind with the work that was brought, one heavy
/// socket in every ``behindInterval`` ticks brings more.
///
/// A pure core. The time is asked for rarely: a tick with few small reads asks for none.
struct TickTurns {
  /// After so much time in a tick sockets that bring much work wait for the next one.
  static let heavyTimeMax = Duration.microseconds(500)
  /// After so much time all do.
  static let timeMax = Duration.milliseconds(2)
  /// While the loop is behind, heavy sockets are served in every so many ticks.
  static let behindInterval = 8
  /// Of small reads every so many look at the time.
  private static let clockInterval = 8

  /// What a socket remembers of its turns.
  struct Mark {
    fileprivate var round: UInt64 = 0
    /// Whether its last read was large or took long.
    var isHeavy = false
  }

  /// Who waits for a turn.
  private enum Waiting: Int {
    case nobody
    case heavyOnes
    case all
  }

  private let heavyNanoseconds = Self.heavyTimeMax.wholeNanoseconds
  private let allNanoseconds = Self.timeMax.wholeNanoseconds
  private var round: UInt64 = 1
  private var waitedBefore = Waiting.nobody
  private var waitsNow = Waiting.nobody
  private var turnCount = 0
  /// When the tick's reads began, roughly; 0 before somebody has looked.
  private var begun: UInt64 = 0
  private var isSpent = false
  /// Whether a heavy socket was served in this tick although the loop is behind.
  private var hasServedHeavy = false
  /// For how many ticks the loop has been behind.
  private var ticksBehind = 0
  /// How many turns were refused in this tick.
  private(set) var refusedCount = 0

  /// Whether the socket with `mark` may begin a turn now. `clock` gives nanoseconds.
  mutating func begins(_ mark: inout Mark, _ clock: () -> UInt64) -> Bool {
    let isServed = mark.round == round
    guard !(isServed && mustLetOthersPass(mark)), hasTime(mark.isHeavy, clock) else {
      refusedCount += 1
      // Who was served in this round waits for the next one, and the round does not wait for it.
      if !isServed, waitsNow != .all { waitsNow = mark.isHeavy ? .heavyOnes : .all }
      return false
    }
    mark.round = round
    return true
  }

  private func mustLetOthersPass(_ mark: Mark) -> Bool {
    switch waitedBefore {
    case .nobody: false
    case .heavyOnes: mark.isHeavy
    case .all: true
    }
  }

  private mutating func hasTime(_ isHeavy: Bool, _ clock: () -> UInt64) -> Bool {
    if isSpent { return false }
    if isHeavy, ticksBehind > 0 {
      guard ticksBehind % Self.behindInterval == 0, !hasServedHeavy else { return false }
      hasServedHeavy = true
    }
    turnCount += 1
    guard turnCount > 1, isHeavy || turnCount % Self.clockInterval == 0 else { return true }
    let now = clock()
    if begun == 0 { begun = now }
    isSpent = now - begun >= allNanoseconds
    return !isSpent && !(isHeavy && now - begun >= heavyNanoseconds)
  }

  /// What a read, the end of a connection, or a job brought took from `start` to `end`, times that
  /// were taken anyhow.
  mutating func noteWork(from start: UInt64, to end: UInt64) {
    if begun == 0 { begun = start }
    if end - begun >= allNanoseconds { isSpent = true }
  }

  /// `isBehind`: whether work is left over that the loop has to catch up with.
  mutating func tickEnded(isBehind: Bool = false) {
    ticksBehind = isBehind ? ticksBehind + 1 : 0
    hasServedHeavy = false
    if waitsNow == .nobody { round += 1 }
    waitedBefore = waitsNow
    waitsNow = .nobody
    turnCount = 0
    begun = 0
    isSpent = false
    refusedCount = 0
  }
}
