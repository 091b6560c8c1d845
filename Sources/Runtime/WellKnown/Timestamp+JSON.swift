package import Protobuf

/// RFC 3339 in UTC, with 0, 3, 6 or 9 digits of a second's fraction; the years 1 to 9999.
extension Google.Protobuf.Timestamp {
  package static var hasOwnJSONForm: Bool { true }
  /// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
  private static let secondsRange: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

  package func write(to json: inout JSONWriter) throws(JSONError) {
    guard Self.secondsRange.contains(seconds), (0..<1_000_000_000).contains(nanos) else {
      throw .unrepresentable(type: Self.fullName)
    }
    let time = CivilTime(secondsSince1970: seconds)
    func padded(_ number: Int64, _ width: Int) -> String { Fraction.padded(number, width) }
    json.string(
      "\(padded(time.year, 4))-\(padded(time.month, 2))-\(padded(time.day, 2))T"
        + "\(padded(time.hour, 2)):\(padded(time.minute, 2)):\(padded(time.second, 2))"
        + "\(Fraction.text(nanos))Z")
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    let text = try json.string()
    guard let parsed = Self.parse(text) else { throw json.valueError("an RFC 3339 time") }
    self = parsed
  }

  /// `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`.
  private static func parse(_ text: String) -> Self? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20 else { return nil }
    func number(_ start: Int, _ count: Int) -> Int64? {
      Fraction.digits(bytes[start..<start + count])
    }
    guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2),
      let hour = number(11, 2), let minute = number(14, 2), let second = number(17, 2),
      bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"),
      bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":")
    else { return nil }
    let time = CivilTime(
      year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    guard var seconds = time.secondsSince1970 else { return nil }
    var rest = bytes[19...]
    var nanos: Int32 = 0
    if rest.first == UInt8(ascii: ".") {
      let digits = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
      guard let value = Fraction.nanos(digits) else { return nil }
      nanos = value
      rest = rest[digits.endIndex...]
    }
    guard let offset = zoneOffset(rest) else { return nil }
    seconds -= offset
    guard secondsRange.contains(seconds) else { return nil }
    return Self(seconds: seconds, nanos: nanos)
  }

  /// How many seconds the zone is ahead of UTC.
  private static func zoneOffset(_ text: ArraySlice<UInt8>) -> Int64? {
    if text.elementsEqual("Z".utf8) { return 0 }
    let zone = Array(text)
    guard zone.count == 6, zone[3] == UInt8(ascii: ":"), let hours = Fraction.digits(zone[1..<3]),
      let minutes = Fraction.digits(zone[4..<6]), hours < 24, minutes < 60
    else { return nil }
    switch zone[0] {
    case UInt8(ascii: "+"): return hours * 3600 + minutes * 60
    case UInt8(ascii: "-"): return -(hours * 3600 + minutes * 60)
    default: return nil
    }
  }
}

/// A date and a time of day in the Gregorian calendar, UTC.
struct CivilTime: Equatable {
  var year: Int64
  var month: Int64
  var day: Int64
  var hour: Int64
  var minute: Int64
  var second: Int64
}

/// Days are counted in years that begin in March, so that a leap day is a year's last.
extension CivilTime {
  private static let daysPerEra: Int64 = 146_097

  init(secondsSince1970 seconds: Int64) {
    let (days, time) = Self.floored(seconds, 86_400)
    let shifted = days + 719_468
    let (era, dayOfEra) = Self.floored(shifted, Self.daysPerEra)
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    self.init(
      year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month,
      day: dayOfYear - (153 * marchMonth + 2) / 5 + 1, hour: time / 3600,
      minute: time % 3600 / 60, second: time % 60)
  }

  /// `nil` for what is no date or no time of day. Leap seconds are none, as in RFC 3339's UTC-SLS.
  var secondsSince1970: Int64? {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1, hour < 24, minute < 60,
      second < 60
    else { return nil }
    let marchYear = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = Self.floored(marchYear, 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * Self.daysPerEra + dayOfEra - 719_468
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    // A day that the month does not have comes back as another one.
    return CivilTime(secondsSince1970: seconds) == self ? seconds : nil
  }

  private static func floored(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
    let remainder = value % divisor
    return remainder < 0
      ? (value / divisor - 1, remainder + divisor) : (value / divisor, remainder)
  }
}
