package import Protobuf

/// Seconds with a fraction and `s`: `"1.500s"`; at most ±315,576,000,000 seconds.
extension Google.Protobuf.Duration {
  package static var hasOwnJSONForm: Bool { true }
  private static let secondsMax: Int64 = 315_576_000_000

  private var isValid: Bool {
    (-Self.secondsMax...Self.secondsMax).contains(seconds)
      && (-999_999_999...999_999_999).contains(nanos)
      && !(seconds > 0 && nanos < 0) && !(seconds < 0 && nanos > 0)
  }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    guard isValid else { throw .unrepresentable(type: Self.fullName) }
    let sign = seconds < 0 || nanos < 0 ? "-" : ""
    json.string("\(sign)\(seconds.magnitude)\(Fraction.text(Int32(nanos.magnitude)))s")
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    let text = try json.string()
    guard let parsed = Self.parse(text) else {
      throw json.valueError("a number of seconds with an s, as in \"1.5s\"")
    }
    self = parsed
  }

  private static func parse(_ text: String) -> Self? {
    var rest = Array(text.utf8)[...]
    guard rest.popLast() == UInt8(ascii: "s") else { return nil }
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative { rest.removeFirst() }
    let parts = rest.split(
      separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let seconds = Fraction.digits(parts[0]),
      let nanos = parts.count == 2 ? Fraction.nanos(parts[1]) : 0
    else { return nil }
    let sign: Int64 = isNegative ? -1 : 1
    let duration = Self(seconds: sign * seconds, nanos: Int32(sign) * nanos)
    return duration.isValid ? duration : nil
  }
}

extension Google.Protobuf.Duration {
  /// The same time; what is finer than a nanosecond is cut off.
  package init(_ duration: Swift.Duration) {
    let (seconds, attoseconds) = duration.components
    self.init(seconds: seconds, nanos: Int32(attoseconds / 1_000_000_000))
  }

  /// The same time; `nil` where the fields are out of range or have different signs.
  package var duration: Swift.Duration? {
    guard isValid else { return nil }
    return .seconds(seconds) + .nanoseconds(Int64(nanos))
  }
}
