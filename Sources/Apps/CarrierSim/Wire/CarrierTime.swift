internal import Telephony

/// A point of time in the forms that Twilio writes and reads. UTC, whole seconds.
struct CarrierTime {
  private let year: Int
  private let month: Int
  private let day: Int
  private let weekday: Int
  private let hour: Int
  private let minute: Int
  private let second: Int

  init(_ time: Timestamp) {
    let seconds = Int(floorDivide(time.microseconds, 1_000_000))
    let days = Int(floorDivide(Int64(seconds), 86400))
    let rest = seconds - days * 86400
    (year, month, day) = Self.civil(days)
    weekday = ((days % 7) + 11) % 7  // Day 0 was a Thursday.
    hour = rest / 3600
    minute = rest / 60 % 60
    second = rest % 60
  }

  /// `Sat, 21 Nov 2026 04:05:06 +0000` (RFC 2822), as the 2010-04-01 API and callbacks have it.
  var mailDate: String {
    let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    return "\(weekdays[weekday]), \(two(day)) \(Self.months[month - 1]) \(year) "
      + "\(two(hour)):\(two(minute)):\(two(second)) +0000"
  }

  /// `2026-11-21T04:05:06Z` (ISO 8601), as the newer APIs have it.
  var isoDate: String {
    "\(year)-\(two(month))-\(two(day))T\(two(hour)):\(two(minute)):\(two(second))Z"
  }

  /// A filter's value: `2026-11-21` or `2026-11-21T04:05:06Z`. Nil for anything else.
  static func parse(_ text: String) -> Timestamp? {
    let halves = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
    let date = halves[0].split(separator: "-", omittingEmptySubsequences: false)
    guard date.count == 3, date[0].utf8.count == 4, let year = Int(date[0]),
      let month = Int(date[1]), let day = Int(date[2]), (1...12).contains(month),
      (1...31).contains(day)
    else { return nil }
    var seconds = days(year, month, day) * 86400
    if halves.count == 2 {
      guard halves[1].hasSuffix("Z") else { return nil }
      let time = halves[1].dropLast().split(separator: ":", omittingEmptySubsequences: false)
      guard time.count == 3, let hour = Int(time[0]), let minute = Int(time[1]),
        let second = Int(time[2].prefix(2)), (0...23).contains(hour), (0...59).contains(minute),
        (0...60).contains(second)
      else { return nil }
      seconds += hour * 3600 + minute * 60 + second
    }
    return Timestamp(milliseconds: Int64(seconds) * 1000)
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// The date that many days after 1970-01-01, in the Gregorian calendar. Years begin in March, so
  /// that the leap day is a year's last; 400 years are 146,097 days.
  private static func civil(_ days: Int) -> (Int, Int, Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
      - 719_468
  }
}

private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }

private func floorDivide(_ dividend: Int64, _ divisor: Int64) -> Int64 {
  dividend >= 0 ? dividend / divisor : -((divisor - 1 - dividend) / divisor)
}
