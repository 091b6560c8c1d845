internal import CUV

/// How much a socket reads at once, and when.
///
/// What a peer's bytes cost is known only when they were handled. So a socket begins with small
/// reads; they grow while they cost little and shrink when they cost much. What is not read stays
/// in the kernel, and the peer waits.
struct ReadTurn {
  /// The first read, of which nothing is known, has so much room.
  static let sizeFirst = 8 << 10
  /// Reads shrink to so much.
  static let sizeMin = 2 << 10
  /// And grow to so much: the loop's buffer.
  static let sizeMax = 64 << 10
  /// Work of one turn; a read that takes longer is the last one, and the next one is half as large.
  static let timeMax = Duration.microseconds(200)
  /// Reads of one turn: 256 KiB, then others have theirs.
  static let readsMax = 4
  /// Reads of fewer bytes, with room left, are not measured.
  static let measuredSizeMin = 1 << 10

  /// How much room the next read has.
  private(set) var size = Self.sizeFirst
  /// The tick of the last turn.
  private var tick: UInt64 = 0
  private var readCount = 0
  private var nanoseconds: UInt64 = 0
  private var goesOn = false
  var mark = TickTurns.Mark()

  private static let turnNanoseconds = Self.timeMax.wholeNanoseconds

  /// Whether the socket may read now. libuv asks again while reads fill their room.
  mutating func takes(in turns: inout TickTurns, tick: UInt64, _ clock: () -> UInt64) -> Bool {
    if tick == self.tick { return goesOn }
    guard turns.begins(&mark, clock) else { return false }
    self.tick = tick
    readCount = 0
    nanoseconds = 0
    goesOn = true
    return true
  }

  /// A read brought `count` bytes, which took `elapsed` nanoseconds to handle.
  mutating func measured(_ count: Int, _ elapsed: UInt64) {
    let isFull = count == size
    readCount += 1
    nanoseconds += elapsed
    let isLong = elapsed > Self.turnNanoseconds
    mark.isHeavy = isFull || elapsed > Self.turnNanoseconds / 4
    goesOn = isFull && readCount < Self.readsMax && nanoseconds < Self.turnNanoseconds
    if isLong {
      size = max(min(size, count) / 2, Self.sizeMin)
    } else if isFull, elapsed < Self.turnNanoseconds / 4 {
      size = min(size * 2, Self.sizeMax)
    }
  }
}

extension StreamSocket {
  /// Room for one read; `nil` when it is not the socket's turn.
  func lendRoom() -> UnsafeMutableRawBufferPointer? {
    guard turn.takes(in: &loop.turns, tick: loop.tickNumber, uv_hrtime) else {
      // libuv asks all again at once while it finds as many as it has room for.
      if loop.turns.refusedCount > Self.refusedMax { rest() }
      return nil
    }
    return unsafe UnsafeMutableRawBufferPointer(rebasing: loop.readBuffer[..<turn.size])
  }

  /// So many sockets are refused in a tick before further ones are taken out of the poll.
  private static let refusedMax = 512

  /// Hands on `bytes`, and learns what they cost.
  func hand(_ bytes: RawSpan, to delegate: any StreamSocketDelegate) {
    if bytes.byteCount < ReadTurn.measuredSizeMin, bytes.byteCount < turn.size {
      turn.mark.isHeavy = false
      delegate.socketReceived(bytes)
      return
    }
    let start = uv_hrtime()
    delegate.socketReceived(bytes)
    let end = uv_hrtime()
    loop.turns.noteWork(from: start, to: end)
    turn.measured(bytes.byteCount, end - start)
  }

  /// Tells `delegate` of the end. A connection with many calls takes long to close, and many may
  /// end in one tick.
  func handEnd(_ error: EventLoopError?, to delegate: any StreamSocketDelegate) {
    let start = uv_hrtime()
    delegate.socketEnded(error)
    loop.turns.noteWork(from: start, to: uv_hrtime())
  }
}
