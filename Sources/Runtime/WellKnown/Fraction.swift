/// Decimal digits, and nanoseconds as the fraction of a second, in the JSON forms of times.
enum Fraction {
  /// Nothing, or a point with 3, 6 or 9 digits.
  static func text(_ nanos: Int32) -> String {
    if nanos == 0 { return "" }
    if nanos % 1_000_000 == 0 { return "." + padded(Int64(nanos / 1_000_000), 3) }
    if nanos % 1000 == 0 { return "." + padded(Int64(nanos / 1000), 6) }
    return "." + padded(Int64(nanos), 9)
  }

  /// The nanoseconds that 1 to 9 digits behind the point say.
  static func nanos(_ digits: ArraySlice<UInt8>) -> Int32? {
    guard (1...9).contains(digits.count), var value = self.digits(digits) else { return nil }
    for _ in digits.count..<9 { value *= 10 }
    return Int32(value)
  }

  /// The number that at most 18 digits say.
  static func digits(_ text: ArraySlice<UInt8>) -> Int64? {
    guard !text.isEmpty, text.count <= 18, text.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return text.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
  }

  /// `number` with leading zeros.
  static func padded(_ number: Int64, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(width - text.utf8.count, 0)) + text
  }
}
