/// Wall-clock time as text (RFC 3339, UTC, microseconds).
enum LogTime {
  static func text(microseconds: Int64) -> String {
    let (seconds, fraction) = floor(microseconds, 1_000_000)
    let (days, rest) = floor(seconds, 86_400)
    let (year, month, day) = date(daysSince1970: days)
    let clock = [rest / 3600, rest / 60 % 60, rest % 60].map { pad($0, 2) }
    return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(clock.joined(separator: ":"))"
      + ".\(pad(fraction, 6))Z"
  }

  /// Division that rounds towards the past.
  private static func floor(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
  }

  private static func pad(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  /// The Gregorian date. Years are counted from March, so that the leap day is a year's last.
  private static func date(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let daysPer400Years: Int64 = 146_097
    let (era, dayOfEra) = floor(days + 719_468, daysPer400Years)
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / (daysPer400Years - 1)) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shifted + 2) / 5 + 1
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
