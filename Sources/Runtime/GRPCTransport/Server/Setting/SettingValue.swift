/// How the value of a setting is written: 300ms, 10s, 5m, 2h; 64KiB, 4MiB; infinite.
enum SettingValue {
  private static let durations: [(suffix: String, unit: Duration)] = [
    ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3600)),
  ]
  private static let sizes: [(suffix: String, unit: Int)] = [
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
  ]

  static let infinite = "infinite"
  static let automatic = "automatic"
  static let none = "none"

  /// `nil` for anything else, a number of more than 12 digits among them.
  static func duration(_ text: String) -> Duration? {
    for (suffix, unit) in durations where text.hasSuffix(suffix) {
      // "5m" ends in "m", "5ms" in "s" too: the digits decide.
      if let count = count(text.dropLast(suffix.count)) { return unit * count }
    }
    return nil
  }

  static func size(_ text: String) -> Int? {
    for (suffix, unit) in sizes where text.hasSuffix(suffix) {
      let product = count(text.dropLast(suffix.count)).map {
        $0.multipliedReportingOverflow(by: unit)
      }
      return product.flatMap { $0.overflow ? nil : $0.partialValue }
    }
    return count(text[...])
  }

  static func count(_ text: Substring) -> Int? {
    guard (1...12).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) })
    else { return nil }
    return Int(text)
  }

  /// The origins of "none", "*" or a list with commas; `nil` for anything else.
  static func origins(_ text: String) -> [String]? {
    if text == none { return [] }
    let origins = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let areOrigins = origins.allSatisfy { origin in
      origin == "*" || (origin.contains("://") && !origin.contains(where: \.isWhitespace))
    }
    return areOrigins ? origins : nil
  }

  static func text(origins: [String]) -> String {
    origins.isEmpty ? none : origins.joined(separator: ",")
  }

  static func text(_ duration: Duration) -> String {
    for (suffix, unit) in durations.reversed() where duration >= unit {
      let count = duration.components.seconds * 1000 + duration.components.attoseconds / .milli
      let unitCount = unit.components.seconds * 1000 + unit.components.attoseconds / .milli
      if count % unitCount == 0 { return "\(count / unitCount)\(suffix)" }
    }
    return "0s"
  }

  static func text(size: Int) -> String {
    for (suffix, unit) in sizes.reversed() where size >= unit && size % unit == 0 {
      return "\(size / unit)\(suffix)"
    }
    return "\(size)"
  }
}

extension Int64 {
  /// Attoseconds of a millisecond.
  fileprivate static let milli: Int64 = 1_000_000_000_000_000
}
