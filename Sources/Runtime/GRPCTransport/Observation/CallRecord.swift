/// What is measured of one call, in the call itself: a plain value, written where things happen.
///
/// ``ServerConnection/callStarted(_:)`` makes it and ``ServerConnection/callEnded(_:_:_:_:)`` takes
/// what it holds into the loop's counters. Between them whoever runs the call notes its messages.
struct CallRecord {
  /// Messages of one direction and their bytes as they are on the wire: compressed, without the
  /// five bytes of framing (gRFC A66).
  struct Messages {
    var count: UInt64 = 0
    var byteCount: UInt64 = 0
    /// When the last one came or went, in nanoseconds of `MonotonicTime`; 0 before the first.
    var lastAt: UInt64 = 0

    /// `time` is `EventLoop.tickNanoseconds`.
    mutating func note(_ size: Int, at time: UInt64) {
      count &+= 1
      byteCount &+= UInt64(size)
      lastAt = time
    }
  }

  /// In ``PathTable/names``.
  let method: Int
  /// Nanoseconds of `MonotonicTime`.
  let startedAt: UInt64
  /// When the first byte of the answer was handed to the session; 0 before.
  var answeredAt: UInt64 = 0
  var received = Messages()
  var sent = Messages()
}

/// A stream's handler that measures its call, for who looks into its connection.
protocol RecordedCall: AnyObject {
  /// `nil` once the call's end was told.
  var record: CallRecord? { get }
}
