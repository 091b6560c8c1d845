/// What callers saw of their calls.
struct Measured: Sendable {
  private var microseconds: [UInt32] = []
  /// Of all answers, in whatever the caller counts: bytes, or rows.
  private var size = 0
  /// How often each failure came.
  var failures: [String: Int] = [:]

  mutating func answered(_ size: Int, in time: Duration) {
    microseconds.append(UInt32(clamping: Int64(time / .microseconds(1))))
    self.size += size
  }

  mutating func add(_ other: Measured) {
    microseconds += other.microseconds
    size += other.size
    failures.merge(other.failures, uniquingKeysWith: +)
  }

  /// One line of JSON; `time` is how long it all took.
  func json(over time: Duration) -> String {
    let sorted = microseconds.sorted()
    func at(_ share: Double) -> UInt32 {
      sorted.isEmpty ? 0 : sorted[min(Int(Double(sorted.count) * share), sorted.count - 1)]
    }
    let failed = failures.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
      .joined(separator: ", ")
    let rate = Double(sorted.count) / (time / .seconds(1))
    return """
      {"calls": \(sorted.count), "calls_per_second": \(rate), "p50_us": \(at(0.5)), \
      "p99_us": \(at(0.99)), "max_us": \(sorted.last ?? 0), "size": \(size), \
      "failures": {\(failed)}}
      """
  }
}
