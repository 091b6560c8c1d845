import Testing

@testable import EventLoops

/// Sockets that ask for turns, and a clock that stands still unless it is moved.
private struct Ticks {
  var turns = TickTurns()
  var marks: [TickTurns.Mark]
  var now: UInt64 = 1
  var looks = 0
  /// Whether what light sockets bring is noted: jobs that run at once, or the end of a connection.
  var isNoted = false

  init(heavy: Int = 0, light: Int = 0) {
    marks = (0..<(heavy + light)).map {
      var mark = TickTurns.Mark()
      mark.isHeavy = $0 < heavy
      return mark
    }
  }

  /// Those of `asking` that were served in one tick, if each takes so long.
  mutating func tick(
    _ asking: some Sequence<Int>, each duration: Duration, leavesWork: Bool = false
  ) -> [Int] {
    var served: [Int] = []
    for index in asking {
      let now = now
      var looks = 0
      let begins = turns.begins(&marks[index]) {
        looks += 1
        return now
      }
      self.looks += looks
      guard begins else { continue }
      served.append(index)
      self.now += duration.wholeNanoseconds
      if marks[index].isHeavy || isNoted { turns.noteWork(from: now, to: self.now) }
    }
    turns.tickEnded(isBehind: leavesWork)
    return served
  }
}

struct TickTurnsTests {
  @Test func heavySocketsShareALittleOfATick() {
    var ticks = Ticks(heavy: 10)
    #expect(ticks.tick(0..<10, each: .microseconds(200)) == [0, 1, 2])
  }

  /// Whoever always has something to read must not be first in each tick.
  @Test func whoWaitsGoesBeforeThoseThatWereServed() {
    var ticks = Ticks(heavy: 7)
    let served = (0..<4).map { _ in ticks.tick(0..<7, each: .microseconds(200)) }
    #expect(served == [[0, 1, 2], [3, 4, 5], [6], [0, 1, 2]])
  }

  @Test func lightSocketsPassHeavyOnes() {
    var ticks = Ticks(heavy: 6, light: 2)
    #expect(ticks.tick(0..<8, each: .microseconds(300)) == [0, 1, 6, 7])
    #expect(ticks.tick([0, 1, 6, 2, 3, 7], each: .microseconds(300)) == [6, 2, 3, 7])
  }

  @Test func crowdsOfLightSocketsWaitTooAndAreAllServed() {
    var ticks = Ticks(light: 1000)
    var served = ticks.tick(0..<1000, each: .microseconds(10))
    #expect(served.count < 300)
    while served.count < 1000 {
      let more = ticks.tick(0..<1000, each: .microseconds(10))
      #expect(!more.isEmpty && more.count < 300)
      served += more
    }
    #expect(Set(served).count == 1000 && served.count == 1000)
  }

  /// A socket that waited and is gone holds up nobody for ever.
  @Test func roundEndsWhenNobodyWaits() {
    var ticks = Ticks(heavy: 4)
    #expect(ticks.tick(0..<4, each: .microseconds(600)) == [0])
    #expect(ticks.tick([0], each: .zero).isEmpty)
    #expect(ticks.tick([0], each: .zero) == [0])
  }

  /// While the loop catches up, little new work comes, of each socket in turn.
  @Test func heavySocketsWaitWhileTheLoopIsBehind() {
    var ticks = Ticks(heavy: 2, light: 1)
    let served = (0..<25).map { _ in ticks.tick(0..<3, each: .zero, leavesWork: true) }
    #expect(served.first == [0, 1, 2] && served.filter { $0 == [2] }.count == 21)
    #expect(served[8] == [0, 2] && served[16] == [1, 2] && served[24] == [0, 2])
    _ = ticks.tick(0..<3, each: .zero)
    #expect(ticks.tick(0..<3, each: .zero) == [1, 2])
    #expect(ticks.tick(0..<3, each: .zero) == [0, 1, 2])
  }

  /// They would be asked for the time after eight turns only.
  @Test func whatLightSocketsBringTakesTheTimeOfATick() {
    var ticks = Ticks(light: 7)
    ticks.isNoted = true
    #expect(ticks.tick(0..<7, each: .milliseconds(1)) == [0, 1])
    #expect(ticks.tick(0..<7, each: .milliseconds(1)) == [2, 3])
  }

  @Test func aFewSmallReadsAskForNoTime() {
    var ticks = Ticks(light: 7)
    #expect(ticks.tick(0..<7, each: .seconds(1)).count == 7)
    #expect(ticks.looks == 0)
  }
}

struct ReadTurnTests {
  /// Reads with one turn in tick `tick`, each of which fills its room and takes `elapsed`.
  private func sizes(_ turn: inout ReadTurn, tick: UInt64, _ elapsed: Duration) -> [Int] {
    var turns = TickTurns()
    var sizes: [Int] = []
    while turn.takes(in: &turns, tick: tick, { 1 }) {
      sizes.append(turn.size)
      turn.measured(turn.size, elapsed.wholeNanoseconds)
    }
    return sizes
  }

  @Test func cheapReadsGrowAndAreCounted() {
    var turn = ReadTurn()
    #expect(sizes(&turn, tick: 1, .zero) == [8 << 10, 16 << 10, 32 << 10, 64 << 10])
    #expect(sizes(&turn, tick: 2, .zero) == [64 << 10, 64 << 10, 64 << 10, 64 << 10])
  }

  @Test func dearReadsShrinkAndEndTheTurn() {
    var turn = ReadTurn()
    for (tick, size) in [8, 4, 2, 2].enumerated() {
      #expect(sizes(&turn, tick: UInt64(tick + 1), .milliseconds(1)) == [size << 10])
    }
  }

  @Test func turnEndsWhenItsTimeIsOver() {
    var turn = ReadTurn()
    #expect(sizes(&turn, tick: 1, .microseconds(110)) == [8 << 10, 8 << 10])
  }

  @Test func whatIsNotFullIsTheLastOfItsTurn() {
    var turns = TickTurns()
    var turn = ReadTurn()
    let takes = { (turn: inout ReadTurn) in turn.takes(in: &turns, tick: 1) { 1 } }
    #expect(takes(&turn))
    turn.measured(5000, 1000)
    #expect(!takes(&turn))
    #expect(!turn.mark.isHeavy && turn.size == 8 << 10)
  }
}
