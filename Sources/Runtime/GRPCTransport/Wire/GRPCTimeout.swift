internal import Buffers

/// The value of `grpc-timeout`: up to eight digits and a unit (PROTOCOL-HTTP2, Timeout).
enum GRPCTimeout {
  /// `nil` if it is malformed.
  static func decode(_ value: RawSpan) -> Duration? {
    let digitCount = value.byteCount - 1
    guard (1...8).contains(digitCount) else { return nil }
    var number: Int64 = 0
    for offset in 0..<digitCount {
      let digit = value.byte(at: offset)
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      number = number * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    switch value.byte(at: digitCount) {
    case UInt8(ascii: "H"): return .seconds(number * 3600)
    case UInt8(ascii: "M"): return .seconds(number * 60)
    case UInt8(ascii: "S"): return .seconds(number)
    case UInt8(ascii: "m"): return .milliseconds(number)
    case UInt8(ascii: "u"): return .microseconds(number)
    case UInt8(ascii: "n"): return .nanoseconds(number)
    default: return nil
    }
  }

  /// In the finest unit whose digits suffice; a duration that is over is "0n".
  static func encode(_ duration: Duration) -> String {
    guard duration > .zero else { return "0n" }
    let (seconds, attoseconds) = duration.components
    let limit: Int64 = 99_999_999
    if seconds == 0 {
      let nanoseconds = attoseconds / 1_000_000_000
      if nanoseconds <= limit { return "\(nanoseconds)n" }
    }
    if seconds < 99 { return "\(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)u" }
    if seconds < 99_999 { return "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000)m" }
    if seconds <= limit { return "\(seconds)S" }
    return "\(min(seconds / 3600, limit))H"
  }
}
