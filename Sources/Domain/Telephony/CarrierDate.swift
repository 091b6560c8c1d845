/// Dates as Twilio and HTTP write them: RFC 2822, as in `Tue, 31 Aug 2010 20:36:28 +0000`, or with
/// `GMT` (RFC 9110, section 5.6.7).
package enum CarrierDate {
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// Nil when the text is no such date. The day of the week is not looked at.
  package static func parse(_ text: String) -> Timestamp? {
    let parts = text.split(separator: " ")
    guard parts.count == 6, parts[0].hasSuffix(","), let day = number(parts[1], 1...31),
      let month = months.firstIndex(of: String(parts[2])), let year = number(parts[3], 1970...9999),
      let offset = offsetMinutes(parts[5])
    else { return nil }
    let clock = parts[4].split(separator: ":", omittingEmptySubsequences: false)
    guard clock.count == 3, let hour = number(clock[0], 0...23),
      let minute = number(clock[1], 0...59), let second = number(clock[2], 0...60)
    else { return nil }
    let days = daysSinceEpoch(year: year, month: month + 1, day: day)
    let minutes = days * 1440 + hour * 60 + minute - offset
    return Timestamp(microseconds: Int64(minutes * 60 + second) * 1_000_000)
  }

  private static func number(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
    guard text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let number = Int(text),
      range.contains(number)
    else { return nil }
    return number
  }

  private static func offsetMinutes(_ text: Substring) -> Int? {
    if text == "GMT" || text == "UTC" { return 0 }
    guard text.utf8.count == 5, let sign = text.first, sign == "+" || sign == "-",
      let hours = number(text.dropFirst().prefix(2), 0...23),
      let minutes = number(text.dropFirst(3), 0...59)
    else { return nil }
    return (sign == "-" ? -1 : 1) * (hours * 60 + minutes)
  }

  /// Days from 1970-01-01 to a date of the Gregorian calendar: whole years counted from March, so
  /// that the leap day is the last of its year.
  private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
    let shifted = month > 2 ? year : year - 1
    let monthFromMarch = (month + 9) % 12
    let daysBeforeMonth = (153 * monthFromMarch + 2) / 5
    let leapDays = shifted / 4 - shifted / 100 + shifted / 400
    return shifted * 365 + leapDays + daysBeforeMonth + day - 1 - 719_468
  }
}
